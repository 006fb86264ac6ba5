import { expect, test } from 'vitest';
import { voxelComponents } from './voxel-components.ts';

test('voxels that touch at a corner are one part; the order and the border do not matter', () => {
  expect(voxelComponents(Int32Array.of(0, 0, 0, 1, 1, 1, 63, 63, 63, 2, 2, 1), 64)).toEqual([3, 1]);
  expect(voxelComponents(Int32Array.of(63, 63, 63, 2, 2, 1, 1, 1, 1, 0, 0, 0), 64)).toEqual([3, 1]);
  // opposite borders are no neighbors
  expect(voxelComponents(Int32Array.of(0, 5, 0, 0, 4, 63), 64)).toEqual([1, 1]);
  expect(voxelComponents(new Int32Array(0), 64)).toEqual([]);
});

test('two solid blocks with air between are two parts of their sizes', () => {
  const coords: number[] = [];
  for (let x = 0; x < 12; x++)
    for (let y = 0; y < 6; y++) for (let z = 0; z < 6; z++) if (x !== 4) coords.push(x, y, z);
  expect(voxelComponents(Int32Array.from(coords), 16)).toEqual([7 * 36, 4 * 36]);
});
