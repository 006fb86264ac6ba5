import { attention, concat, type Scope, split, type Tensor } from '../tensor/index.ts';
import { linear } from './linear.ts';
import { headNorm } from './norm.ts';

export interface AttentionConfig {
  heads: number;
  /** RMS norm of queries and keys */
  qkRmsNorm?: boolean;
}

/** x [B, T, C] → [B, T, C]. Declares `to_qkv`, `to_out` and, with the norm, `q_rms_norm`, `k_rms_norm`. */
export function selfAttention(p: Scope, x: Tensor, { heads, qkRmsNorm }: AttentionConfig): Tensor {
  const c = x.shape[2] as number;
  let [q, k, v] = split(linear(p.at('to_qkv'), x, 3 * c), 3);
  if (qkRmsNorm) {
    q = headNorm(p.at('q_rms_norm'), q, heads);
    k = headNorm(p.at('k_rms_norm'), k, heads);
  }
  return linear(p.at('to_out'), attention(q, k, v, heads), c);
}

/** x [B, T, C] attends to cond [B, L, K] → [B, T, C]. Declares `to_q`, `to_kv`, `to_out` (and the norms). */
export function crossAttention(p: Scope, x: Tensor, cond: Tensor, config: AttentionConfig): Tensor {
  return attendToPrompt(p, x, promptKeysValues(p, cond, x.shape[2] as number, config), config);
}

/** Keys and values of a prompt, the same at every step: cond [B, L, K] → [B, L, 2C]. Declares `to_kv` (and `k_rms_norm`). */
export function promptKeysValues(p: Scope, cond: Tensor, width: number, { heads, qkRmsNorm }: AttentionConfig): Tensor {
  const projected = linear(p.at('to_kv'), cond, 2 * width);
  if (!qkRmsNorm) return projected;
  const [k, v] = split(projected, 2);
  return concat([headNorm(p.at('k_rms_norm'), k, heads), v], 2);
}

/** x [B, T, C] attends to keys and values [B, L, 2C]. Declares `to_q`, `to_out` (and `q_rms_norm`). */
export function attendToPrompt(p: Scope, x: Tensor, keysValues: Tensor, { heads, qkRmsNorm }: AttentionConfig): Tensor {
  const c = x.shape[2] as number;
  let q = linear(p.at('to_q'), x, c);
  const [k, v] = split(keysValues, 2);
  if (qkRmsNorm) q = headNorm(p.at('q_rms_norm'), q, heads);
  return linear(p.at('to_out'), attention(q, k, v, heads), c);
}
