import type { Voxels } from './voxels.ts';

/** From coordinates to rows: open addressing, at most half full. */
export interface VoxelHash {
  readonly coords: Int32Array;
  /** row + 1, or 0 where empty; a power of two long */
  readonly slots: Int32Array;
}

/** @throws RangeError when a voxel comes twice */
export function voxelHash({ coords, count }: Voxels): VoxelHash {
  let size = 16;
  while (size < 2 * count) size *= 2;
  const slots = new Int32Array(size);
  for (let row = 0, at = 0; row < count; row++, at += 4) {
    let slot = firstSlot(coords[at], coords[at + 1], coords[at + 2], coords[at + 3], size);
    for (; slots[slot] !== 0; slot = (slot + 1) & (size - 1)) {
      const other = 4 * (slots[slot] - 1);
      if (
        coords[other] === coords[at] &&
        coords[other + 1] === coords[at + 1] &&
        coords[other + 2] === coords[at + 2] &&
        coords[other + 3] === coords[at + 3]
      )
        throw new RangeError(
          `voxelHash: rows ${other / 4} and ${row} are the same voxel, (${coords.slice(at, at + 4).join(', ')}). Remove one.`,
        );
    }
    slots[slot] = row + 1;
  }
  return { coords, slots };
}

/** The row of a voxel, or −1. */
export function rowAt({ coords, slots }: VoxelHash, object: number, x: number, y: number, z: number): number {
  const mask = slots.length - 1;
  for (let slot = firstSlot(object, x, y, z, slots.length); slots[slot] !== 0; slot = (slot + 1) & mask) {
    const at = 4 * (slots[slot] - 1);
    if (coords[at + 3] === z && coords[at + 2] === y && coords[at + 1] === x && coords[at] === object)
      return slots[slot] - 1;
  }
  return -1;
}

function firstSlot(object: number, x: number, y: number, z: number, size: number): number {
  // Ten bits an axis, spread by a multiplication; the high bits are the well-mixed ones.
  let h = Math.imul((x << 20) ^ (y << 10) ^ z ^ Math.imul(object, 0x85ebca6b), 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) & (size - 1);
}
