/** Gaussians for tests, and how far two sets of them are apart. */
import { expect } from 'vitest';
import { type ShDegree, type Splats, shRestCount } from '../src/formats/index.ts';

/** Numbers in [0, 1) from a seed. */
export function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As a decoder makes them: in the unit box, small, of any turn. Quaternions have a positive largest part. */
export function someSplats(count: number, shDegree: ShDegree, seed = 1): Splats {
  const next = random(seed);
  const rows = (size: number, make: () => number) => Float32Array.from({ length: count * size }, make);
  const rotations = new Float32Array(count * 4);
  for (let g = 0; g < count; g++) {
    const q = [0, 1, 2, 3].map(() => next() - 0.5);
    const largest = q.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most));
    const scale = Math.sign(largest) / Math.hypot(...q);
    rotations.set(
      q.map((value) => value * scale),
      4 * g,
    );
  }
  return {
    means: rows(3, () => next() - 0.5),
    scales: rows(3, () => Math.exp(-7 + 5 * next())),
    rotations,
    opacities: rows(1, next),
    shDegree,
    shDc: rows(3, () => 3 * next() - 1.5),
    shRest: rows(3 * shRestCount(shDegree), () => next() - 0.5),
  };
}

/** Numbers side by side, each within `tolerance`. */
export function near(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what = ''): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    if (!(Math.abs(got[i] - want[i]) <= tolerance))
      expect.fail(`${what} ${i}: ${got[i]}, expected ${want[i]} ± ${tolerance}`);
  }
}

/** Angle between two turns, radians; q and −q are the same turn. */
export function angles(a: Float32Array, b: Float32Array): number[] {
  return Array.from({ length: a.length / 4 }, (_, g) => {
    let dot = 0;
    for (let c = 0; c < 4; c++) dot += a[4 * g + c] * b[4 * g + c];
    return 2 * Math.acos(Math.min(1, Math.abs(dot)));
  });
}

/** One for each number that came back. */
export const ratios = (a: Float32Array, b: Float32Array) => Array.from(a, (value, i) => value / b[i]);
/** Rows (x, y, z) of the object frame in the frame of splat PLY, and in that of glTF. */
export const yDown = (rows: Float32Array) => turnRows(rows, 1);
export const yUp = (rows: Float32Array) => turnRows(rows, -1);
function turnRows(rows: Float32Array, s: number): number[] {
  return Array.from(rows, (x, i) => (i % 3 === 0 ? x : i % 3 === 1 ? -s * rows[i + 1] : s * rows[i - 1]));
}
