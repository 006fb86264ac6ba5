import { type Voxels, voxels } from './voxels.ts';

/** Voxels of half the resolution, and which of them each fine voxel lies in. */
export interface Coarsening {
  /** sorted by (object, x, y, z) */
  readonly coarse: Voxels;
  /** [N] row of `coarse` */
  readonly parent: Int32Array;
  /**
   * [M] 1/(children + 1): the official mean counts one more sample, a zero, so a lone child gives half its value.
   * Source: reference/models.md §4.6.
   */
  readonly share: Float32Array;
}

/** Voxels joined two by two along each axis. */
export function coarsened({ coords, count }: Voxels): Coarsening {
  const side = 512;
  const keys = new Float64Array(count);
  for (let i = 0, at = 0; i < count; i++, at += 4)
    keys[i] =
      ((coords[at] * side + (coords[at + 1] >> 1)) * side + (coords[at + 2] >> 1)) * side + (coords[at + 3] >> 1);
  const distinct = [...new Set(keys.slice().sort())];
  const rowOf = new Map(distinct.map((key, row) => [key, row]));
  const parent = Int32Array.from(keys, (key) => rowOf.get(key) as number);
  const children = new Int32Array(distinct.length);
  for (const row of parent) children[row]++;
  const coarse = new Int32Array(4 * distinct.length);
  for (const [row, key] of distinct.entries()) {
    coarse[4 * row] = Math.floor(key / side ** 3);
    coarse[4 * row + 1] = Math.floor(key / side ** 2) % side;
    coarse[4 * row + 2] = Math.floor(key / side) % side;
    coarse[4 * row + 3] = key % side;
  }
  return { coarse: voxels(coarse), parent, share: Float32Array.from(children, (n) => 1 / (n + 1)) };
}

/** Every voxel as its eight children; row 8n + 4i + 2j + k is the child (2x + i, 2y + j, 2z + k) of row n. */
export function subdivided({ coords, count }: Voxels): Voxels {
  const fine = new Int32Array(32 * count);
  let at = 0;
  for (let n = 0; n < count; n++)
    for (let child = 0; child < 8; child++) {
      fine[at++] = coords[4 * n];
      fine[at++] = 2 * coords[4 * n + 1] + (child >> 2);
      fine[at++] = 2 * coords[4 * n + 2] + ((child >> 1) & 1);
      fine[at++] = 2 * coords[4 * n + 3] + (child & 1);
    }
  return voxels(fine);
}
