import { concat, gather, type Tensor } from '../tensor/index.ts';
import type { SparseGrid } from './sparse-grid.ts';

/**
 * `f`, which works row by row, on one piece of the rows after the other, where the grid asks for pieces: what it holds in between is
 * then that much smaller. x [N, C] → [N, C'].
 */
export function inPieces(grid: SparseGrid, x: Tensor, f: (rows: Tensor) => Tensor): Tensor {
  if (grid.pieces.length === 1) return f(x);
  return gather(
    concat(
      grid.pieces.map((piece) => f(gather(x, piece()))),
      0,
    ),
    grid.inOrder(),
  );
}
