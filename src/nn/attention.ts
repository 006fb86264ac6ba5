import { attention, type Scope, split, type Tensor } from '../tensor/index.ts';
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

/** What a block reads of a prompt, the same at every step: [B, L, C] each. */
export interface KeysValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/**
 * x [B, T, C] attends to a prompt → [B, T, C]. Declares `to_q`, `to_kv`, `to_out` (and the norms).
 * @param cond  the prompt's tokens [B, L, K], or what `promptKeysValues` made of them
 */
export function crossAttention(p: Scope, x: Tensor, cond: Tensor | KeysValues, config: AttentionConfig): Tensor {
  const read = 'op' in cond ? promptKeysValues(p, cond, x.shape[2] as number, config) : cond;
  return attendToPrompt(p, x, read, config);
}

/** Keys and values of a prompt: cond [B, L, K]. Declares `to_kv` (and `k_rms_norm`). */
export function promptKeysValues(
  p: Scope,
  cond: Tensor,
  width: number,
  { heads, qkRmsNorm }: AttentionConfig,
): KeysValues {
  const [keys, values] = split(linear(p.at('to_kv'), cond, 2 * width), 2);
  return { keys: qkRmsNorm ? headNorm(p.at('k_rms_norm'), keys, heads) : keys, values };
}

/** x [B, T, C] attends to keys and values. Declares `to_q`, `to_out` (and `q_rms_norm`). */
export function attendToPrompt(
  p: Scope,
  x: Tensor,
  { keys, values }: KeysValues,
  { heads, qkRmsNorm }: AttentionConfig,
): Tensor {
  const c = x.shape[2] as number;
  let q = linear(p.at('to_q'), x, c);
  if (qkRmsNorm) q = headNorm(p.at('q_rms_norm'), q, heads);
  return linear(p.at('to_out'), attention(q, keys, values, heads), c);
}
