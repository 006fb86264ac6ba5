import { type Dim, sameShape, showShape } from '../dim.ts';
import { lower } from '../onnx/lower.ts';
import type { ExternalData } from '../onnx/model.ts';
import { add } from '../ops/elementwise.ts';
import { input } from '../ops/leaf.ts';
import { is, type Tensor, topological } from '../tensor.ts';
import { fusedAttentionIsRight } from './attention-self-test.ts';
import type { Device } from './device.ts';
import { isWorthQuantizing } from './int8.ts';
import { type Request, readName, type Value, type WeightToRead } from './protocol.ts';
import { openSession, resolveDevice, weightsTaken } from './session-host.ts';

/** Where weights lie in files that the runtime maps: all in one `folder`, symbolic links resolved. */
export interface External {
  folder: string;
  place: (name: string) => ExternalData | undefined;
  /** weights of linear layers stored as 8-bit codes and their scales */
  int8?: (name: string) => { codes: ExternalData; scales: ExternalData } | undefined;
}

/** Weights that are read one by one when a session is made, as pages do. */
export interface StreamedWeights {
  /** how a weight is stored; undefined when there is none of that name */
  stored(name: string): 'float32' | 'float16' | undefined;
  floats(name: string): Promise<Float32Array>;
  /** the bit patterns of one that is stored as float16 */
  halves(name: string): Promise<Uint16Array>;
}

/** A weight [out, in] that nothing but linear layers reads. */
export interface LinearWeight {
  name: string;
  out: number;
  in: number;
}

export interface ProgramOptions {
  device?: Device | 'auto';
  /** threads of the runtime; 0 lets it take one per core */
  threads?: number;
  /** weights that stay in a file */
  external?: External;
  /**
   * instead of `external`, for 8-bit inference on the CPU: called with the weights that only linear layers
   * read, and the names of all that the graph reads
   */
  quantized?: (linear: readonly LinearWeight[], read: ReadonlySet<string>) => Promise<External>;
  /** weights that come one by one */
  streamed?: StreamedWeights;
  /** values held in the session from run to run, by the name of the weight or input they stand for */
  state?: Readonly<Record<string, Float32Array>>;
  /** for states that a run replaces: the output that holds the successor */
  updates?: Readonly<Record<string, Tensor>>;
  /**
   * Lets successors overwrite their state (on the CPU; elsewhere it changes nothing). Only when each update waits for every gradient (global-norm clipping is such
   * a barrier) and nothing reads a state once its successor is computed: without that an update may run before its weight's last use, and training goes wrong silently.
   */
  inPlace?: boolean;
  /** attention as one operator of the runtime; by default where it is known, or has just been tested, to be right */
  fusedAttention?: boolean;
  /** a scalar output: when a run makes it infinite or NaN, states stay as they were (not together with `inPlace`) */
  advanceWhenFinite?: string;
}

/** Where a network's values come from: a state of floats, a file the runtime maps, or a stream. */
export type Weights = Pick<ProgramOptions, 'state' | 'external' | 'quantized' | 'streamed'>;

/** A graph made ready to run on a device. Owned by whoever compiled it; `dispose` frees its thread and memory. */
export interface Program {
  readonly device: Device;
  /**
   * Runs once. `advance` (default: when there are updates) puts successors in the place of their states. `held` names
   * what `hold` keeps, fed besides `feeds`.
   */
  run(
    feeds: Readonly<Record<string, Value>>,
    options?: { fetch?: readonly string[]; advance?: boolean; held?: string },
  ): Promise<Record<string, Value>>;
  /** Keeps feeds of many runs in the session, under a name; those it kept before under that name are freed. Their arrays move there. */
  hold(name: string, feeds: Readonly<Record<string, Value>>): Promise<void>;
  readState(names: readonly string[]): Promise<Record<string, Float32Array>>;
  writeState(state: Readonly<Record<string, Float32Array>>): Promise<void>;
  dispose(): Promise<void>;
}

/** Lowers the graph below `outputs`, opens a session for it in a thread of its own, and hands it its state. */
export async function compile(
  outputs: Readonly<Record<string, Tensor>>,
  options: ProgramOptions = {},
): Promise<Program> {
  const { state = {}, updates = {}, inPlace = false, threads = 0, advanceWhenFinite } = options;
  const device = resolveDevice(options.device ?? 'cpu');
  if (options.quantized && device !== 'cpu')
    throw new Error(
      `compile: 8-bit weights run on the CPU, got device "${device}". Leave out --precision, or choose --device cpu.`,
    );
  if (inPlace && advanceWhenFinite)
    throw new Error(
      'compile: expected inPlace or advanceWhenFinite, got both. What is overwritten cannot stay as it was.',
    );
  const stateOutputs = Object.fromEntries(Object.keys(updates).map((name) => [name, `next:${name}`]));
  const all = {
    ...outputs,
    ...Object.fromEntries(Object.entries(updates).map(([name, t]) => [stateOutputs[name], t])),
  };
  const external = options.quantized ? await quantizedWeights(options.quantized, Object.values(all)) : options.external;
  const fusedAttention = options.fusedAttention ?? (await isAttentionFused(all, device));
  const { streamed } = options;
  const taken = weightsTaken(device);
  const isHalf = (name: string) => taken.halves && streamed?.stored(name) === 'float16' && !(name in state);
  const isStreamed = (name: string) => streamed?.stored(name) !== undefined && !(name in state);
  const streams = weightsOf(all).filter(({ attributes }) => isStreamed(attributes.name));
  const files = new Map(taken.as === 'file' ? streams.map((t) => [t.attributes.name, fileOf(t, isHalf)]) : []);
  const lowered = lower(all, {
    device,
    external: streamed ? (name) => files.get(name) : external?.place,
    int8: external?.int8,
    halves: isHalf,
    fusedAttention,
  });
  const fed = new Map([...lowered.inputs, ...lowered.parameters].map((t) => [t.attributes.name, t]));
  const values: Record<string, Value> = {};
  for (const [name, data] of Object.entries(state)) {
    const t = fed.get(name);
    if (!t) continue; // a state the graph never reads stays with its owner
    const size = t.shape.reduce<number>((a, d) => a * Number(d), 1);
    if (size !== data.length)
      throw new Error(`compile: state "${name}" must be ${showShape(t.shape)}, got ${data.length} values.`);
    values[name] = { dtype: 'float32', dims: t.shape as number[], data };
  }
  for (const [name, next] of Object.entries(updates)) {
    const held = fed.get(name);
    if (!held || !(name in values))
      throw new Error(
        `compile: update of "${name}" ${showShape(next.shape)}, but no state of this name is read by the graph and given a value.`,
      );
    if (!sameShape(held.shape, next.shape))
      throw new Error(`compile: update of "${name}" must be ${showShape(held.shape)}, got ${showShape(next.shape)}.`);
  }
  const weights = streams.map(({ attributes: { name }, shape }): WeightToRead => {
    const [dims, from] = [shape as number[], streamed as StreamedWeights];
    return isHalf(name)
      ? { name, dtype: 'float16', dims, read: () => from.halves(name) }
      : { name, dtype: 'float32', dims, read: () => from.floats(name) };
  });
  for (const p of lowered.parameters)
    if (!(p.attributes.name in values) && !weights.some(({ name }) => name === p.attributes.name))
      throw new Error(
        `compile: no values for weight "${p.attributes.name}" ${showShape(p.shape)}. Load a checkpoint or initialise it.`,
      );
  const client = openSession();
  try {
    const request: Request = {
      kind: 'create',
      model: lowered.bytes,
      device,
      threads,
      folder: external?.folder,
      state: values,
      weights,
      stateOutputs,
      reader: device === 'webgpu' && Object.keys(updates).length > 0 ? readerOf(updates, device) : undefined,
      inPlace,
    };
    await client.send(request);
  } catch (error) {
    await client.close();
    throw error;
  }
  const names = Object.keys(outputs);
  const heldShapes = new Map<string, Record<string, Pick<Value, 'dtype' | 'dims'>>>();
  return {
    device,
    async run(feeds, { fetch = names, advance = Object.keys(updates).length > 0, held } = {}) {
      const kept = held === undefined ? {} : heldShapes.get(held);
      if (!kept) throw new Error(`run: nothing is held under the name "${held}".`);
      const sizes = new Map<Dim, { size: number; name: string }>();
      for (const t of lowered.inputs) {
        const { name } = t.attributes;
        if (name in values) continue;
        const value = feeds[name] ?? kept[name];
        if (!value)
          throw new Error(
            `run: input "${name}" ${showShape(t.shape)} is missing; got ${Object.keys(feeds).join(', ') || 'nothing'}.`,
          );
        const count = value.dims.reduce((a, d) => a * d, 1);
        const length = feeds[name]?.data.length ?? count; // what is held was counted then
        if (count !== length)
          throw new Error(
            `run: input "${name}" must hold ${count} values for ${showShape(value.dims)}, got ${length}.`,
          );
        const fits =
          value.dims.length === t.shape.length && t.shape.every((d, i) => typeof d === 'string' || d === value.dims[i]);
        if (!fits || value.dtype !== t.dtype)
          throw new Error(
            `run: input "${name}" must be ${t.dtype} ${showShape(t.shape)}, got ${value.dtype} ${showShape(value.dims)}.`,
          );
        for (const [i, d] of t.shape.entries()) {
          const size = value.dims[i];
          const known = sizes.get(d) ?? { size, name };
          if (typeof d === 'string' && known.size !== size)
            throw new Error(
              `run: ${d} is ${known.size} in input "${known.name}" and ${size} in "${name}". One name is one size.`,
            );
          sizes.set(d, known);
        }
      }
      return (await client.send({
        kind: 'run',
        feeds: feeds as Record<string, Value>,
        held,
        fetch,
        advance,
        whenFinite: advanceWhenFinite,
      })) as Record<string, Value>;
    },
    async hold(name, values) {
      for (const [input, { dims, data }] of Object.entries(values))
        if (dims.reduce((a, d) => a * d, 1) !== data.length)
          throw new Error(`hold: input "${input}" must hold ${showShape(dims)}, got ${data.length} values.`);
      heldShapes.set(
        name,
        Object.fromEntries(Object.entries(values).map(([k, { dtype, dims }]) => [k, { dtype, dims }])),
      );
      const buffers = [...new Set(Object.values(values).map((v) => v.data.buffer as ArrayBuffer))];
      await client.send({ kind: 'hold', name, values: values as Record<string, Value> }, buffers);
    },
    async readState(wanted) {
      const got = (await client.send({ kind: 'readState', names: wanted })) as Record<string, Value>;
      return Object.fromEntries(Object.entries(got).map(([name, v]) => [name, v.data as Float32Array]));
    },
    async writeState(next) {
      const wire = Object.fromEntries(
        Object.entries(next).map(([name, data]) => [name, { dtype: 'float32', dims: [data.length], data } as Value]),
      );
      await client.send({ kind: 'writeState', state: wire });
    },
    async dispose() {
      await client.send({ kind: 'dispose' }).catch(() => undefined); // already gone
      await client.close();
    },
  };
}

/** A graph that gives states back as they are. */
function readerOf(updates: Readonly<Record<string, Tensor>>, device: Device): Uint8Array {
  const outputs = Object.entries(updates).map(([name, { shape }]) => [readName(name), add(input(name, shape), 0)]);
  return lower(Object.fromEntries(outputs), { device }).bytes;
}

/** A weight as a file of its own, under its own name. */
function fileOf({ attributes: { name }, shape }: Tensor<'parameter'>, isHalf: (name: string) => boolean): ExternalData {
  const count = (shape as number[]).reduce((a, d) => a * d, 1);
  return { location: name, offset: 0, length: count * (isHalf(name) ? 2 : 4) };
}

const weightsOf = (outputs: Readonly<Record<string, Tensor>>): Tensor<'parameter'>[] =>
  topological(Object.values(outputs)).filter((t): t is Tensor<'parameter'> => is('parameter', t));

/** On WebGPU only after a test of the device, and only for graphs that have attention at all. */
async function isAttentionFused(outputs: Readonly<Record<string, Tensor>>, device: Device): Promise<boolean> {
  if (device !== 'webgpu') return true;
  if (!topological(Object.values(outputs)).some((t) => t.op === 'attention')) return false;
  return fusedAttentionIsRight(device, (output, fusedAttention) => compile({ output }, { device, fusedAttention }));
}

function quantizedWeights(open: NonNullable<Weights['quantized']>, roots: readonly Tensor[]): Promise<External> {
  const read = topological(roots).flatMap((t) => (is('parameter', t) ? [t.attributes.name] : []));
  return open(linearWeights(roots), new Set(read));
}

/** The weights that only linear layers read, as their weight, and that are wide enough for 8 bits to pay. */
function linearWeights(roots: readonly Tensor[]): LinearWeight[] {
  const found = new Map<Tensor, boolean>();
  for (const t of topological(roots))
    for (const [i, x] of t.inputs.entries())
      if (is('parameter', x)) found.set(x, t.op === 'linear' && i === 1 && found.get(x) !== false);
  const weights = [...found].filter(([, onlyLinear]) => onlyLinear).map(([t]) => t as Tensor<'parameter'>);
  return weights
    .filter((t) => !roots.includes(t))
    .map(({ attributes, shape }) => ({ name: attributes.name, out: shape[0] as number, in: shape[1] as number }))
    .filter(isWorthQuantizing);
}

/** A concrete float tensor. */
export const floats = (data: Float32Array, dims: readonly number[]): Value => ({ dtype: 'float32', dims, data });

export const integers = (data: Int32Array, dims: readonly number[]): Value => ({ dtype: 'int32', dims, data });
