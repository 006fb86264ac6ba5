import { add, gelu, mul, reshape, type Scope, silu, split, type Tensor, zeros } from '../tensor/index.ts';
import { crossAttention, type KeysValues, selfAttention } from './attention.ts';
import { linear } from './linear.ts';
import { affineLayerNorm, BLOCK_EPS, layerNorm } from './norm.ts';

export interface BlockConfig {
  heads: number;
  mlpRatio: number;
  qkRmsNorm: boolean;
  qkRmsNormCross?: boolean;
}

/** Linear, GELU (tanh form), linear. Declares `mlp.0`, `mlp.2`. */
export function feedForward(p: Scope, x: Tensor, ratio: number): Tensor {
  const c = x.shape[x.shape.length - 1] as number;
  return linear(p.at('mlp.2'), gelu(linear(p.at('mlp.0'), x, Math.round(c * ratio))), c);
}

/** Plain pre-norm block: x + attn(norm(x)), x + mlp(norm(x)). x [B, T, C]. */
export function plainBlock(p: Scope, x: Tensor, { heads, mlpRatio, qkRmsNorm }: BlockConfig): Tensor {
  const h = add(x, selfAttention(p.at('attn'), layerNorm(x, BLOCK_EPS), { heads, qkRmsNorm }));
  return add(h, feedForward(p.at('mlp'), layerNorm(h, BLOCK_EPS), mlpRatio));
}

/** The six modulation vectors of a block from the time embedding [B, C] → [B, 6C]. */
export function modulation(p: Scope, time: Tensor): Tensor {
  return linear(p.at('1'), silu(time), 6 * (time.shape[1] as number), zeros);
}

/**
 * Block of the flow networks: modulated self attention, cross attention to the prompt, modulated feed-forward.
 * x [B, T, C], modulated [B, 6C] (shift, scale, gate of attention; shift, scale, gate of the feed-forward), cond [B, L, K] or what the block
 * read of it.
 * Source: reference/models.md §3.7; adaptive norms: Peebles & Xie 2023.
 */
export function crossBlock(
  p: Scope,
  x: Tensor,
  modulated: Tensor,
  cond: Tensor | KeysValues,
  config: BlockConfig,
): Tensor {
  const { heads, mlpRatio, qkRmsNorm, qkRmsNormCross } = config;
  const [b, , c] = x.shape;
  const vectors = split(modulated, 6, 1).map((m) => reshape(m, [b, 1, c]));
  const [shiftAttention, scaleAttention, gateAttention, shiftMlp, scaleMlp, gateMlp] = vectors;
  const modulate = (h: Tensor, shift: Tensor, scale: Tensor) => add(mul(layerNorm(h, BLOCK_EPS), add(scale, 1)), shift);
  let h = x;
  h = add(
    h,
    mul(
      gateAttention,
      selfAttention(p.at('self_attn'), modulate(h, shiftAttention, scaleAttention), { heads, qkRmsNorm }),
    ),
  );
  h = add(
    h,
    crossAttention(p.at('cross_attn'), affineLayerNorm(p.at('norm2'), h, BLOCK_EPS), cond, {
      heads,
      qkRmsNorm: qkRmsNormCross,
    }),
  );
  return add(h, mul(gateMlp, feedForward(p.at('mlp'), modulate(h, shiftMlp, scaleMlp), mlpRatio)));
}
