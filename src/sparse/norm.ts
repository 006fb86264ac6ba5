import { DEFAULT_EPS } from '../nn/index.ts';
import { add, div, mean, mul, ones, reshape, type Scope, sqrt, sub, type Tensor, zeros } from '../tensor/index.ts';
import { perObject } from './per-object.ts';
import type { SparseGrid } from './sparse-grid.ts';

/** Group norm over each group's channels and all voxels of an object. x [N, C]; declares `weight` and `bias` [C]. */
export function sparseGroupNorm(p: Scope, grid: SparseGrid, x: Tensor, groups = 32): Tensor {
  const c = x.shape[1] as number;
  const normal = perObject(grid, x, (rows) => {
    const h = reshape(rows, [rows.shape[0], groups, c / groups]);
    const centered = sub(h, mean(h, { axes: [0, 2], keepDims: true }));
    const variance = mean(mul(centered, centered), { axes: [0, 2], keepDims: true });
    return reshape(div(centered, sqrt(add(variance, DEFAULT_EPS))), rows.shape);
  });
  return add(mul(normal, p.weight('weight', [c], ones)), p.weight('bias', [c], zeros));
}
