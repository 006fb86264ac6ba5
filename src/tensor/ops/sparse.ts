import { type Dim, sameShape } from '../dim.ts';
import { node, type Tensor } from '../tensor.ts';
import { shapeError } from './check.ts';

/**
 * Which rows a sparse convolution joins, for each of its K taps; int32, computed outside the graph.
 *
 * - `pairs`: src [P] and dst [P], the pairs of tap 0 first, then those of tap 1, …; sizes [K] counts them. Gather, product,
 *   scatter: no work on missing neighbors, the faster form from 64 channels on.
 * - `table`: [N, K], the row that each row meets at each tap, or N where there is none. Gather, one product: the faster
 *   form for few channels. Rows are their own neighbors' neighbors: table[n, k] = m exactly when table[m, K−1−k] = n.
 *
 * Measured in reference/engine-measurements.md §4.
 */
export type Taps = { kind: 'pairs'; src: Tensor; dst: Tensor; sizes: Tensor } | { kind: 'table'; table: Tensor };

/**
 * Convolution over rows that know their neighbors: y[n] = bias + Σ_k W[:, k, :]·x[m] over the pairs (m → n) of tap k.
 * x [M, in], weight [out, K, in], bias [out] → [rows, out]; with a table, rows = M.
 */
export function sparseConv(x: Tensor, weight: Tensor, bias: Tensor | undefined, taps: Taps, rows: Dim): Tensor {
  const [out, k, cin] = weight.shape;
  if (x.shape.length !== 2 || weight.shape.length !== 3 || x.shape[1] !== cin || typeof k !== 'number')
    throw shapeError('sparseConv', 'x [M, in] and weight [out, K, in]', x, weight);
  if (bias && !sameShape(bias.shape, [out])) throw shapeError('sparseConv', `bias [${out}]`, bias);
  const plan = taps.kind === 'pairs' ? [taps.src, taps.dst, taps.sizes] : [taps.table];
  const [first, second, third] = plan;
  const fits =
    taps.kind === 'pairs'
      ? first.shape.length === 1 && sameShape(first.shape, second.shape) && sameShape(third.shape, [k])
      : sameShape(first.shape, [x.shape[0], k]) && rows === x.shape[0];
  if (!fits || plan.some((t) => t.dtype !== 'int32'))
    throw shapeError(
      'sparseConv',
      taps.kind === 'pairs' ? `int32 src [P], dst [P], sizes [${k}]` : `an int32 table [${x.shape[0]}, ${k}]`,
      ...plan,
    );
  return node('sparseConv', [x, weight, ...plan, ...(bias ? [bias] : [])], { taps: taps.kind, rows }, [rows, out]);
}
