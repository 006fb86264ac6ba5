import {
  parseSafetensorsHeader,
  SafetensorsError,
  type SafetensorsHeader,
  type SafetensorsRange,
  safetensorsHeaderBytes,
  toFloat32,
} from '../formats/index.ts';
import {
  checkWeights,
  openWeights as openFile,
  type Precision,
  readWeights as readFile,
  type Scope,
  showShape,
  type WeightFile,
  type Weights,
} from '../tensor/index.ts';
import type { OnEvent } from './events.ts';
import type { DistantFile } from './model-source.ts';
import { type ClassName, type ConfigOf, type NetworkClass, networkClasses } from './network-classes.ts';

/** A network whose file was checked by its header. No weight is in memory, or fetched, before it is read or opened. */
export interface Network<C = object, N extends string = string> {
  /** class name */
  readonly name: N;
  readonly config: C;
  /** path of its file, or on the Hub repository and path there */
  readonly at: string;
  /** where each weight lies in the file */
  readonly weights: WeightFile['weights'];
  /** Local path of the file, fetched first when it is not here. */
  readonly fetch: () => Promise<string>;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** as stored: F32, F16 or BF16 */
  readonly dtypes: Readonly<Record<string, string>>;
  /** trained values; buffers are not counted */
  readonly parameters: number;
  /** size of the file */
  readonly bytes: number;
}

/** The network of a class. Distributes: of two classes it is the one or the other. */
export type NetworkOf<N extends string> = N extends ClassName ? Network<ConfigOf<N>, N> : never;

/**
 * The network of class `name` that a safetensors file holds.
 * @param options   of its component file
 * @param optionsAt names that file in errors
 * @throws Error naming the file and tensor, what was expected and what was found
 */
export async function checkedNetwork<N extends ClassName>(
  name: N,
  file: DistantFile,
  options: unknown,
  optionsAt: string,
): Promise<NetworkOf<N>> {
  const row = networkClasses[name] as unknown as NetworkClass<ConfigOf<N>>;
  const { at: path, size: bytes, fetch } = file;
  const { tensors } = await readHeader(file);
  const result = row.read(options, new Set(tensors.keys()));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new Error(`${optionsAt}: ${issue.path.join('.') || 'content'}: ${issue.message}.`);
  }
  const config = result.data as ConfigOf<N>;
  const declared = declaredWeights(row, config, optionsAt);
  const shapes: Record<string, readonly number[]> = {};
  const dtypes: Record<string, string> = {};
  const weights: WeightFile['weights'][number][] = [];
  let parameters = 0;
  for (const [key, p] of declared) {
    const found = tensors.get(key);
    if (!found)
      throw new Error(
        `${path}: lacks the tensor "${key}" ${showShape(p.shape)}. The file and ${optionsAt} do not belong together.`,
      );
    if (showShape(found.shape) !== showShape(p.shape))
      throw new Error(`${path}: "${key}" must be ${showShape(p.shape)}, found ${showShape(found.shape)}.`);
    weights.push(storedWeight(path, key, found));
    shapes[key] = found.shape;
    dtypes[key] = found.dtype;
    if (!row.buffers?.includes(key)) parameters += found.shape.reduce((a, d) => a * d, 1);
  }
  for (const key of tensors.keys())
    if (!declared.has(key) && !row.unused?.test(key))
      throw new Error(`${path}: has the tensor "${key}", which a ${name} of this configuration does not.`);
  weights.sort((a, b) => a.begin - b.begin); // as they lie, so that reading goes forward
  return { name, config, at: path, weights, fetch, shapes, dtypes, parameters, bytes } as unknown as NetworkOf<N>;
}

function declaredWeights<C>(row: NetworkClass<C>, config: C, optionsAt: string): Scope['parameters'] {
  try {
    return row.declare(config).parameters;
  } catch (error) {
    throw new Error(`${optionsAt}: no network can have these options (${(error as Error).message})`, { cause: error });
  }
}

/** Options of `openWeights` and `readWeights`. */
export interface WeightsOptions {
  /** folder of expanded weights; by default `cacheFolder()` */
  cache?: string;
  /** up to this many bytes of floats are read into memory instead of mapped; 64 MB when not given */
  inMemory?: number;
  /** 'int8': linear layers with 8-bit weights, on the CPU (`openWeights` only) */
  precision?: Precision;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/**
 * A network's weights for `compile`. Large ones stay in their file, which the runtime maps; half precision is first
 * expanded to float32, once, in the cache. Nothing has to be freed besides the program itself.
 * @throws Error when a value is not finite, and when the cache's disk is full
 */
export async function openWeights(network: Network, { onEvent, ...options }: WeightsOptions = {}): Promise<Weights> {
  return openFile(await fileOf(network), { ...options, onProgress: reading(network, onEvent) });
}

/** A network's weights as arrays by name, all in memory: for training, editing and export. */
export async function readWeights(
  network: Network,
  { signal, onEvent }: WeightsOptions = {},
): Promise<Record<string, Float32Array>> {
  return readFile(await fileOf(network), { signal, onProgress: reading(network, onEvent) });
}

/** Reads every value once. @throws Error naming the tensor that is not finite */
export async function checkNetwork(network: Network, { signal, onEvent }: WeightsOptions = {}): Promise<void> {
  return checkWeights(await fileOf(network), { signal, onProgress: reading(network, onEvent) });
}

const fileOf = async ({ fetch, weights }: Network): Promise<WeightFile> => ({ path: await fetch(), weights });

/** Every network of a model, as `checkNetwork`. */
export async function checkModel(
  model: { networks: Readonly<Record<string, Network | undefined>> },
  options: WeightsOptions = {},
): Promise<void> {
  for (const network of Object.values(model.networks)) if (network) await checkNetwork(network, options);
}

/** Progress in megabytes, for files whose reading takes noticeable time. */
function reading({ name, bytes }: Network, onEvent?: OnEvent): ((done: number, of: number) => void) | undefined {
  if (!onEvent || bytes < 64e6) return undefined;
  const megabytes = (n: number) => Math.ceil(n / 1e6);
  let shown = -1;
  return (done, of) => {
    if (megabytes(done) < shown + 50 && done < of) return;
    shown = megabytes(done);
    onEvent({ kind: 'step', stage: 'weights', step: shown, of: megabytes(of), note: `MB of ${name}` });
  };
}

function storedWeight(path: string, name: string, { dtype, begin, end }: SafetensorsRange) {
  if (dtype === 'F32') return { name, begin, end, width: 4 as const };
  if (dtype === 'F16' || dtype === 'BF16') {
    const widen = (data: Uint16Array) => toFloat32({ dtype, shape: [data.length], data });
    return { name, begin, end, width: 2 as const, isHalf: dtype === 'F16', widen };
  }
  throw new Error(`${path}: "${name}" is stored as ${dtype}, expected F32, F16 or BF16. Convert the file.`);
}

/** Far above any network's: the header of the largest official one has 80 kB. The format itself allows 100 MB. */
const MOST_HEADER_BYTES = 2 ** 24;

async function readHeader({ at, size, start }: DistantFile): Promise<SafetensorsHeader> {
  try {
    const length = safetensorsHeaderBytes(await start(8), size);
    if (length > MOST_HEADER_BYTES)
      throw new Error(
        `${at}: has a header of ${length} bytes, expected at most ${MOST_HEADER_BYTES}. No network has so many weights.`,
      );
    return parseSafetensorsHeader(await start(length), size);
  } catch (error) {
    throw error instanceof SafetensorsError ? new Error(`${at}: ${error.message}`, { cause: error }) : error;
  }
}
