/**
 * A set of integers below `size`, as bits, with running counts: membership and rank (how many members are smaller) in
 * constant time, and the members in order without sorting. A 257³ grid takes 4 MB.
 */
export interface RankedSet {
  readonly size: number;
  readonly bits: Uint32Array;
  /** members in all words before each */
  readonly before: Uint32Array;
  readonly count: number;
}

/** Bits for `size` integers, all absent. */
export const emptyBits = (size: number): Uint32Array => new Uint32Array(Math.ceil(size / 32));

export function mark(bits: Uint32Array, i: number): void {
  bits[i >>> 5] |= 1 << (i & 31);
}

export function rankedSet(bits: Uint32Array, size: number): RankedSet {
  const before = new Uint32Array(bits.length);
  let count = 0;
  for (let w = 0; w < bits.length; w++) {
    before[w] = count;
    count += ones(bits[w]);
  }
  return { size, bits, before, count };
}

/** How many members are smaller than `i`, when `i` is a member; else −1. */
export function rankOf({ bits, before }: RankedSet, i: number): number {
  const word = bits[i >>> 5];
  const bit = i & 31;
  if (((word >>> bit) & 1) === 0) return -1;
  return before[i >>> 5] + ones(word & ((1 << bit) - 1));
}

/** All members, ascending. */
export function membersOf({ bits, count }: RankedSet): Int32Array {
  const members = new Int32Array(count);
  let at = 0;
  for (let w = 0; w < bits.length; w++)
    for (let word = bits[w]; word !== 0; word &= word - 1) members[at++] = 32 * w + 31 - Math.clz32(word & -word);
  return members;
}

/** Number of set bits. */
function ones(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
