/**
 * Where sessions run in a page: on the thread that asks, which is the page's worker. The twin of `session-host.ts`.
 * `startRuntime` comes before the first session.
 */
import type * as Ort from 'onnxruntime-web';
import type { Device } from './device.ts';
import { type GpuBuffer, type GpuDevice, overwrite, requestGpu, uploaded } from './gpu-device.ts';
import type { PageRuntimeOptions } from './page-runtime.ts';
import type { Request, Value, WeightToRead } from './protocol.ts';
import type { SessionClient } from './session-host.ts';

type Runtime = { ort: typeof Ort; device: 'cpu' } | { ort: typeof Ort; device: 'webgpu'; gpu: GpuDevice };

let runtime: Runtime | undefined;
/** Why the GPU can no longer be used, once that is so. */
let lost: string | undefined;

/**
 * Loads the runtime for one device; the other is there too where that is 'webgpu' ('cpu' is WebAssembly).
 * @throws Error when there is no such device
 */
export async function startRuntime(
  device: 'cpu' | 'webgpu',
  { wasmPaths, threads, software = false }: PageRuntimeOptions = {},
): Promise<void> {
  lost = undefined;
  if (device === 'webgpu') {
    const gpu = await requestGpu({ software });
    gpu.lost.then(({ reason, message }) => {
      if (reason !== 'destroyed') lost = message || 'its driver was reset';
    });
    const ort = await import('onnxruntime-web/webgpu');
    ort.env.webgpu.device = gpu as never;
    runtime = { ort, device, gpu };
  } else runtime = { ort: await import('onnxruntime-web/wasm'), device };
  const { env } = runtime.ort;
  env.logLevel = 'error';
  env.wasm.numThreads = threads ?? (crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency) : 1);
  if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
}

/** Lets go of the GPU, if one was taken. */
export function stopRuntime(): void {
  if (runtime?.device === 'webgpu') runtime.gpu.destroy();
  runtime = undefined;
}

export function resolveDevice(wanted: Device | 'auto'): Device {
  const { device } = started();
  if (wanted === 'auto') return device;
  if (wanted === 'cpu' || wanted === device) return wanted;
  throw new Error(`device "${wanted}" was not started in this page, which runs on ${device}. Load the model for it.`);
}

/**
 * On the GPU each weight is a buffer of its own, in half precision where its shaders have that; WebAssembly takes
 * weights as files, which it may pack for its kernels.
 */
export function weightsTaken(device: Device): { as: 'input' | 'file'; halves: boolean } {
  if (device !== 'webgpu') return { as: 'file', halves: false };
  const { gpu } = started() as Extract<Runtime, { device: 'webgpu' }>;
  return { as: 'input', halves: gpu.features.has('shader-f16') };
}

function started(): Runtime {
  if (!runtime) throw new Error('internal: a session before startRuntime');
  return runtime;
}

/** A session on this thread; the first request creates it. */
export function openSession(): SessionClient {
  let open: Session | undefined;
  const existing = () => {
    if (!open) throw new Error('session: it has ended; compile the graph again.');
    return open;
  };
  return {
    async send(request) {
      if (lost !== undefined)
        throw new Error(`session: the GPU was lost (${lost}). Load the model again, or choose device 'wasm'.`);
      switch (request.kind) {
        case 'create':
          open = await createSession(request);
          return undefined;
        case 'run': {
          const results = await existing().run(request);
          await othersTurn();
          return results;
        }
        case 'hold':
          return existing().hold(request.name, request.values);
        case 'readState':
          return existing().readState(request.names);
        case 'writeState':
          return existing().writeState(request.state);
        case 'dispose':
          await open?.dispose();
          open = undefined;
          return undefined;
      }
    },
    async close() {
      await open?.dispose();
      open = undefined;
    },
  };
}

interface Session {
  run(request: Extract<Request, { kind: 'run' }>): Promise<Record<string, Value>>;
  /** what is held is on the GPU from then on, where that is the device */
  hold(name: string, values: Readonly<Record<string, Value>>): Promise<void>;
  readState(names: readonly string[]): Record<string, Value>;
  writeState(state: Readonly<Record<string, Value>>): void;
  dispose(): Promise<void>;
}

async function createSession(request: Extract<Request, { kind: 'create' }>): Promise<Session> {
  const { model, device, state, weights, stateOutputs } = request;
  if (Object.keys(stateOutputs).length > 0)
    throw new Error('session: training runs in Node; in a page a graph cannot replace its state.');
  const current = started();
  const { ort } = current;
  const gpu = device === 'webgpu' && current.device === 'webgpu' ? current.gpu : undefined;
  const buffers = new Map<string, GpuBuffer>();
  const fed: Record<string, Ort.Tensor> = {}; // at every run
  const sets = new Map<string, Record<string, Ort.Tensor>>(); // at runs that name them
  const kept: Record<string, Value> = { ...state };
  /** On the GPU a buffer of its own, known by `name`. */
  const tensorOf = async (name: string, value: Value): Promise<Ort.Tensor> => {
    if (!gpu) return toOrt(ort, value);
    const buffer = await uploaded(gpu, name, value.data);
    buffers.set(name, buffer);
    return ort.Tensor.fromGpuBuffer(buffer as never, {
      dataType: value.dtype as 'float32',
      dims: [...value.dims],
    });
  };
  let session: Ort.InferenceSession;
  try {
    for (const [name, value] of Object.entries(state)) fed[name] = await tensorOf(name, value);
    const externalData: { path: string; data: Uint8Array }[] = [];
    for (const weight of weights)
      if (gpu) fed[weight.name] = await tensorOf(weight.name, { ...weight, data: await weight.read() });
      else externalData.push({ path: weight.name, data: await bytesOf(weight) });
    session = await ort.InferenceSession.create(model, {
      executionProviders: [gpu ? { name: 'webgpu', device: gpu as never } : 'wasm'],
      enableMemPattern: false,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      externalData,
    });
  } catch (error) {
    for (const buffer of buffers.values()) buffer.destroy();
    throw error;
  }
  return {
    async run({ feeds, held: set, fetch }) {
      const all = { ...fed, ...(set === undefined ? {} : sets.get(set)) };
      for (const [name, value] of Object.entries(feeds)) all[name] = toOrt(ort, value);
      const results = await session.run(all, [...fetch]);
      const out: Record<string, Value> = {};
      for (const name of fetch) {
        const { type, dims, data } = results[name];
        out[name] = { dtype: type as Value['dtype'], dims, data: data as Value['data'] };
      }
      return out;
    },
    async hold(name, values) {
      for (const input of Object.keys(sets.get(name) ?? {})) {
        buffers.get(`${name}/${input}`)?.destroy();
        buffers.delete(`${name}/${input}`);
      }
      const set: Record<string, Ort.Tensor> = {};
      for (const [input, value] of Object.entries(values)) set[input] = await tensorOf(`${name}/${input}`, value);
      sets.set(name, set);
    },
    readState(names) {
      const values: Record<string, Value> = {};
      for (const name of names) {
        if (!kept[name]) throw new Error(`session: no state named "${name}".`);
        values[name] = { ...kept[name], data: kept[name].data.slice() };
      }
      return values;
    },
    writeState(next) {
      for (const [name, { data }] of Object.entries(next)) {
        const known = kept[name];
        if (known?.data.length !== data.length)
          throw new Error(
            `session: state "${name}" expected ${known?.data.length ?? 'to exist'} values, got ${data.length}.`,
          );
        kept[name] = { ...known, data };
        const buffer = buffers.get(name);
        if (gpu && buffer) overwrite(gpu, buffer, data);
        else fed[name] = toOrt(ort, kept[name]);
      }
    },
    async dispose() {
      await session.release();
      for (const buffer of buffers.values()) buffer.destroy();
      buffers.clear();
    },
  };
}

const toOrt = (ort: typeof Ort, { dtype, dims, data }: Value): Ort.Tensor =>
  new ort.Tensor(dtype as 'float32', data as Float32Array, dims as number[]);

async function bytesOf({ read }: WeightToRead): Promise<Uint8Array> {
  const { buffer, byteOffset, byteLength } = await read();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Runs block this thread; between them a message, such as an abort, gets through. */
const othersTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
