import { isHubId, type ModelDescription, type OnEvent } from '../pipelines/index.browser.ts';
import type { PageDevice, PageRuntimeOptions } from '../tensor/index.browser.ts';
import type { Loaded, LoadRequest } from './protocol.ts';
import { startWorker, type WorkerClient } from './worker-client.ts';

/** A model in a worker of its own. Owned by whoever loaded it; `dispose` frees its memory, on the GPU too. */
export interface PageModel {
  /** its address or Hub id */
  readonly folder: string;
  readonly takes: 'image' | 'text';
  /** what it runs on */
  readonly device: PageDevice;
  /** what it holds and what can be made with it, as `espalier info --json` prints it */
  readonly description: ModelDescription;
  dispose(): void;
}

export interface PageLoadOptions {
  /** by default WebGPU where it is there and passes the self-test, else WebAssembly, with a warning event */
  device?: PageDevice | 'auto';
  /** whether weights are fetched at once, or each network's when it is first used; by default at once */
  fetch?: 'now' | 'later';
  /** how files are fetched, of the Hub and of other servers */
  hub?: LoadRequest['hub'];
  /** where ONNX Runtime's files lie, and its threads */
  runtime?: PageRuntimeOptions;
  /** the worker, for pages that bundle it themselves: of the script `espalier/web/worker`, as a module */
  worker?: () => Worker;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

const clients = new WeakMap<PageModel, WorkerClient>();

/** The worker that a model lives in. */
export function workerOf(model: PageModel): WorkerClient {
  const client = clients.get(model);
  if (!client) throw new TypeError('expected a model that loadModel of espalier/web has loaded.');
  return client;
}

/**
 * Loads a model into a worker: from the address of a folder with `pipeline.json`, or a Hub id `owner/name[@revision]`.
 * Its files are kept in the page's private file system, so that they are fetched once.
 * @throws Error naming the file or tensor, what was expected and what was found
 */
export async function loadModel(source: string | URL, options: PageLoadOptions = {}): Promise<PageModel> {
  const { device = 'auto', fetch = 'now', hub = {}, runtime = {}, signal, onEvent } = options;
  const folder = addressOf(source);
  const client = startWorker(options.worker);
  try {
    const request: LoadRequest = { kind: 'load', source: folder, device, runtime, fetch, hub };
    const { description, ...loaded } = await client.ask<Loaded>(request, { signal, onEvent });
    const model = { folder, takes: description.takes, description, ...loaded, dispose: () => client.end() };
    clients.set(model, client);
    return model;
  } catch (error) {
    client.end();
    throw error;
  }
}

/** Removes all models that pages of this origin keep. Not while one is being loaded. */
export async function forgetModels(options: Pick<PageLoadOptions, 'worker'> = {}): Promise<void> {
  const client = startWorker(options.worker);
  try {
    await client.ask({ kind: 'forget' });
  } finally {
    client.end();
  }
}

/** Relative addresses begin with `/`, `./` or `../`: `owner/name` is a model of the Hub. */
function addressOf(source: string | URL): string {
  const text = String(source);
  if (!(source instanceof URL) && isHubId(text)) return text;
  const { href } = new URL(text, document.baseURI);
  return href.endsWith('/') ? href : `${href}/`;
}
