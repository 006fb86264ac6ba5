import type { Voxels } from './voxels.ts';

/**
 * Voxels sorted into cubic windows, windows sorted by how many voxels they hold: attention inside windows is then a few
 * dense batches. Padding to multiples of 16 costs a seventh more than exact sizes and keeps the graph the same for every
 * object (59 against 67 ms at 12 000 voxels; padding all to the longest: 111 ms. reference/engine-measurements.md §4).
 */
export interface WindowPartition {
  /** [N] number of each voxel's window, in the order of (object, x, y, z) */
  readonly window: Int32Array;
  readonly buckets: readonly WindowBucket[];
  /** [N] where each voxel stands when the buckets' rows are laid end to end */
  readonly places: Int32Array;
}

/** G windows of at most L voxels each. */
export interface WindowBucket {
  /** L */
  readonly length: number;
  /** [G, L] rows of the voxels; past a window's end its first row again */
  readonly rows: Int32Array;
  /** [G] voxels in each window */
  readonly counts: Int32Array;
}

/** The lengths that windows of `size`³ voxels are padded to: multiples of 16 to 128, then steps of a half and a third. */
export function bucketLengths(size: number): number[] {
  const full = size ** 3;
  const lengths: number[] = [];
  for (let length = 16; length < full; length = nextLength(length)) lengths.push(length);
  return [...lengths, Math.ceil(full / 16) * 16];
}

const nextLength = (length: number): number => {
  if (length < 128) return length + 16;
  const power = 2 ** Math.floor(Math.log2(length));
  return length === power ? 1.5 * power : 2 * power;
};

/** Windows of `size`³ voxels, the grid of windows moved by −`shift`: voxel c is in window ⌊(c + shift)/size⌋. */
export function windowPartition({ coords, count }: Voxels, size: number, shift: number): WindowPartition {
  const side = 2048;
  const keys = new Float64Array(count);
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    keys[i] = coords[at];
    for (let axis = 1; axis < 4; axis++) keys[i] = keys[i] * side + Math.floor((coords[at + axis] + shift) / size);
  }
  const numbers = new Map([...new Set(keys.slice().sort())].map((key, number) => [key, number]));
  const window = Int32Array.from(keys, (key) => numbers.get(key) as number);
  const counts = new Int32Array(numbers.size);
  const position = new Int32Array(count); // of a voxel in its window
  for (let i = 0; i < count; i++) position[i] = counts[window[i]]++;

  const lengths = bucketLengths(size);
  const most = counts.reduce((a, b) => Math.max(a, b));
  if (most > size ** 3)
    throw new RangeError(
      `windowPartition: a window of ${size}³ holds ${most} voxels, so some come twice. Remove the copies.`,
    );
  const bucketOf = Int32Array.from(counts, (n) => lengths.findIndex((length) => n <= length));
  const perBucket = lengths.map(() => 0);
  const group = Int32Array.from(bucketOf, (bucket) => perBucket[bucket]++); // of a window in its bucket
  const buckets = lengths.map((length, b) => ({
    length,
    rows: new Int32Array(perBucket[b] * length),
    counts: new Int32Array(perBucket[b]),
  }));
  const starts = lengths.map((_, b) => buckets.slice(0, b).reduce((total, { rows }) => total + rows.length, 0));
  const places = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const bucket = bucketOf[window[i]];
    const { length, rows } = buckets[bucket];
    const first = group[window[i]] * length;
    if (position[i] === 0) rows.fill(i, first, first + length);
    rows[first + position[i]] = i;
    places[i] = starts[bucket] + first + position[i];
  }
  for (let w = 0; w < counts.length; w++) buckets[bucketOf[w]].counts[group[w]] = counts[w];
  return { window, buckets, places };
}
