/**
 * The thread that owns one ONNX Runtime session: `run()` blocks its thread, so servers, progress and rasterisers must
 * live in another. State (weights, moments, averages) stays here from run to run.
 */
import { availableParallelism } from 'node:os';
import { parentPort } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';
import { type Request, readName, type Value } from './protocol.ts';

if (!parentPort) throw new Error('internal: session-worker runs as a worker thread');
const port = parentPort;

let session: ort.InferenceSession | undefined;
/** Copies states from the GPU, where they stay between runs; made when they are first read. */
let reader: { model: Uint8Array; session?: ort.InferenceSession } | undefined;
let stateOutputs: Record<string, string> = {}; // input name → output name
const current: Record<string, ort.Tensor> = {};
const next: Record<string, ort.Tensor> = {};
const held = new Map<string, Record<string, ort.Tensor>>();

const toOrt = (v: Value): ort.Tensor =>
  new ort.Tensor(v.dtype as 'float32', v.data as Float32Array, v.dims as number[]);

async function handle(request: Request): Promise<unknown> {
  switch (request.kind) {
    case 'create': {
      const { model, device, threads, folder, inPlace } = request;
      reader = request.reader && { model: request.reader };
      session = await ort.InferenceSession.create(model, {
        executionProviders: [device],
        enableMemPattern: false,
        intraOpNumThreads: threads || availableParallelism(), // the runtime’s own count of cores is 1 on some virtual machines
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        ...(reader && {
          preferredOutputLocation: Object.fromEntries(
            Object.values(request.stateOutputs).map((name) => [name, 'gpu-buffer' as const]),
          ),
        }),
        extra: {
          session: {
            ...(folder ? { model_external_initializers_file_folder_path: folder } : {}),
            intra_op: { allow_spinning: '0' },
          },
        },
      });
      stateOutputs = request.stateOutputs;
      for (const [name, value] of Object.entries(request.state)) {
        current[name] = toOrt(value);
        if (name in stateOutputs && !reader)
          next[name] = inPlace ? current[name] : toOrt({ ...value, data: new Float32Array(value.data.length) });
      }
      return undefined;
    }
    case 'run': {
      if (!session) throw new Error('internal: run before create');
      const feeds: Record<string, ort.Tensor> = { ...current, ...held.get(request.held ?? '') };
      for (const [name, value] of Object.entries(request.feeds)) feeds[name] = toOrt(value);
      const fetches: Record<string, ort.Tensor | null> = {};
      if (reader)
        for (const name of session.outputNames) fetches[name] = null; // where results stay on the GPU, all are asked for
      else {
        for (const name of request.fetch) fetches[name] = null;
        if (request.whenFinite && request.advance) fetches[request.whenFinite] = null;
        if (request.advance) for (const [input, output] of Object.entries(stateOutputs)) fetches[output] = next[input];
      }
      const results = await session.run(feeds, fetches as ort.InferenceSession.OnnxValueMapType);
      // Preallocated outputs are written in place; the tensors returned for them are not the ones handed in.
      const guard =
        request.whenFinite && request.advance ? Number((results[request.whenFinite].data as Float32Array)[0]) : 0;
      const isReplaced = request.advance && Number.isFinite(guard);
      for (const [input, output] of Object.entries(stateOutputs)) {
        const made = reader ? results[output] : next[input];
        const [kept, other] = isReplaced ? [made, current[input]] : [current[input], made];
        current[input] = kept;
        if (!reader) next[input] = other;
        else if (other.location === 'gpu-buffer') other.dispose(); // every run makes new ones, which nothing else frees
      }
      const out: Record<string, Value> = {};
      for (const name of request.fetch) {
        const t = results[name];
        out[name] = { dtype: t.type as Value['dtype'], dims: t.dims, data: t.data as Value['data'] };
      }
      return out;
    }
    case 'hold':
      held.set(request.name, Object.fromEntries(Object.entries(request.values).map(([name, v]) => [name, toOrt(v)])));
      return undefined;
    case 'readState': {
      for (const name of request.names) if (!current[name]) throw new Error(`session: no state named "${name}".`);
      const copies = await fromGpu(request.names.filter((name) => current[name].location === 'gpu-buffer'));
      const out: Record<string, Value> = {};
      for (const name of request.names) {
        const { dims, data } = copies.get(name) ?? current[name];
        out[name] = { dtype: 'float32', dims, data: (data as Float32Array).slice() };
      }
      return out;
    }
    case 'writeState': {
      for (const [name, value] of Object.entries(request.state)) {
        const t = current[name];
        if (!t || t.size !== value.data.length)
          throw new Error(
            `session: state "${name}" expected ${t?.size ?? 'to exist'} values, got ${value.data.length}.`,
          );
        if (t.location === 'gpu-buffer')
          current[name] = toOrt({ ...value, dims: t.dims }); // uploaded by the next run
        else (t.data as Float32Array).set(value.data as Float32Array);
      }
      return undefined;
    }
    case 'dispose':
      for (const t of Object.values(current)) if (t.location === 'gpu-buffer') t.dispose(); // before what owns their memory
      await reader?.session?.release();
      await session?.release();
      session = undefined;
      return undefined;
  }
}

/** States that lie on the GPU: the runtime reads no such tensor by itself, so a graph that changes nothing brings them here. */
async function fromGpu(names: readonly string[]): Promise<Map<string, ort.Tensor>> {
  if (names.length === 0) return new Map();
  if (!reader) throw new Error('internal: a state on the GPU that nothing reads');
  reader.session ??= await ort.InferenceSession.create(reader.model, { executionProviders: ['webgpu'] });
  const feeds = Object.fromEntries(Object.keys(stateOutputs).map((name) => [name, current[name]]));
  const results = await reader.session.run(feeds, names.map(readName));
  return new Map(names.map((name) => [name, results[readName(name)]]));
}

port.on('message', async ({ id, request }: { id: number; request: Request }) => {
  try {
    const result = await handle(request);
    const transfer =
      request.kind === 'readState' || request.kind === 'run' ? buffersOf(result as Record<string, Value>) : [];
    port.postMessage({ id, result }, transfer);
  } catch (error) {
    port.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});

function buffersOf(values: Record<string, Value>): ArrayBuffer[] {
  const buffers = Object.values(values).map((v) => v.data.buffer as ArrayBuffer);
  return [...new Set(buffers)].filter((b) => b instanceof ArrayBuffer && b.byteLength > 0);
}
