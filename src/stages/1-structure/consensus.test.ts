import { expect, test } from 'vitest';
import { consensus } from './consensus.ts';

const R = 16;
const at = (x: number, y: number, z: number) => (x * R + y) * R + z;
const occupied = (logits: Float32Array) => logits.reduce((sum, v) => sum + Number(v > 0), 0);

/** Sure logits of the voxels that `isIn` names. */
const structure = (isIn: (x: number, y: number, z: number) => boolean): Float32Array => {
  const logits = new Float32Array(R ** 3).fill(-9);
  for (let x = 0; x < R; x++)
    for (let y = 0; y < R; y++) for (let z = 0; z < R; z++) if (isIn(x, y, z)) logits[at(x, y, z)] = 9;
  return logits;
};
const wall = (place: number) => structure((x) => x >= place && x < place + 4);
const nothing = structure(() => false);

test('a wall stays that three candidates of ten have nearly in the same place; one that a single candidate has does not', () => {
  const few = [wall(7), wall(8), wall(7), ...Array.from({ length: 7 }, () => nothing)];
  const merged = consensus(few);
  expect(merged[at(9, 8, 8)]).toBeGreaterThan(0);
  expect(occupied(merged) % (R * R)).toBe(0); // whole layers
  expect(occupied(consensus([wall(7), ...Array.from({ length: 9 }, () => nothing)]))).toBe(0);
});

test('a line one voxel thin stays where most have it, and goes where a third has', () => {
  const line = structure((x, y) => x === 8 && y === 8);
  expect(occupied(consensus([line, line, nothing]))).toBe(R);
  expect(occupied(consensus([line, nothing, nothing]))).toBe(0);
});

test('skins become smooth: a bump of one voxel that one of four has is levelled', () => {
  const block = (x: number) => x < 8;
  const bumped = structure((x, y, z) => block(x) || (x === 8 && y === 8 && z === 8));
  const plain = structure(block);
  const merged = consensus([bumped, plain, plain, plain]);
  expect(occupied(merged) % (R * R)).toBe(0);
});

test('a larger share leaves less, and never more than the smaller one', () => {
  const drawn = [wall(5), wall(6), wall(7), wall(10)];
  const [loose, strict] = [consensus(drawn, 0.2), consensus(drawn, 0.5)];
  expect(occupied(strict)).toBeLessThan(occupied(loose));
  expect(strict.every((v, i) => v <= 0 || loose[i] > 0)).toBe(true);
});

test('logits stay finite, however sure the candidates are', () => {
  const sure = nothing.map((_, i) => (i % 2 ? 1e4 : -1e4));
  expect(consensus([sure, sure]).every(Number.isFinite)).toBe(true);
});

test('one candidate is given back as it is; none, and grids of different sizes, are errors', () => {
  expect(consensus([nothing])).toBe(nothing);
  expect(() => consensus([])).toThrow(/one candidate or more/);
  expect(() => consensus([nothing, new Float32Array(8)])).toThrow(/same R, got 8 values/);
});
