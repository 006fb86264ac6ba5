import { expect, test } from 'vitest';
import { golden, voxelsOf } from '../../test/golden.ts';
import { compile, floats, input, scope, sparseConv, type Tensor, torchGenerator, zeros } from '../tensor/index.ts';
import { convolutionOfSubdivided } from './convolution.ts';
import { neighborPairs, neighborTable, TAPS, tableOfSubdivided } from './neighbors.ts';
import { coarsened, subdivided } from './resample.ts';
import { subdivide } from './resolution.ts';
import { sparseGrid } from './sparse-grid.ts';
import { sparseTransformer } from './sparse-transformer.ts';
import { rowAt, voxelHash } from './voxel-hash.ts';
import { type Voxels, voxels, voxelsOfObjects } from './voxels.ts';
import { bucketLengths, windowPartition } from './windows.ts';

/** Some `n` voxels of each object in a cube of `side`, in random order. */
function scattered(seed: number, side: number, ...counts: number[]): Voxels {
  const rng = torchGenerator(seed);
  return voxelsOfObjects(
    counts.map((n) =>
      Int32Array.from(rng.permutation(side ** 3).slice(0, n)).reduce(
        (coords, cell, i) => {
          coords.set([Math.floor(cell / side ** 2), Math.floor(cell / side) % side, cell % side], 3 * i);
          return coords;
        },
        new Int32Array(3 * n),
      ),
    ),
  );
}

const sets = [scattered(1, 5, 60, 41, 1), scattered(2, 9, 200), scattered(3, 2, 8)];

test('a hash finds every voxel, and nothing else', () => {
  for (const set of sets) {
    const hash = voxelHash(set);
    let found = 0;
    for (let object = -1; object <= set.objects; object++)
      for (let x = -1; x < 10; x++)
        for (let y = -1; y < 10; y++)
          for (let z = -1; z < 10; z++) {
            const row = rowAt(hash, object, x, y, z);
            if (row < 0) continue;
            found++;
            expect([...set.coords.slice(4 * row, 4 * row + 4)]).toEqual([object, x, y, z]);
          }
    expect(found).toBe(set.count);
  }
});

test('neighbors are those that comparing all voxels with all others finds, and pairs are the table without its gaps', () => {
  for (const set of sets) {
    const { coords, count } = set;
    const slow = new Int32Array(count * TAPS).fill(count);
    for (let n = 0; n < count; n++)
      for (let m = 0; m < count; m++) {
        const [i, j, k] = [1, 2, 3].map((axis) => coords[4 * m + axis] - coords[4 * n + axis] + 1);
        if (coords[4 * m] === coords[4 * n] && Math.min(i, j, k) >= 0 && Math.max(i, j, k) <= 2)
          slow[n * TAPS + 9 * i + 3 * j + k] = m;
      }
    const table = neighborTable(set);
    expect(table).toEqual(slow);
    const { src, dst, sizes } = neighborPairs(table);
    const again = new Int32Array(count * TAPS).fill(count);
    let pair = 0;
    for (const [tap, size] of sizes.entries())
      for (let i = 0; i < size; i++, pair++) again[dst[pair] * TAPS + tap] = src[pair];
    expect(pair).toBe(src.length);
    expect(again).toEqual(table);
  }
});

test('the table of subdivided voxels is read off that of their parents, whole or in part', () => {
  for (const set of sets) {
    const table = neighborTable(set);
    const fine = neighborTable(subdivided(set));
    expect(tableOfSubdivided(table)).toEqual(fine);
    const [from, to] = [1, Math.min(set.count, 5)];
    expect(tableOfSubdivided(table, from, to)).toEqual(fine.slice(8 * TAPS * from, 8 * TAPS * to));
  }
});

test('a transformer in pieces gives what it gives in one', async () => {
  const config = { resolution: 16, model_channels: 16, num_blocks: 2, num_heads: 2, window_size: 4 };
  const set = sets[1];
  const x = floats(torchGenerator(8).normal(5 * set.count), [set.count, 5]);
  const outputs: Float32Array[] = [];
  for (const pieces of [1, 3]) {
    const [grid, p] = [sparseGrid(1, { pieces }), scope()];
    const h = sparseTransformer(config, p, grid, input('x', [grid.rows, 5]));
    const rng = torchGenerator(1);
    const state = Object.fromEntries([...p.parameters].map(([name, { shape }]) => [name, rng.normal(sizeOf(shape))]));
    const program = await compile({ h }, { state });
    outputs.push((await program.run({ ...grid.plan(set), x })).h.data as Float32Array);
    await program.dispose();
  }
  const [whole, parts] = outputs;
  expect(whole.every(Number.isFinite)).toBe(true);
  for (const [i, value] of whole.entries())
    expect(Math.abs(parts[i] - value)).toBeLessThan(1e-4 * (1 + Math.abs(value)));
});

const sizeOf = (shape: readonly (number | string)[]) => shape.reduce<number>((n, d) => n * Number(d), 1);

test.each([0, 2])('windows moved by %i are numbered as the official ones', (shift) => {
  const file = golden('windowed_attention');
  const { window } = windowPartition(voxelsOf(file, 'in.coords'), 4, shift);
  expect([...window]).toEqual([...file.get(`out.window_s${shift}`).data]);
});

test('buckets hold every voxel once, with exactly the voxels of its window', () => {
  for (const [size, shift] of [
    [2, 0],
    [4, 2],
    [8, 4],
  ])
    for (const set of sets) {
      const { window, buckets, places } = windowPartition(set, size, shift);
      expect(buckets.map((b) => b.length)).toEqual(bucketLengths(size));
      const laidOut = buckets.flatMap((b) => [...b.rows]);
      expect([...places].map((place) => laidOut[place])).toEqual(Array.from({ length: set.count }, (_, i) => i));
      let seen = 0;
      for (const { length, rows, counts } of buckets)
        for (const [g, n] of counts.entries()) {
          const group = rows.slice(g * length, (g + 1) * length);
          const inside = [...group.slice(0, n)];
          expect(new Set(group).size).toBe(n); // what pads is a copy
          expect(new Set(inside.map((row) => window[row])).size).toBe(1);
          expect(inside.length).toBe(window.filter((w) => w === window[group[0]]).length);
          seen += n;
        }
      expect(seen).toBe(set.count);
    }
});

test('windows are padded to multiples of 16, beyond 128 voxels in steps of a half and a third', () => {
  expect(bucketLengths(8)).toEqual([16, 32, 48, 64, 80, 96, 112, 128, 192, 256, 384, 512]);
  expect(bucketLengths(4)).toEqual([16, 32, 48, 64]);
  expect(bucketLengths(2)).toEqual([16]);
});

test('coarsened and subdivided voxels belong together', () => {
  for (const set of sets) {
    const { coarse, parent, share } = coarsened(subdivided(set));
    expect(coarse.count).toBe(set.count);
    expect([...share]).toEqual(Array(set.count).fill(Math.fround(1 / 9)));
    for (let n = 0; n < set.count; n++)
      for (let child = 0; child < 8; child++)
        expect(coarse.coords.slice(4 * parent[8 * n + child], 4 * parent[8 * n + child] + 4)).toEqual(
          set.coords.slice(4 * n, 4 * n + 4),
        );
  }
});

test('one program convolves any voxels; table, pairs, and reading the parents of subdivided voxels agree', async () => {
  const grid = sparseGrid();
  const fine = grid.finer();
  const x = input('x', [grid.rows, 4]);
  const p = scope();
  const w = input('w', [6, 27, 4]);
  const b = input('b', [6]);
  const parents = convolutionOfSubdivided(p, fine, x, 6);
  const outputs: Record<string, Tensor> = {
    table: sparseConv(x, w, b, grid.taps('table'), grid.rows),
    pairs: sparseConv(x, w, b, grid.taps('pairs'), grid.rows),
    copies: sparseConv(subdivide(x), w, b, fine.taps('table'), fine.rows),
    parents,
  };
  const rng = torchGenerator(5);
  const weights = { w: rng.normal(6 * 27 * 4), b: rng.normal(6) };
  const program = await compile(outputs, { state: { 'conv.weight': weights.w, 'conv.bias': weights.b } });
  for (const set of [sets[1], sets[2], scattered(9, 6, 1)]) {
    const got = await program.run({
      ...grid.plan(set),
      x: floats(rng.normal(4 * set.count), [set.count, 4]),
      w: floats(weights.w, [6, 27, 4]),
      b: floats(weights.b, [6]),
    });
    expect(got.table.dims).toEqual([set.count, 6]);
    expect(got.parents.dims).toEqual([8 * set.count, 6]);
    const apart = (one: string, other: string) =>
      Math.max(...[...got[one].data].map((v, i) => Math.abs(Number(v) - Number(got[other].data[i]))));
    expect(apart('table', 'pairs')).toBeLessThan(1e-4); // sums of 108 products in another order
    expect(apart('copies', 'parents')).toBeLessThan(1e-4);
  }
  await program.dispose();
});

test('coords that cannot be are refused by row, with what to do', () => {
  expect(() => voxels(Int32Array.of(0, 1, 2))).toThrow(
    /coords must be \[N, 4\], object first.*got 3 values.*voxelsOfObjects/s,
  );
  expect(() => voxels(new Int32Array(0))).toThrow(/at least one voxel/);
  expect(() => voxels(Int32Array.of(0, 1, 2, 64), 64)).toThrow(/row 0 is \(1, 2, 64\), expected 0 to 63/);
  expect(() => voxels(Int32Array.of(0, 1, 2, -1))).toThrow(/expected 0 to 1023/);
  expect(() => voxels(Int32Array.of(1, 1, 2, 3))).toThrow(/row 0 belongs to object 1, expected 0\./);
  expect(() => voxels(Int32Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1))).toThrow(/row 2 belongs to object 0/);
  expect(() => voxelsOfObjects([Int32Array.of(1, 2)])).toThrow(/object 0 must be \[N, 3\]/);
  const twice = voxels(Int32Array.of(0, 1, 2, 3, 0, 4, 4, 4, 0, 1, 2, 3));
  expect(() => voxelHash(twice)).toThrow(/rows 0 and 2 are the same voxel, \(0, 1, 2, 3\)/);
  const crowd = voxels(Int32Array.from({ length: 4 * 9 }, () => 0));
  expect(() => windowPartition(crowd, 2, 0)).toThrow(/window of 2³ holds 9 voxels/);
  const grid = sparseGrid(2, { name: 'slat' });
  grid.coords();
  expect(() => grid.plan(sets[1])).toThrow(/sparse grid "slat": compiled for 2 object\(s\), got voxels of 1/);
  const [x, w] = [input('x', ['N', 4]), scope().weight('w', [6, 27, 5], zeros)];
  expect(() => sparseConv(x, w, undefined, grid.taps('table'), 'N')).toThrow(
    /sparseConv: expected x \[M, in\] and weight/,
  );
});
