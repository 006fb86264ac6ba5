import {
  affine,
  type Initializer,
  reshape,
  type Scope,
  sparseConv,
  type Tensor,
  transpose,
  uniformInit,
} from '../tensor/index.ts';
import { TAPS } from './neighbors.ts';
import type { SparseGrid } from './sparse-grid.ts';

/** Below so many channels one product over all gathered neighbors is faster than one for each tap. */
const PAIRS_FROM = 64;

/**
 * 3³ convolution over active voxels, at active voxels: y[p] = bias + Σ W[:, i, j, k]·x[p + (i − 1, j − 1, k − 1)]. x [N, in] →
 * [N, out]. Declares `conv.weight` [out, 3, 3, 3, in] and `conv.bias`; starts like PyTorch's, U(±1/√fan_in).
 * Source: reference/models.md §4.3.
 */
export function sparseConvolution(p: Scope, grid: SparseGrid, x: Tensor, out: number, init?: Initializer): Tensor {
  const taps = grid.taps((x.shape[1] as number) < PAIRS_FROM ? 'table' : 'pairs');
  const { weight, bias } = kernel(p, x, out, init);
  return sparseConv(x, weight, bias, taps, grid.rows);
}

/** `sparseConvolution` over the subdivided x, without subdividing it: x [N, in] on the coarse grid → [8N, out] on `fine`. */
export function convolutionOfSubdivided(p: Scope, fine: SparseGrid, x: Tensor, out: number): Tensor {
  const { weight, bias } = kernel(p, x, out);
  return sparseConv(x, weight, bias, fine.tapsFromParents(), fine.rows);
}

function kernel(p: Scope, x: Tensor, out: number, init?: Initializer): { weight: Tensor; bias: Tensor } {
  const cin = x.shape[1] as number;
  const start = init ?? uniformInit(1 / Math.sqrt(cin * TAPS));
  const conv = p.at('conv');
  return {
    weight: reshape(conv.weight('weight', [out, 3, 3, 3, cin], start), [out, TAPS, cin]),
    bias: conv.weight('bias', [out], start),
  };
}

/**
 * 1³ convolution as the official checkpoints need it: the numbers of the weight [out, 1, 1, 1, in] are read in memory order as
 * a matrix [in, out], which is not the transpose. x [N, in] → [N, out]. Declares `conv.weight`, `conv.bias`.
 * Source: reference/models.md §4.4.
 */
export function pointConvolution(p: Scope, x: Tensor, out: number): Tensor {
  const cin = x.shape[1] as number;
  const start = uniformInit(1 / Math.sqrt(cin));
  const conv = p.at('conv');
  const matrix = reshape(conv.weight('weight', [out, 1, 1, 1, cin], start), [cin, out]);
  return affine(x, transpose(matrix, [1, 0]), conv.weight('bias', [out], start));
}
