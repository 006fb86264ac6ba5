import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { zeros } from '../init.ts';
import { add } from '../ops/elementwise.ts';
import { input } from '../ops/leaf.ts';
import { affine } from '../ops/product.ts';
import { scope } from '../scope.ts';
import { openWeights } from './open-weights.ts';
import { compile, floats, type Weights } from './program.ts';
import { checkWeights, readWeights, type WeightFile } from './weight-file.ts';

let folder: string;
let cache: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'espalier-weights-'));
  cache = join(folder, 'cache');
});

const HALF: Record<number, number> = { 15360: 1, 16384: 2, 16896: 3, 17408: 4, 32256: Number.NaN };
const widen = (halves: Uint16Array) => Float32Array.from(halves, (h) => HALF[h]);

/** w [2, 2] as halves behind five bytes of something else, then b [2] as floats, at an address that fits no float. */
function mixedFile(name = 'weights.bin', halves = [0x3c00, 0x4000, 0x4200, 0x4400]): WeightFile {
  const bytes = Buffer.concat([
    Buffer.from('head!'),
    Buffer.from(new Uint16Array(halves).buffer),
    Buffer.from(new Float32Array([0.5, -0.5]).buffer),
  ]);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return {
    path,
    weights: [
      { name: 'w', begin: 5, end: 13, width: 2, widen },
      { name: 'b', begin: 13, end: 21, width: 4 },
    ],
  };
}

/** w [2, 2] and b [2] as floats. */
function floatFile(name = 'weights.bin', values = [1, 2, 3, 4, 0.5, -0.5]): WeightFile {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([Buffer.from('head'), Buffer.from(new Float32Array(values).buffer)]));
  return {
    path,
    weights: [
      { name: 'w', begin: 4, end: 20, width: 4 },
      { name: 'b', begin: 20, end: 28, width: 4 },
    ],
  };
}

/** [1, 10]·wᵀ + b. */
async function result(weights: Weights, device: 'cpu' | 'webgpu' = 'cpu'): Promise<number[]> {
  const p = scope();
  const y = affine(input('x', [1, 2]), p.weight('w', [2, 2], zeros), p.weight('b', [2], zeros));
  const program = await compile({ y: add(y, 0) }, { ...weights, device });
  const got = await program.run({ x: floats(Float32Array.of(1, 10), [1, 2]) });
  await program.dispose();
  return [...got.y.data].map(Number);
}

test('halves and floats are the same weights in memory and mapped', async () => {
  const file = mixedFile();
  const inMemory = await openWeights(file, { cache });
  expect(inMemory.state).toEqual({ w: new Float32Array([1, 2, 3, 4]), b: new Float32Array([0.5, -0.5]) });
  expect(inMemory.state).toEqual(await readWeights(file));
  const mapped = await openWeights(file, { cache, inMemory: 0 });
  expect(mapped.external?.folder).toBe(cache);
  expect(await result(inMemory)).toEqual([21.5, 42.5]);
  expect(await result(mapped)).toEqual([21.5, 42.5]);
});

test('floats are mapped where they lie, through links too, and looked at once', async () => {
  const file = floatFile('blob');
  symlinkSync('blob', join(folder, 'link'));
  const linked = { ...file, path: join(folder, 'link') };
  const mapped = await openWeights(linked, { cache, inMemory: 0 });
  expect(mapped.external).toMatchObject({ folder });
  expect(mapped.external?.place('w')).toEqual({ location: 'blob', offset: 4, length: 16 });
  expect(mapped.external?.place('other')).toBeUndefined();
  expect(await result(mapped)).toEqual([21.5, 42.5]);
  const read: number[] = [];
  await openWeights(linked, { cache, inMemory: 0, onProgress: (bytes) => read.push(bytes) });
  expect(read).toEqual([]);
});

test('expansion happens once; a changed source is expanded anew and its old copy goes', async () => {
  const file = mixedFile();
  await openWeights(file, { cache, inMemory: 0 });
  const [first] = readdirSync(cache);
  const time = statSync(join(cache, first)).mtimeMs;
  await openWeights(file, { cache, inMemory: 0 });
  expect(readdirSync(cache)).toEqual([first]);
  expect(statSync(join(cache, first)).mtimeMs).toBe(time);
  mixedFile('weights.bin', [0x4400, 0x4200, 0x4000, 0x3c00]);
  utimesSync(file.path, 1e9, 1e9);
  expect(await result(await openWeights(file, { cache, inMemory: 0 }))).toEqual([34.5, 11.5]);
  expect(readdirSync(cache)).toHaveLength(1);
  expect(readdirSync(cache)).not.toContain(first);
});

test('a copy that was cut short is made again', async () => {
  const file = mixedFile();
  await openWeights(file, { cache, inMemory: 0 });
  truncateSync(join(cache, readdirSync(cache)[0]), 10);
  expect(await result(await openWeights(file, { cache, inMemory: 0 }))).toEqual([21.5, 42.5]);
});

test('many who want the same copy at once all get it whole', async () => {
  const file = mixedFile();
  const all = await Promise.all(Array.from({ length: 8 }, () => openWeights(file, { cache, inMemory: 0 })));
  expect(new Set(all.map((w) => JSON.stringify(w.external?.place('b')))).size).toBe(1);
  expect(readdirSync(cache)).toHaveLength(1);
  expect(await result(all[7])).toEqual([21.5, 42.5]);
});

test('an abort ends one caller and not the other', async () => {
  const file = mixedFile();
  const stop = new AbortController();
  const first = openWeights(file, { cache, inMemory: 0, signal: stop.signal });
  const second = openWeights(file, { cache, inMemory: 0 });
  stop.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  expect(await result(await second)).toEqual([21.5, 42.5]);
  expect(readdirSync(cache).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('a file named by its SHA-256 is known by that, wherever it lies', async () => {
  const hash = 'ab'.repeat(32);
  const [here, there] = [mixedFile(hash), { ...mixedFile(), path: join(mkdtempSync(join(tmpdir(), 'other-')), hash) }];
  writeFileSync(there.path, readFileSync(here.path));
  const [a, b] = [await openWeights(here, { cache, inMemory: 0 }), await openWeights(there, { cache, inMemory: 0 })];
  expect(a.external?.place('w')).toEqual(b.external?.place('w'));
  expect(readdirSync(cache)).toHaveLength(1);
});

test.each<[string, () => WeightFile]>([
  ['halves', () => mixedFile('weights.bin', [0x3c00, 0x7e00, 0x4200, 0x4400])],
  ['floats', () => floatFile('weights.bin', [1, Number.NEGATIVE_INFINITY, 3, 4, 0, 0])],
])('%s that are not finite are refused by every way of reading, and nothing is kept', async (_, make) => {
  const file = make();
  const message = /weights\.bin: "w" holds values that are not finite. The checkpoint is damaged/;
  await expect(openWeights(file, { cache })).rejects.toThrow(message);
  await expect(openWeights(file, { cache, inMemory: 0 })).rejects.toThrow(message);
  await expect(readWeights(file)).rejects.toThrow(message);
  await expect(checkWeights(file)).rejects.toThrow(message);
  expect(readdirSync(folder).includes('cache') ? readdirSync(cache) : []).toEqual([]);
});

test('a file that ends early, after its header was read, is an error and no endless wait', async () => {
  const file = mixedFile();
  truncateSync(file.path, 9);
  await expect(readWeights(file)).rejects.toThrow(/ended at byte 9, after its header had been read/);
});

test('floats without a folder for the mark are mapped all the same', async () => {
  writeFileSync(join(folder, 'occupied'), '');
  const mapped = await openWeights(floatFile(), { cache: join(folder, 'occupied'), inMemory: 0 });
  expect(await result(mapped)).toEqual([21.5, 42.5]);
});

test.skipIf(!process.env.VK_ICD_FILENAMES)('mapped weights run on WebGPU (needs a Vulkan driver)', async () => {
  expect(await result(await openWeights(mixedFile(), { cache, inMemory: 0 }), 'webgpu')).toEqual([21.5, 42.5]);
  expect(await result(await openWeights(floatFile(), { cache, inMemory: 0 }), 'webgpu')).toEqual([21.5, 42.5]);
});
