/**
 * Weights where they lie in a file: read into arrays, or mapped by the runtime without ever being a JavaScript value.
 * Halves are expanded once to a cached file of float32, for the runtime would else convert them at every start.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ExternalData } from '../onnx/model.ts';
import { type CacheOptions, cachedFile, cacheFolder } from './cache.ts';
import type { Weights } from './program.ts';

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
  /** elements [n] of two bytes → floats [n] */
  readonly widen?: (elements: Uint16Array) => Float32Array;
}

export interface OpenWeightsOptions extends CacheOptions {
  /** up to this many bytes of floats stay in memory and leave no file in the cache */
  inMemory?: number;
  onProgress?: (bytes: number, of: number) => void;
}

/** The small networks of a few MB; the smallest official one has 237 MB of floats. */
const SMALL = 64 * 2 ** 20;

/** How much is in memory while a file is read through: nothing larger than this is allocated. */
const CHUNK = 8 * 2 ** 20;

/**
 * Weights ready for `compile`: in memory when they are small, else mapped. Every value is looked at once; a file of
 * float32 that was found good is remembered by its path, size and time.
 * @throws Error when a value is not finite, when the file is not the one whose header was read, and when the cache's
 *   disk is full
 */
export async function openWeights(file: WeightFile, options: OpenWeightsOptions = {}): Promise<Weights> {
  const { inMemory = SMALL } = options;
  if (floatBytes(file) <= inMemory) return { state: await readWeights(file, options) };
  return { external: await mapWeights(file, options) };
}

/** All weights as arrays of their own. */
export async function readWeights(
  file: WeightFile,
  { signal, onProgress }: Pick<OpenWeightsOptions, 'signal' | 'onProgress'> = {},
): Promise<Record<string, Float32Array>> {
  const values: Record<string, Float32Array> = {};
  for (const w of file.weights) values[w.name] = new Float32Array((w.end - w.begin) / w.width);
  await eachChunk(file, { signal, onProgress }, async (weight, first, floats) =>
    values[weight.name].set(floats, first),
  );
  return values;
}

/** Reads every value once and keeps none. */
export async function checkWeights(
  file: WeightFile,
  options: Pick<OpenWeightsOptions, 'signal' | 'onProgress'> = {},
): Promise<void> {
  await eachChunk(file, options, async () => {});
}

async function mapWeights(file: WeightFile, options: OpenWeightsOptions): Promise<NonNullable<Weights['external']>> {
  const path = await realpath(file.path); // the runtime refuses links that leave the folder, as the Hub's cache has them
  const identity = await identityOf(path);
  if (file.weights.every((w) => w.width === 4)) {
    await checkOnce(file, identity, options);
    return external(path, new Map(file.weights.map((w) => [w.name, { offset: w.begin, length: w.end - w.begin }])));
  }
  const places = new Map<string, { offset: number; length: number }>();
  let size = 0;
  for (const w of file.weights) {
    const length = ((w.end - w.begin) / w.width) * 4;
    places.set(w.name, { offset: size, length });
    size += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
  }
  const expanded = await cachedFile(
    { ...identity, version: `${identity.version}-${layoutOf(file)}`, kind: 'f32' },
    size,
    (append) => expand(file, append, options),
    options,
  );
  return external(await realpath(expanded), places);
}

/** Every tensor of the cached file starts at a multiple of this. */
const ALIGNMENT = 64;

/** All weights as float32, one after the other, padded to the alignment. */
async function expand(
  file: WeightFile,
  append: (chunk: Uint8Array) => Promise<void>,
  options: OpenWeightsOptions,
): Promise<void> {
  await eachChunk(file, options, async (weight, first, floats) => {
    await append(new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength));
    const written = (first + floats.length) * 4;
    const last = first + floats.length === (weight.end - weight.begin) / weight.width;
    const gap = last ? Math.ceil(written / ALIGNMENT) * ALIGNMENT - written : 0;
    if (gap > 0) await append(new Uint8Array(gap));
  });
}

function external(path: string, places: ReadonlyMap<string, { offset: number; length: number }>) {
  const location = basename(path);
  const place = (name: string): ExternalData | undefined => {
    const found = places.get(name);
    return found && { location, ...found };
  };
  return { folder: dirname(path), place };
}

/**
 * What names a file's content in the cache: a file that is named by its SHA-256, as the Hub's cache has them, is that
 * content; any other is its path, and for the version its size and time.
 */
async function identityOf(path: string): Promise<{ source: string; version: string }> {
  const { size, mtimeMs } = await stat(path);
  if (/^[0-9a-f]{64}$/.test(basename(path))) return { source: basename(path).slice(0, 32), version: `${size}` };
  return { source: digest(path).slice(0, 32), version: digest(`${size} ${mtimeMs}`).slice(0, 16) };
}

const layoutOf = ({ weights }: WeightFile) =>
  digest(JSON.stringify(weights.map(({ name, begin, end, width }) => [name, begin, end, width]))).slice(0, 16);

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

async function checkOnce(
  file: WeightFile,
  { source, version }: { source: string; version: string },
  options: OpenWeightsOptions,
): Promise<void> {
  const mark = join(options.cache ?? cacheFolder(), `${source}.${version}-${layoutOf(file)}.checked`);
  if (await stat(mark).catch(() => undefined)) return;
  await checkWeights(file, options);
  const { cache } = options;
  await cachedFile({ source, version: `${version}-${layoutOf(file)}`, kind: 'checked' }, 0, async () => {}, {
    cache,
  }).catch(
    () => undefined, // without a mark the next start looks again, which is slower and no less right
  );
}

const floatBytes = ({ weights }: WeightFile) => weights.reduce((n, w) => n + ((w.end - w.begin) / w.width) * 4, 0);

/** Every weight in order, in pieces of at most `CHUNK` bytes: floats from element `first`. The array is used again. */
async function eachChunk(
  { path, weights }: WeightFile,
  { signal, onProgress }: Pick<OpenWeightsOptions, 'signal' | 'onProgress'>,
  use: (weight: StoredWeight, first: number, floats: Float32Array) => Promise<void>,
): Promise<void> {
  const of = weights.reduce((n, w) => n + w.end - w.begin, 0);
  const largest = weights.reduce((n, w) => Math.max(n, w.end - w.begin), 0);
  const buffer = new ArrayBuffer(Math.min(CHUNK, largest));
  const file = await open(path, 'r');
  let done = 0;
  try {
    for (const weight of weights) {
      for (let at = weight.begin; at < weight.end; ) {
        signal?.throwIfAborted();
        const length = Math.min(buffer.byteLength, weight.end - at);
        await readExactly(file, path, new Uint8Array(buffer, 0, length), at);
        const floats = weight.widen
          ? weight.widen(new Uint16Array(buffer, 0, length / 2))
          : new Float32Array(buffer, 0, length / 4);
        if (!areFinite(floats))
          throw new Error(
            `${path}: "${weight.name}" holds values that are not finite. The checkpoint is damaged; fetch or train it again.`,
          );
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

async function readExactly(file: FileHandle, path: string, into: Uint8Array, position: number): Promise<void> {
  for (let got = 0; got < into.length; ) {
    const { bytesRead } = await file.read(into, got, into.length - got, position + got);
    if (bytesRead === 0)
      throw new Error(
        `${path}: ended at byte ${position + got}, after its header had been read. It changed; load it again.`,
      );
    got += bytesRead;
  }
}

/** Infinities and NaN are the floats whose exponent bits are all set. */
function areFinite(floats: Float32Array): boolean {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i] & 0x7f800000) === 0x7f800000) return false;
  return true;
}
