import { expand, gather, mul, reshape, scatterAdd, type Tensor } from '../tensor/index.ts';
import type { SparseGrid } from './sparse-grid.ts';

/** Sum of the children over their number + 1. x [N, C] on `grid` → [M, C] on `grid.coarser()`. reference/models.md §4.6. */
export function downsample(grid: SparseGrid, x: Tensor): Tensor {
  const { grid: coarse, parent, share } = grid.coarser();
  return mul(scatterAdd(x, parent, coarse.rows), share);
}

/** Each voxel takes its parent's row. x [M, C] on `grid.coarser()` → [N, C] on `grid`. */
export const upsample = (grid: SparseGrid, x: Tensor): Tensor => gather(x, grid.coarser().parent);

/** Each row eight times. x [N, C] on a grid → [8N, C] on its `finer()`. */
export function subdivide(x: Tensor): Tensor {
  const [n, c] = x.shape;
  return reshape(expand(reshape(x, [n, 1, c]), [n, 8, c]), [-1, c]);
}
