import { add, gather, scatterAdd, type Tensor } from '../tensor/index.ts';
import type { SparseGrid } from './sparse-grid.ts';

/** `f` applied to the rows of each object by themselves. x [N, C] → [N, C']; one object needs no moving of rows. */
export function perObject(grid: SparseGrid, x: Tensor, f: (rows: Tensor, object: number) => Tensor): Tensor {
  if (grid.objects === 1) return f(x, 0);
  return Array.from({ length: grid.objects }, (_, object) => {
    const rows = grid.rowsOf(object);
    return scatterAdd(f(gather(x, rows), object), rows, grid.rows);
  }).reduce((a, b) => add(a, b));
}

/** A vector of each object at each of its rows: m [B, C] → [N, C], or [1, C] of a single object, which broadcasts. */
export const perRow = (grid: SparseGrid, m: Tensor): Tensor => (grid.objects === 1 ? m : gather(m, grid.object()));
