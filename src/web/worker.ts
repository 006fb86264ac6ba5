/**
 * The worker of a page: it owns the runtime, the model and its files. Requests are answered one after the other; an abort
 * gets through between the runs of a network and within downloads.
 */
import {
  type Asset,
  decoderRoles,
  describeModel,
  type EspalierEvent,
  forgetAll,
  generateAssets,
  loadModel,
  type ModelFolder,
} from '../pipelines/index.browser.ts';
import { type PageDevice, startPageDevice } from '../tensor/index.browser.ts';
import type { Asked, AssetData, FromWorker, GenerateRequest, Loaded, LoadRequest, ToWorker } from './protocol.ts';

interface Work {
  signal: AbortSignal;
  onEvent: (event: EspalierEvent) => void;
}

let model: { folder: ModelFolder; device: PageDevice } | undefined;

const stops = new Map<number, AbortController>();
let last: Promise<void> = Promise.resolve();

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if ('abort' in data) return stops.get(data.id)?.abort();
  const { id, request } = data;
  const stop = new AbortController();
  stops.set(id, stop);
  last = last.then(async () => {
    try {
      stop.signal.throwIfAborted();
      const result = await answer(request, { signal: stop.signal, onEvent: (event) => post({ id, event }) });
      post({ id, result }, [...buffersOf(result)]);
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      post({ id, error: { name, message } });
    } finally {
      stops.delete(id);
    }
  });
});

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  (globalThis as unknown as { postMessage(m: FromWorker, t: ArrayBuffer[]): void }).postMessage(message, transfer);
}

async function answer(request: Asked, work: Work): Promise<Loaded | AssetData[] | undefined> {
  switch (request.kind) {
    case 'load':
      return load(request, work);
    case 'generate':
      return generate(request, work);
    case 'forget':
      await forgetAll();
      return undefined;
  }
}

/** What generation needs besides what every model has: encoders of assets are not fetched. */
const roles = ['slat_flow_model', ...Object.values(decoderRoles)] as const;

async function load({ source, device, runtime, fetch, hub }: LoadRequest, work: Work): Promise<Loaded> {
  const chosen = await startPageDevice(device, runtime, (why) =>
    work.onEvent({
      kind: 'warning',
      stage: 'device',
      message: `WebGPU is not used: ${why}. Running on WebAssembly, which is many times slower.`,
    }),
  );
  const folder = await loadModel(source, { roles, fetch, hub, ...work });
  model = { folder, device: chosen };
  return { device: chosen, description: describeModel(folder) };
}

async function generate({ prompt, options }: GenerateRequest, work: Work): Promise<AssetData[]> {
  if (!model) throw new Error('internal: generate before load');
  const device = model.device === 'wasm' ? 'cpu' : model.device;
  const assets = await generateAssets(model.folder, prompt, { ...options, ...work, device });
  const data: AssetData[] = [];
  for (const asset of assets) data.push(await dataOf(asset));
  return data;
}

async function dataOf(asset: Asset): Promise<AssetData> {
  const { coords, logits, slat, gaussians, radianceField, mesh } = asset;
  const ply = gaussians && asset.ply();
  return { coords, logits, slat, gaussians, radianceField, mesh, glb: await asset.glb(), ply };
}

/** What is handed over to the page rather than copied: nothing here is needed again. */
function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === 'object' && value !== null)
    for (const part of Object.values(value)) buffersOf(part, found);
  return found;
}
