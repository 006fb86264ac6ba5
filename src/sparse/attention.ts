import { type AttentionConfig, attendToPrompt, headNorm, type KeysValues, linear } from '../nn/index.ts';
import {
  add,
  attention,
  concat,
  constant,
  gather,
  mul,
  product,
  reshape,
  type Scope,
  slice,
  split,
  type Tensor,
} from '../tensor/index.ts';
import { perObject } from './per-object.ts';
import type { SparseGrid } from './sparse-grid.ts';

/** Who sees whom: all voxels of an object each other, or those of a window (shifted or not) each other. */
export type AttentionReach = { kind: 'full' } | { kind: 'window'; size: number; shift: number };

/** Self attention of voxels. x [N, C] → [N, C]. Declares `to_qkv`, `to_out` and, with the norm, `q_rms_norm`, `k_rms_norm`. */
export function sparseSelfAttention(
  p: Scope,
  grid: SparseGrid,
  x: Tensor,
  reach: AttentionReach,
  { heads, qkRmsNorm }: AttentionConfig,
): Tensor {
  const c = x.shape[1] as number;
  let qkv = linear(p.at('to_qkv'), x, 3 * c); // [N, 3C]
  if (qkRmsNorm) {
    const [q, k, v] = split(reshape(qkv, [1, grid.rows, 3 * c]), 3);
    const normal = [headNorm(p.at('q_rms_norm'), q, heads), headNorm(p.at('k_rms_norm'), k, heads), v];
    qkv = reshape(concat(normal, 2), [grid.rows, 3 * c]);
  }
  return linear(p.at('to_out'), attendAmongVoxels(grid, qkv, reach, heads), c);
}

/** Attention alone: queries, keys and values side by side, [N, 3C] → [N, C]. */
export function attendAmongVoxels(grid: SparseGrid, qkv: Tensor, reach: AttentionReach, heads: number): Tensor {
  if (reach.kind === 'window') return attendInWindows(grid, qkv, reach, heads);
  const c = (qkv.shape[1] as number) / 3;
  return perObject(grid, qkv, (rows) => {
    const n = rows.shape[0];
    const [q, k, v] = split(reshape(rows, [1, n, 3 * c]), 3);
    return reshape(attention(q, k, v, heads), [n, c]);
  });
}

function attendInWindows(
  grid: SparseGrid,
  qkv: Tensor,
  { size, shift }: { size: number; shift: number },
  heads: number,
): Tensor {
  const c = (qkv.shape[1] as number) / 3;
  const { places, buckets } = grid.windows(size, shift);
  const parts = reshape(qkv, [product([3, grid.rows]), c]); // the query, the key and the value of each row below each other
  const attended = buckets.map(({ length, rows, counts }) => {
    const first = mul(rows, constant(Int32Array.of(3), []));
    const [q, k, v] = [0, 1, 2].map((i) =>
      reshape(gather(parts, add(first, constant(Int32Array.of(i), []))), [-1, length, c]),
    ); // [G, L, C]
    return reshape(attention(q, k, v, heads, counts), [-1, c]); // [G·L, C]
  });
  return gather(concat(attended, 0), places);
}

/**
 * Voxels attend to the prompt of their object. x [N, C], keys and values [B, L, C] → [N, C].
 * Declares `to_q`, `to_out` (and `q_rms_norm`).
 */
export function sparseCrossAttention(
  p: Scope,
  grid: SparseGrid,
  x: Tensor,
  { keys, values }: KeysValues,
  config: AttentionConfig,
): Tensor {
  const c = x.shape[1] as number;
  return perObject(grid, x, (rows, object) => {
    const n = rows.shape[0];
    const own = (t: Tensor) => (grid.objects === 1 ? t : slice(t, 0, object, object + 1));
    const prompt = { keys: own(keys), values: own(values) };
    return reshape(attendToPrompt(p, reshape(rows, [1, n, c]), prompt, config), [n, c]);
  });
}
