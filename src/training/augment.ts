import type { Generator } from '../tensor/index.ts';

/** A dense occupancy grid, z fastest, 0 or 1. */
export type Grid = Float32Array;

/**
 * A cube of side `size` out of a 64³ grid given by its occupied voxels (x, y, z one after the other): around a random
 * occupied voxel, at a random place in it. Size 64 is the whole grid. Outside the grid there is nothing.
 */
export function cropOccupancy(coords: Uint8Array, size: number, rng?: Generator): Grid {
  const start = [0, 0, 0];
  if (rng && size < 64) {
    const at = rng.integer(coords.length / 3) * 3;
    for (let a = 0; a < 3; a++) start[a] = coords[at + a] - rng.integer(size);
  }
  const [sx, sy, sz] = start;
  const grid = new Float32Array(size ** 3);
  for (let i = 0; i < coords.length; i += 3) {
    const x = coords[i] - sx;
    const y = coords[i + 1] - sy;
    const z = coords[i + 2] - sz;
    if (x >= 0 && y >= 0 && z >= 0 && x < size && y < size && z < size) grid[(x * size + y) * size + z] = 1;
  }
  return grid;
}

const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]; // prettier-ignore

/** One of the 48 symmetries of the cube applied to a grid: an order of the axes (index / 8) and mirrors (its low bits). */
export function symmetry(grid: Grid, size: number, index: number): Grid {
  const order = ORDERS[index >> 3];
  const strides = [size * size, size, 1];
  const step = order.map((axis, i) => ((index >> i) & 1 ? -strides[axis] : strides[axis]));
  const origin = order.reduce((o, axis, i) => o + ((index >> i) & 1 ? strides[axis] * (size - 1) : 0), 0);
  const out = new Float32Array(grid.length);
  let at = 0;
  for (let x = 0; x < size; x++)
    for (let y = 0; y < size; y++) {
      let from = origin + x * step[0] + y * step[1];
      for (let z = 0; z < size; z++, from += step[2]) out[at++] = grid[from];
    }
  return out;
}
