import { expect, test } from 'vitest';
import { torchGenerator } from '../tensor/index.ts';
import { cropOccupancy, symmetry } from './augment.ts';

const size = 5;
/** A shape without symmetry: three legs of different lengths from a corner, one hooked. */
const shape = new Float32Array(size ** 3);
for (const [x, y, z] of [
  [0, 0, 0],
  [1, 0, 0],
  [0, 1, 0],
  [0, 2, 0],
  [0, 0, 1],
  [0, 0, 2],
  [0, 0, 3],
  [1, 0, 3],
])
  shape[(x * size + y) * size + z] = 1;

const squaredDistances = (grid: Float32Array) => {
  const at = [...grid.keys()].filter((i) => grid[i]).map((i) => [Math.floor(i / 25), Math.floor(i / 5) % 5, i % 5]);
  return at.flatMap((a) => at.map((b) => a.reduce((s, v, k) => s + (v - b[k]) ** 2, 0))).sort((a, b) => a - b);
};

test('the 48 symmetries are distinct, the first is none, and each keeps all distances between voxels', () => {
  const grids = [...Array(48).keys()].map((index) => symmetry(shape, size, index));
  expect(new Set(grids.map((grid) => grid.join(''))).size).toBe(48);
  expect(grids[0]).toEqual(shape);
  for (const grid of grids) expect(squaredDistances(grid)).toEqual(squaredDistances(shape));
});

/** Voxels of a grid, moved back to where the crop began. */
function voxelsOf(grid: Float32Array, side: number, start = [0, 0, 0]): number[][] {
  const found: number[][] = [];
  for (let x = 0; x < side; x++)
    for (let y = 0; y < side; y++)
      for (let z = 0; z < side; z++)
        if (grid[(x * side + y) * side + z]) found.push([x + start[0], y + start[1], z + start[2]]);
  return found;
}

const coords = Uint8Array.from(
  [...Array(200).keys()].flatMap((i) => [(i * 37) % 64, (i * 11 + (i >> 4)) % 64, (i * 23 + 5) % 64]),
);
const voxels = [...Array(coords.length / 3).keys()].map((i) => [...coords.subarray(3 * i, 3 * i + 3)]);

test('size 64 is the whole grid, with or without a generator', () => {
  const sorted = [...new Set(voxels.map(String))].sort();
  expect(voxelsOf(cropOccupancy(coords, 64), 64).map(String).sort()).toEqual(sorted);
  expect(
    voxelsOf(cropOccupancy(coords, 64, torchGenerator(1)), 64)
      .map(String)
      .sort(),
  ).toEqual(sorted);
});

test('a crop holds exactly the voxels of its cube, and never none', () => {
  const side = 16;
  for (let seed = 0; seed < 20; seed++) {
    const rng = torchGenerator(seed);
    const crop = cropOccupancy(coords, side, rng);
    const again = torchGenerator(seed); // the same draws: which voxel, then its place along x, y, z
    const around = voxels[again.integer(voxels.length)];
    const start = around.map((v) => v - again.integer(side));
    const inside = voxels.filter((v) => v.every((c, a) => c >= start[a] && c < start[a] + side));
    expect(inside.length).toBeGreaterThan(0);
    expect(voxelsOf(crop, side, start).map(String).sort()).toEqual([...new Set(inside.map(String))].sort());
  }
});
