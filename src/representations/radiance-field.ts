import { SH_C0 } from './gaussians.ts';

/**
 * A radiance field of tri-vectors (Strivec): each active voxel is a small cell whose density and color are sums of `rank`
 * products of three sampled lines. Source: Gao et al. 2023, "Strivec"; reference/pipelines.md §10.
 */
export interface RadianceField {
  /** cells per side of the box [−0.5, 0.5]³ */
  readonly resolution: number;
  readonly rank: number;
  /** samples along each line */
  readonly dim: number;
  /** [N, 3] centers of the cells in the box [0, 1]³ */
  readonly positions: Float32Array;
  /** [N, rank, 3, dim] */
  readonly trivec: Float32Array;
  /** [N, rank] */
  readonly density: Float32Array;
  /** [N, rank, 3] */
  readonly colorsDc: Float32Array;
}

export interface FieldSample {
  readonly density: number;
  /** display-referred, in 0 … 1 */
  readonly color: readonly [number, number, number];
}

/** The field in cell `n` at local coordinates in [0, 1]³. */
export function fieldAt(field: RadianceField, n: number, local: readonly [number, number, number]): FieldSample {
  const { rank, dim, trivec, density, colorsDc } = field;
  let sum = 0;
  const color: [number, number, number] = [0, 0, 0];
  for (let r = 0; r < rank; r++) {
    let product = 1;
    for (let axis = 0; axis < 3; axis++) {
      const q = local[axis] * dim - 0.5;
      const i = Math.min(Math.max(Math.trunc(q), 0), dim - 2);
      const w = q - i; // beyond 0 … 1 at the ends: the line goes on straight
      const line = ((n * rank + r) * 3 + axis) * dim + i;
      product *= trivec[line] * (1 - w) + trivec[line + 1] * w;
    }
    sum += density[n * rank + r] * product;
    for (let c = 0; c < 3; c++) color[c] += SH_C0 * colorsDc[(n * rank + r) * 3 + c] * product;
  }
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  return {
    density: sum < 10 ? Math.log1p(Math.exp(sum)) : sum,
    color: [sigmoid(color[0]), sigmoid(color[1]), sigmoid(color[2])],
  };
}
