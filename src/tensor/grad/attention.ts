import { add, less, mul, neg, where } from '../ops/elementwise.ts';
import { constant } from '../ops/leaf.ts';
import { matmul } from '../ops/product.ts';
import { softmax, sum } from '../ops/reduce.ts';
import { concat, expand, parts, reshape, slice, transpose } from '../ops/shape.ts';
import type { Tensor } from '../tensor.ts';

/** Up to this many scores, B·H·S·L, all heads are treated in one batched product. */
const WHOLE = 1 << 24;

/**
 * Adjoint of attention, with the probabilities P recomputed from q and k instead of kept:
 *   dV = Pᵀ·dO,  dP = dO·Vᵀ,  dS = P ⊙ (dP − rowsum(dO ⊙ O)),  dQ = dS·K/√d,  dK = dSᵀ·Q/√d.
 * Long sequences go head by head; a head's three results are joined at once, before the heads are: independent
 * results that only meet at the end would all keep their scores alive (1.67 GB against 0.62 GB at 4096 tokens).
 */
export function attentionGradient(y: Tensor<'attention'>, g: Tensor, whole = WHOLE): Tensor[] {
  const [q, k, v, keys] = y.inputs;
  const { heads } = y.attributes;
  const [b, s, c] = q.shape;
  const l = k.shape[1];
  const d = (c as number) / heads;
  const apart = (t: Tensor) => transpose(reshape(t, [t.shape[0], t.shape[1], heads, d]), [0, 2, 1, 3]); // [B, H, T, d]
  const joined = (t: Tensor, length: typeof s) => reshape(transpose(t, [0, 2, 1, 3]), [b, length, c]);
  const all = [q, k, v, y, g].map(apart);
  const beyond = keys && beyondKeys(keys, l as number);
  // A named batch is one of windows: many short sequences.
  const small = typeof s === 'number' && typeof l === 'number' && s * l * (Number(b) || 1) * heads <= whole;
  if (small) {
    const [dq, dk, dv] = perHead(all, d, beyond);
    return [joined(dq, s), joined(dk, l), joined(dv, l)];
  }
  const each = Array.from({ length: heads }, (_, h) => {
    const one = all.map((t) => slice(t, 1, h, h + 1));
    return concat(perHead(one, d, beyond), 2); // [B, 1, S + 2L, d]
  });
  const [dq, dk, dv] = parts(concat(each, 1), [s, l, l], 2);
  return [joined(dq, s), joined(dk, l), joined(dv, l)];
}

/** What is added to the scores [B, H, S, L]: 0 for the keys that count, −10⁹ for those beyond. */
function beyondKeys(keys: Tensor, l: number): Tensor {
  const position = constant(
    Int32Array.from({ length: l }, (_, i) => i),
    [1, 1, 1, l],
  );
  return where(less(position, reshape(keys, [-1, 1, 1, 1])), 0, -1e9);
}

function perHead([q, k, v, o, g]: Tensor[], d: number, beyond?: Tensor): [Tensor, Tensor, Tensor] {
  const scale = 1 / Math.sqrt(d);
  const scores = matmul(mul(q, scale), k, { transB: true }); // [B, H, S, L]
  const p = softmax(beyond ? add(scores, beyond) : scores);
  const dv = matmul(p, g, { transA: true });
  // dP − rowsum(dO ⊙ O) as one product, [dO, −rowsum]·[V, 1]ᵀ: a pass over all scores less.
  const rowSums = sum(mul(g, o), { axes: [-1], keepDims: true });
  const ones = expand(constant([1], [1, 1, 1, 1]), [...v.shape.slice(0, -1), 1]);
  const ds = mul(p, matmul(concat([g, neg(rowSums)], 3), concat([v, ones], 3), { transB: true }));
  return [mul(matmul(ds, k), scale), mul(matmul(ds, q, { transA: true }), scale), dv];
}
