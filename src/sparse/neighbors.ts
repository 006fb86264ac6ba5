import { rowAt, voxelHash } from './voxel-hash.ts';
import type { Voxels } from './voxels.ts';

/** Taps of the 3³ kernel: tap 9i + 3j + k looks at the voxel (i − 1, j − 1, k − 1) further; 13 is the center. */
export const TAPS = 27;

/**
 * The row that each voxel meets at each tap, int32 [N, 27]; N where no voxel is active. Rows are each other's neighbors:
 * table[n, t] = m exactly when table[m, 26 − t] = n, so half of the taps are looked up.
 */
export function neighborTable(voxels: Voxels): Int32Array {
  const { coords, count } = voxels;
  const hash = voxelHash(voxels);
  const table = new Int32Array(count * TAPS).fill(count);
  for (let n = 0; n < count; n++) {
    const [object, x, y, z] = [coords[4 * n], coords[4 * n + 1], coords[4 * n + 2], coords[4 * n + 3]];
    table[n * TAPS + 13] = n;
    for (let tap = 0; tap < 13; tap++) {
      const m = rowAt(hash, object, x + Math.floor(tap / 9) - 1, y + (Math.floor(tap / 3) % 3) - 1, z + (tap % 3) - 1);
      if (m < 0) continue;
      table[n * TAPS + tap] = m;
      table[m * TAPS + 26 - tap] = n;
    }
  }
  return table;
}

/**
 * Rows of the table of the subdivided voxels, for the children of the parents `from` to `to` − 1: read off the parents'
 * table, without looking anything up. table [N, 27] → [8·(to − from), 27], 8N where no voxel is active.
 */
export function tableOfSubdivided(table: Int32Array, from = 0, to = table.length / TAPS): Int32Array {
  const absent = table.length / TAPS;
  const fine = new Int32Array(8 * (to - from) * TAPS);
  for (let n = from, at = 0; n < to; n++)
    for (let i = 0; i < 8 * TAPS; i++) {
      const parent = table[n * TAPS + PARENT_TAP[i]];
      fine[at++] = parent === absent ? 8 * absent : 8 * parent + CHILD[i];
    }
  return fine;
}

/** For tap t of child c, at 27c + t: the tap at which the parent meets the neighbor's parent, and which of its children that is. */
const PARENT_TAP = new Uint8Array(8 * TAPS);
const CHILD = new Uint8Array(8 * TAPS);
for (let child = 0; child < 8; child++)
  for (let tap = 0; tap < TAPS; tap++) {
    const x = (child >> 2) + Math.floor(tap / 9) - 1; // −1 … 2, with the parent at 0 … 1
    const y = ((child >> 1) & 1) + (Math.floor(tap / 3) % 3) - 1;
    const z = (child & 1) + (tap % 3) - 1;
    PARENT_TAP[child * TAPS + tap] = 9 * ((x >> 1) + 1) + 3 * ((y >> 1) + 1) + (z >> 1) + 1;
    CHILD[child * TAPS + tap] = 4 * (x & 1) + 2 * (y & 1) + (z & 1);
  }

/** The same as `neighborTable` without the gaps: pairs (src → dst) tap after tap, and how many each tap has. */
export interface NeighborPairs {
  readonly src: Int32Array;
  readonly dst: Int32Array;
  readonly sizes: Int32Array;
}

export function neighborPairs(table: Int32Array): NeighborPairs {
  const count = table.length / TAPS;
  const sizes = new Int32Array(TAPS);
  for (let i = 0, tap = 0; i < table.length; i++, tap = tap === TAPS - 1 ? 0 : tap + 1)
    if (table[i] < count) sizes[tap]++;
  const total = sizes.reduce((a, b) => a + b, 0);
  const src = new Int32Array(total);
  const dst = new Int32Array(total);
  let at = 0;
  for (let tap = 0; tap < TAPS; tap++)
    for (let n = 0; n < count; n++) {
      const m = table[n * TAPS + tap];
      if (m === count) continue;
      src[at] = m;
      dst[at++] = n;
    }
  return { src, dst, sizes };
}
