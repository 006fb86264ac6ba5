/**
 * Weights made ready for a session: in memory, or in a file that the runtime maps without their ever being a JavaScript
 * value. Halves are expanded once to a cached file of float32, for the runtime would else convert them at every start;
 * for 8-bit inference linear weights are quantised into such a file once.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ExternalData } from '../onnx/model.ts';
import { type CacheOptions, cachedFile, cacheFolder } from './disk/cache.ts';
import { digest, identityOf } from './disk/file-identity.ts';
import { INT8_BLOCK, int8Sizes, quantize } from './int8.ts';
import type { External, LinearWeight, Weights } from './program.ts';
import {
  checkWeights,
  eachChunk,
  floatsOf,
  type ReadOptions,
  readWeights,
  type StoredWeight,
  type WeightFile,
} from './weight-file.ts';

export interface OpenWeightsOptions extends CacheOptions, ReadOptions {
  /** up to this many bytes of floats stay in memory and leave no file in the cache */
  inMemory?: number;
  /** 'int8': linear layers with 8-bit weights, on the CPU; smaller and faster, and not the same numbers */
  precision?: Precision;
}

export type Precision = 'fp32' | 'int8';

/** The small networks of a few MB; the smallest official one has 237 MB of floats. */
const SMALL = 64 * 2 ** 20;

/**
 * Weights ready for `compile`: in memory when they are small, else mapped. Every value is looked at once; a file of
 * float32 that was found good is remembered by its path, size and time.
 * @throws Error when a value is not finite, when the file is not the one whose header was read, and when the cache's
 *   disk is full
 */
export async function openWeights(file: WeightFile, options: OpenWeightsOptions = {}): Promise<Weights> {
  const { inMemory = SMALL, precision = 'fp32' } = options;
  if (precision === 'int8')
    return {
      quantized: async (linear, read) => {
        const identity = await identityOf(await realpath(file.path));
        // Only what the graph reads: of a network in several graphs no weight then is quantised for one and kept for another.
        const weights = file.weights.filter(({ name }) => read.has(name));
        return packed({ ...file, weights }, identity, linear, options);
      },
    };
  const bytes = file.weights.reduce((n, w) => n + floatsOf(w) * 4, 0);
  if (bytes <= inMemory) return { state: await readWeights(file, options) };
  const path = await realpath(file.path); // the runtime refuses links that leave the folder, as the Hub's cache has them
  const identity = await identityOf(path);
  if (file.weights.some((w) => w.width !== 4)) return { external: await packed(file, identity, undefined, options) };
  await checkOnce(file, identity, options);
  const places = new Map(file.weights.map((w) => [w.name, { offset: w.begin, length: w.end - w.begin }]));
  return { external: external(path, places) };
}

type Place = Omit<ExternalData, 'location'>;

/** Every tensor of a cached file starts at a multiple of this. */
const ALIGNMENT = 64;

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** A cached file of all weights: `linear` ones as codes and scales, the others as float32; without `linear` all of them. */
async function packed(
  file: WeightFile,
  { source, version }: { source: string; version: string },
  linear: readonly LinearWeight[] | undefined,
  options: OpenWeightsOptions,
): Promise<External> {
  const sizes = new Map((linear ?? []).map((w) => [w.name, w]));
  const places = new Map<string, Place>();
  const int8 = new Map<string, { codes: Place; scales: Place }>();
  let size = 0;
  const next = (length: number): Place => {
    const place = { offset: size, length };
    size += aligned(length);
    return place;
  };
  for (const w of file.weights) {
    const shape = sizes.get(w.name);
    if (!shape) places.set(w.name, next(floatsOf(w) * 4));
    else {
      const { codes, scales } = int8Sizes(shape);
      int8.set(w.name, { codes: next(codes), scales: next(scales * 4) });
    }
  }
  const names = digest(JSON.stringify([file.weights.map(({ name }) => name), [...int8.keys()]])).slice(0, 16);
  const kind = linear ? `q8b${INT8_BLOCK}-${names}` : 'f32';
  const path = await cachedFile(
    { source, version: `${version}-${layoutOf(file)}`, kind },
    size,
    (append) => write(file, sizes, append, options),
    options,
  );
  return external(await realpath(path), places, int8);
}

async function write(
  file: WeightFile,
  linear: ReadonlyMap<string, LinearWeight>,
  append: (chunk: Uint8Array) => Promise<void>,
  options: OpenWeightsOptions,
): Promise<void> {
  const put = (array: Float32Array | Uint8Array) =>
    append(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  const pad = async (bytes: number) => {
    if (aligned(bytes) > bytes) await append(new Uint8Array(aligned(bytes) - bytes));
  };
  let whole = new Float32Array(); // a weight that is quantised is needed in one piece
  await eachChunk(file, options, async (weight: StoredWeight, first, floats) => {
    const shape = linear.get(weight.name);
    const last = first + floats.length === floatsOf(weight);
    if (!shape) {
      await put(floats);
      if (last) await pad(floatsOf(weight) * 4);
      return;
    }
    if (first === 0) whole = new Float32Array(floatsOf(weight));
    whole.set(floats, first);
    if (!last) return;
    const { codes, scales } = quantize(whole, shape);
    for (const part of [codes, scales]) {
      await put(part);
      await pad(part.byteLength);
    }
  });
}

function external(
  path: string,
  places: ReadonlyMap<string, Place>,
  int8: ReadonlyMap<string, { codes: Place; scales: Place }> = new Map(),
): External {
  const location = basename(path);
  return {
    folder: dirname(path),
    place: (name) => {
      const place = places.get(name);
      return place && { location, ...place };
    },
    int8: (name) => {
      const place = int8.get(name);
      return place && { codes: { location, ...place.codes }, scales: { location, ...place.scales } };
    },
  };
}

const layoutOf = ({ weights }: WeightFile) =>
  digest(JSON.stringify(weights.map(({ name, begin, end, width }) => [name, begin, end, width]))).slice(0, 16);

async function checkOnce(
  file: WeightFile,
  { source, version }: { source: string; version: string },
  options: OpenWeightsOptions,
): Promise<void> {
  const { cache = cacheFolder() } = options;
  const item = { kind: 'checked', source, version: `${version}-${layoutOf(file)}` };
  if (await stat(join(cache, `${item.source}.${item.version}.${item.kind}`)).catch(() => undefined)) return;
  await checkWeights(file, options);
  // Without the mark the next start looks again, which is slower and no less right.
  await cachedFile(item, 0, async () => {}, { cache }).catch(() => undefined);
}
