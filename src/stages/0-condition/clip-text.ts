import { affineLayerNorm, DEFAULT_EPS, linear } from '../../nn/index.ts';
import {
  add,
  affine,
  constant,
  gather,
  matmul,
  mul,
  normalInit,
  reshape,
  type Scope,
  sigmoid,
  softmax,
  split,
  type Tensor,
  transpose,
  xavier,
  zeros,
} from '../../tensor/index.ts';

/**
 * CLIP's text transformer, whose last hidden state is what the official text models read (ViT-L/14's).
 * Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", §2.4;
 * reference/pipelines.md §7.
 */
export interface ClipTextConfig {
  vocab_size: number;
  /** T, tokens of every prompt */
  max_positions: number;
  /** K, channels of the tokens */
  width: number;
  layers: number;
  heads: number;
  mlp_width: number;
  /** whose names the weights have: those of OpenAI's files or the Hugging Face library's */
  naming: ClipTextNaming;
}

export type ClipTextNaming = keyof typeof names;

const names = {
  openai: {
    words: 'token_embedding.weight',
    positions: 'positional_embedding',
    layer: (i: number) => `transformer.resblocks.${i}`,
    norm1: 'ln_1',
    norm2: 'ln_2',
    out: 'attn.out_proj',
    fc1: 'mlp.c_fc',
    fc2: 'mlp.c_proj',
    last: 'ln_final',
  },
  huggingface: {
    words: 'text_model.embeddings.token_embedding.weight',
    positions: 'text_model.embeddings.position_embedding.weight',
    layer: (i: number) => `text_model.encoder.layers.${i}`,
    norm1: 'layer_norm1',
    norm2: 'layer_norm2',
    out: 'self_attn.out_proj',
    fc1: 'mlp.fc1',
    fc2: 'mlp.fc2',
    last: 'text_model.final_layer_norm',
  },
} as const;

/** Tensors of the checkpoints that the text's hidden states do not need: the picture half, the projections, position numbers. */
export const clipTextUnused =
  /^(visual|vision_model|visual_projection|text_projection)(\.|$)|^logit_scale$|\.position_ids$|^(input_resolution|context_length|vocab_size)$/;

/** Hidden states after the final norm, all positions, padding included. ids int32 [B, T] → [B, T, K]. */
export function clipText(config: ClipTextConfig, p: Scope, ids: Tensor): Tensor {
  const { vocab_size, max_positions: length, width, layers } = config;
  const name = names[config.naming];
  const words = p.weight(name.words, [vocab_size, width], normalInit(0.02));
  let h = add(gather(words, ids), p.weight(name.positions, [length, width], normalInit(0.01))); // [B, T, K]
  const mask = causalMask(length);
  for (let i = 0; i < layers; i++) h = layer(config, p.at(name.layer(i)), h, mask);
  return affineLayerNorm(p.at(name.last), h, DEFAULT_EPS);
}

function layer(config: ClipTextConfig, p: Scope, x: Tensor, mask: Tensor): Tensor {
  const { width, mlp_width } = config;
  const { norm1, norm2, out, fc1, fc2 } = names[config.naming];
  const mixed = causalAttention(config, projections(config, p, affineLayerNorm(p.at(norm1), x, DEFAULT_EPS)), mask);
  const h = add(x, linear(p.at(out), mixed, width));
  const hidden = linear(p.at(fc1), affineLayerNorm(p.at(norm2), h, DEFAULT_EPS), mlp_width);
  return add(h, linear(p.at(fc2), mul(hidden, sigmoid(mul(hidden, 1.702))), width)); // the "quick" GELU
}

/** q, k and v [B, T, K] each: one stored matrix, or three. */
function projections({ width, naming }: ClipTextConfig, p: Scope, x: Tensor): Tensor[] {
  if (naming === 'huggingface')
    return ['q', 'k', 'v'].map((which) => linear(p.at(`self_attn.${which}_proj`), x, width));
  const weight = p.weight('attn.in_proj_weight', [3 * width, width], xavier);
  return split(affine(x, weight, p.weight('attn.in_proj_bias', [3 * width], zeros)), 3);
}

/** Attention in which the mask is added to the scores. [q, k, v] [B, T, K] each, mask [T, T] → [B, T, K]. */
function causalAttention(
  { heads, max_positions: length, width }: ClipTextConfig,
  qkv: readonly Tensor[],
  mask: Tensor,
): Tensor {
  const batch = qkv[0].shape[0];
  const d = width / heads;
  const [q, k, v] = qkv.map((t) => transpose(reshape(t, [batch, length, heads, d]), [0, 2, 1, 3])); // [B, H, T, d]
  const scores = mul(matmul(q, k, { transB: true }), 1 / Math.sqrt(d)); // [B, H, T, T]
  const mixed = matmul(softmax(add(scores, mask)), v);
  return reshape(transpose(mixed, [0, 2, 1, 3]), [batch, length, width]);
}

/** [T, T]: a token sees itself and those before it. */
function causalMask(length: number): Tensor {
  const mask = new Float32Array(length * length);
  for (let i = 0; i < length; i++) mask.fill(-1e9, i * length + i + 1, (i + 1) * length);
  return constant(mask, [length, length]);
}
