import { affineLayerNorm, BLOCK_EPS, layerNorm, linear } from '../../nn/index.ts';
import {
  add,
  affine,
  attention,
  concat,
  constant,
  div,
  expand,
  gelu,
  matmul,
  mul,
  normalInit,
  ones,
  reshape,
  type Scope,
  slice,
  split,
  sub,
  type Tensor,
  transpose,
  zeros,
} from '../../tensor/index.ts';
import { bicubicResampling } from './resample-positions.ts';

/**
 * DINOv2 with registers: a vision transformer whose tokens are what the official picture models read (ViT-L/14).
 * Source: Oquab et al. 2023, "DINOv2"; Darcet et al. 2023, "Vision Transformers Need Registers"; reference/pipelines.md §6.
 */
export interface Dinov2Config {
  /** pixels per side that the stored position embedding is for, and to which prompts are prepared */
  image_size: number;
  patch_size: number;
  /** K, channels of the tokens */
  embed_dim: number;
  depth: number;
  num_heads: number;
  mlp_ratio: number;
  num_register_tokens: number;
  /** whose names the weights have: the torch hub's or the Hugging Face library's */
  naming: Dinov2Naming;
}

export type Dinov2Naming = keyof typeof names;

/** Where each weight is found. The two differ in more than names: one stores q, k and v as one matrix, the other as three. */
const names = {
  hub: {
    classToken: 'cls_token',
    registers: 'register_tokens',
    positions: 'pos_embed',
    patches: 'patch_embed.proj',
    block: (i: number) => `blocks.${i}`,
    qkv: ['attn.qkv'],
    out: 'attn.proj',
    scale1: 'ls1.gamma',
    scale2: 'ls2.gamma',
  },
  huggingface: {
    classToken: 'embeddings.cls_token',
    registers: 'embeddings.register_tokens',
    positions: 'embeddings.position_embeddings',
    patches: 'embeddings.patch_embeddings.projection',
    block: (i: number) => `encoder.layer.${i}`,
    qkv: ['attention.attention.query', 'attention.attention.key', 'attention.attention.value'],
    out: 'attention.output.dense',
    scale1: 'layer_scale1.lambda1',
    scale2: 'layer_scale2.lambda1',
  },
} as const;

/** Tensors of the checkpoints that the tokens do not need: the final norm and the token of masked patches. */
export const dinov2Unused = /^(norm|layernorm)\.(weight|bias)$|(^|\.)mask_token$/;

/** Deviation and mean of the pictures it was trained on (ImageNet), per channel. */
const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];

/** Prompt tokens of `pictures` [B, H, W, 3], RGB in 0 … 1: the tokens of the last block, normalised → [B, 1 + R + H·W/p², K]. */
export function dinov2Condition(config: Dinov2Config, p: Scope, pictures: Tensor): Tensor {
  return layerNorm(dinov2Tokens(config, p, pictures));
}

/** Tokens before the network's own final norm: class, registers, patches row by row. pictures [B, H, W, 3] → [B, T, K]. */
export function dinov2Tokens(config: Dinov2Config, p: Scope, pictures: Tensor): Tensor {
  const { patch_size: patch, embed_dim: width, depth, num_register_tokens: registers } = config;
  const [batch, height, wide] = pictures.shape as [Tensor['shape'][number], number, number];
  if (height % patch !== 0 || wide % patch !== 0)
    throw new Error(
      `dinov2: pictures must have sides divisible by ${patch}, got ${height} × ${wide}. Prepare them at ${config.image_size} × ${config.image_size}.`,
    );
  const name = names[config.naming];
  const [rows, columns] = [height / patch, wide / patch];
  const normal = div(sub(pictures, constant(MEAN, [3])), constant(DEVIATION, [3]));
  const cells = transpose(reshape(normal, [batch, rows, patch, columns, patch, 3]), [0, 1, 3, 5, 2, 4]);
  const pixels = reshape(cells, [batch, rows * columns, 3 * patch * patch]); // channels first, as a convolution has them
  const kernel = p.at(name.patches).weight('weight', [width, 3, patch, patch], normalInit(0.02));
  const bias = p.at(name.patches).weight('bias', [width], zeros);
  let patches = affine(pixels, reshape(kernel, [width, 3 * patch * patch]), bias); // [B, h·w, K]
  const stored = storedPositions(config, p);
  patches = add(patches, patchPositions(config, stored, rows, columns));
  const classToken = add(p.weight(name.classToken, [1, 1, width], normalInit(0.02)), slice(stored, 1, 0, 1));
  const special = [classToken];
  if (registers > 0) special.push(p.weight(name.registers, [1, registers, width], normalInit(0.02))); // no position
  let h = concat([...special.map((t) => expand(t, [batch, t.shape[1], width])), patches], 1); // [B, T, K]
  for (let i = 0; i < depth; i++) h = block(config, p.at(name.block(i)), h);
  return h;
}

function storedPositions({ image_size, patch_size, embed_dim, naming }: Dinov2Config, p: Scope): Tensor {
  return p.weight(names[naming].positions, [1, 1 + (image_size / patch_size) ** 2, embed_dim], normalInit(0.02));
}

/** The patches' part of the position embedding, resampled when the picture has another size → [1, rows·columns, K]. */
function patchPositions(
  { image_size, patch_size, embed_dim: width }: Dinov2Config,
  stored: Tensor,
  rows: number,
  columns: number,
): Tensor {
  const side = image_size / patch_size;
  const grid = slice(stored, 1, 1, 1 + side * side); // [1, P², K]
  if (rows === side && columns === side) return grid;
  const along = (to: number) => constant(bicubicResampling(side, to), [to, side]);
  const vertical = reshape(matmul(along(rows), reshape(grid, [side, side * width])), [rows, side, width]);
  const turned = reshape(transpose(vertical, [1, 0, 2]), [side, rows * width]);
  const both = reshape(matmul(along(columns), turned), [columns, rows, width]);
  return reshape(transpose(both, [1, 0, 2]), [1, rows * columns, width]);
}

/** x + γ₁·attention(norm(x)), then x + γ₂·mlp(norm(x)); the MLP has the exact GELU. */
function block(config: Dinov2Config, p: Scope, x: Tensor): Tensor {
  const { embed_dim: width, num_heads: heads, mlp_ratio } = config;
  const { qkv, out, scale1, scale2 } = names[config.naming];
  const normal = affineLayerNorm(p.at('norm1'), x, BLOCK_EPS);
  const [q, k, v] =
    qkv.length === 1
      ? split(linear(p.at(qkv[0]), normal, 3 * width), 3)
      : qkv.map((name) => linear(p.at(name), normal, width));
  const mixed = linear(p.at(out), attention(q, k, v, heads), width);
  const h = add(x, mul(mixed, p.weight(scale1, [width], ones)));
  const hidden = gelu(
    linear(p.at('mlp.fc1'), affineLayerNorm(p.at('norm2'), h, BLOCK_EPS), Math.round(width * mlp_ratio)),
    'none',
  );
  return add(h, mul(linear(p.at('mlp.fc2'), hidden, width), p.weight(scale2, [width], ones)));
}
