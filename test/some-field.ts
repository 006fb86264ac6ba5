/** Radiance fields for tests. */
import type { FieldArrays } from '../src/formats/index.ts';
import { random } from './some-splats.ts';

/** `count` cells of a grid, in order, with numbers as a decoder makes them. */
export function someField(resolution: number, count: number, rank: number, dim: number, seed = 1): FieldArrays {
  const next = random(seed);
  const cells = resolution ** 3;
  const positions = new Float32Array(3 * count);
  for (let n = 0; n < count; n++) {
    const cell = Math.floor((n * cells) / count);
    const at = [Math.floor(cell / resolution ** 2), Math.floor(cell / resolution) % resolution, cell % resolution];
    positions.set(
      at.map((i) => (i + 0.5) / resolution),
      3 * n,
    );
  }
  const rows = (size: number, make: () => number) => Float32Array.from({ length: count * size }, make);
  return {
    ...{ resolution, rank, dim, positions },
    trivec: rows(3 * rank * dim, () => 0.5 + next()),
    density: rows(rank, () => 4 * next()),
    colorsDc: rows(3 * rank, () => 2 * next() - 1),
  };
}
