import { type Dim, sameShape } from '../dim.ts';
import { node, type Tensor } from '../tensor.ts';
import { axisOf, shapeError } from './check.ts';

/** Batched matrix product over the last two axes, [.., M, K]·[.., K, N]; either side may be read transposed. */
export function matmul(a: Tensor, b: Tensor, { transA = false, transB = false } = {}): Tensor {
  const [m, ka] = lastTwo(a, transA);
  const [kb, n] = lastTwo(b, transB);
  const batch = a.shape.slice(0, -2);
  if (ka !== kb || !sameShape(batch, b.shape.slice(0, -2)))
    throw shapeError(
      `matmul${transA ? ' (a transposed)' : ''}${transB ? ' (b transposed)' : ''}`,
      'equal batch axes and [M, K]·[K, N]',
      a,
      b,
    );
  return node('matmul', [a, b], { transA, transB }, [...batch, m, n], a.dtype);
}

function lastTwo(t: Tensor, transposed: boolean): [Dim, Dim] {
  if (t.shape.length < 2) throw shapeError('matmul', 'at least two axes', t);
  const [r, c] = t.shape.slice(-2);
  return transposed ? [c, r] : [r, c];
}

/** x·Wᵀ + b over the last axis. x [.., in], weight [out, in], bias [out] → [.., out]. */
export function affine(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const last = x.shape[x.shape.length - 1];
  if (weight.shape.length !== 2 || weight.shape[1] !== last)
    throw shapeError('linear', 'x [.., in] and weight [out, in]', x, weight);
  if (bias && !sameShape(bias.shape, [weight.shape[0]])) throw shapeError('linear', `bias [${weight.shape[0]}]`, bias);
  return node(
    'linear',
    bias ? [x, weight, bias] : [x, weight],
    {},
    [...x.shape.slice(0, -1), weight.shape[0]],
    x.dtype,
  );
}

/**
 * Multi-head attention, softmax(q·kᵀ/√d)·v for each head.
 * q [B, S, H·d], k and v [B, L, H·d], heads laid out one after the other in the last axis → [B, S, H·d].
 * @param keys  int32 [B]: of each sequence only the first so many keys count (at least one); L must be a known size
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, heads: number, keys?: Tensor): Tensor {
  const fits =
    q.shape.length === 3 &&
    k.shape.length === 3 &&
    sameShape(k.shape, v.shape) &&
    q.shape[0] === k.shape[0] &&
    q.shape[2] === k.shape[2] &&
    typeof q.shape[2] === 'number' &&
    q.shape[2] % heads === 0;
  if (!fits) throw shapeError('attention', `q [B, S, C], k and v [B, L, C], C divisible by ${heads} heads`, q, k, v);
  if (keys && (keys.dtype !== 'int32' || !sameShape(keys.shape, [q.shape[0]]) || typeof k.shape[1] !== 'number'))
    throw shapeError('attention', `int32 keys [${q.shape[0]}] of a known number of keys`, keys, k);
  return node('attention', keys ? [q, k, v, keys] : [q, k, v], { heads }, q.shape, q.dtype);
}

/** Rows of `x` along an axis, picked by int32 `index` (any shape). */
export function gather(x: Tensor, index: Tensor, along = 0): Tensor {
  const axis = axisOf('gather', x, along);
  if (index.dtype !== 'int32' && index.dtype !== 'int64') throw shapeError('gather', 'integer indices', index);
  const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
  return node('gather', [x, index], { axis }, shape, x.dtype);
}

/** Zeros [rows, C] with `updates` [P, C] added at the rows `index` [P]; rows named twice receive both. */
export function scatterAdd(updates: Tensor, index: Tensor, rows: Dim): Tensor {
  if (index.shape.length !== 1 || index.shape[0] !== updates.shape[0])
    throw shapeError('scatterAdd', 'updates [P, ..] and index [P]', updates, index);
  if (index.dtype !== 'int32' && index.dtype !== 'int64') throw shapeError('scatterAdd', 'integer indices', index);
  return node('scatterAdd', [updates, index], { rows }, [rows, ...updates.shape.slice(1)], updates.dtype);
}
