/**
 * Weights where they lie in a file, read through in small pieces: into arrays, into another file, or only to be looked at.
 */
import { openFile } from './file-access.ts';

/** A file of weights; its header was checked by whoever made this. */
export interface WeightFile {
  readonly path: string;
  readonly weights: readonly StoredWeight[];
}

/** One weight: bytes [begin, end) of the file. */
export interface StoredWeight {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
  /** bytes of each element; 4 means float32, as it is */
  readonly width: 2 | 4;
  /** of two bytes each: IEEE halves, not bfloat16 */
  readonly isHalf?: boolean;
  /** elements [n] of two bytes → floats [n] */
  readonly widen?: (elements: Uint16Array) => Float32Array;
}

export interface ReadOptions {
  signal?: AbortSignal;
  onProgress?: (bytes: number, of: number) => void;
}

/** How much is in memory while a file is read through. */
const CHUNK = 8 * 2 ** 20;

/** All weights as arrays of their own. */
export async function readWeights(file: WeightFile, options: ReadOptions = {}): Promise<Record<string, Float32Array>> {
  const values: Record<string, Float32Array> = {};
  for (const w of file.weights) values[w.name] = new Float32Array((w.end - w.begin) / w.width);
  await eachChunk(file, options, async (weight, first, floats) => values[weight.name].set(floats, first));
  return values;
}

/** The bit patterns of one weight that is stored as halves. */
export async function readHalves(
  { path }: WeightFile,
  { name, begin, end }: StoredWeight,
  { signal }: ReadOptions = {},
): Promise<Uint16Array> {
  signal?.throwIfAborted();
  const halves = new Uint16Array((end - begin) / 2);
  const file = await openFile(path);
  try {
    await file.read(new Uint8Array(halves.buffer), begin);
  } finally {
    await file.close();
  }
  if (halves.some((bits) => (bits & 0x7c00) === 0x7c00)) throw notFinite(path, name);
  return halves;
}

/** Reads every value once and keeps none. */
export async function checkWeights(file: WeightFile, options: ReadOptions = {}): Promise<void> {
  await eachChunk(file, options, async () => {});
}

export const floatsOf = ({ begin, end, width }: StoredWeight): number => (end - begin) / width;

/** Every weight in order, in pieces of at most `CHUNK` bytes: floats from element `first`. The array is used again. */
export async function eachChunk(
  { path, weights }: WeightFile,
  { signal, onProgress }: ReadOptions,
  use: (weight: StoredWeight, first: number, floats: Float32Array) => Promise<void>,
): Promise<void> {
  const of = weights.reduce((n, w) => n + w.end - w.begin, 0);
  const largest = weights.reduce((n, w) => Math.max(n, w.end - w.begin), 0);
  const buffer = new ArrayBuffer(Math.min(CHUNK, largest));
  const file = await openFile(path);
  let done = 0;
  try {
    for (const weight of weights) {
      for (let at = weight.begin; at < weight.end; ) {
        signal?.throwIfAborted();
        const length = Math.min(buffer.byteLength, weight.end - at);
        await file.read(new Uint8Array(buffer, 0, length), at);
        const floats = weight.widen
          ? weight.widen(new Uint16Array(buffer, 0, length / 2))
          : new Float32Array(buffer, 0, length / 4);
        if (!areFinite(floats)) throw notFinite(path, weight.name);
        await use(weight, (at - weight.begin) / weight.width, floats);
        at += length;
        done += length;
        onProgress?.(done, of);
      }
    }
  } finally {
    await file.close();
  }
}

const notFinite = (path: string, name: string) =>
  new Error(`${path}: "${name}" holds values that are not finite. The checkpoint is damaged; fetch or train it again.`);

/** Infinities and NaN are the floats whose exponent bits are all set. */
function areFinite(floats: Float32Array): boolean {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i] & 0x7f800000) === 0x7f800000) return false;
  return true;
}
