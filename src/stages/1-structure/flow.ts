import {
  absolutePositions,
  crossBlock,
  gridPositions,
  type KeysValues,
  layerNorm,
  linear,
  modulation,
  promptKeysValues,
  timeEmbedding,
} from '../../nn/index.ts';
import {
  add,
  affine,
  constant,
  patchify,
  reshape,
  type Scope,
  slice,
  type Tensor,
  transpose,
  unpatchify,
  valuesInit,
  zeros,
} from '../../tensor/index.ts';
import { PICTURE_MARGIN } from '../0-condition/index.ts';

/**
 * Stage 1 velocity network: a transformer over the dense latent of the sparse structure.
 * Source: Xiang et al. 2024, "Structured 3D Latents for Scalable and Versatile 3D Generation", §3.3;
 * reference/models.md §5.3. The option names are those of the official config files.
 */
export interface StructureFlowConfig {
  /** R, voxels per side of the latent */
  resolution: number;
  in_channels: number;
  out_channels: number;
  /** C, channels of the transformer */
  model_channels: number;
  /** K, channels of the prompt tokens */
  cond_channels: number;
  num_blocks: number;
  num_heads?: number;
  num_head_channels?: number;
  mlp_ratio?: number;
  patch_size?: number;
  qk_rms_norm?: boolean;
  qk_rms_norm_cross?: boolean;
  /** one modulation for all blocks instead of one each */
  share_mod?: boolean;
  /**
   * G, where shapes stand as a picture's camera sees them (`frame: 'view'`): the prompt's last G² tokens are the patches of the
   * picture, and each token also reads those it is seen in. No published model has it.
   */
  pixel_aligned_grid?: number;
}

/** What the network reads of a prompt, the same at every step. */
export interface StructurePrompt {
  /** of each block */
  readonly blocks: readonly KeysValues[];
  /** [B, side², C] by x and z, added to the tokens at every depth; with `pixel_aligned_grid` */
  readonly aligned?: Tensor;
}

/**
 * Velocity at `x`. x [B, in, R, R, R], t [B] (0 … 1000) → [B, out, R, R, R].
 * @param prompt  the prompt's tokens [B, L, K], or what `structurePrompt` made of them
 */
export function structureFlow(
  config: StructureFlowConfig,
  p: Scope,
  x: Tensor,
  t: Tensor,
  prompt: Tensor | StructurePrompt,
): Tensor {
  const { resolution, model_channels: width, num_blocks, out_channels, patch_size: patch = 2 } = config;
  const side = resolution / patch;
  const tokens = side ** 3;
  const batch = x.shape[0];
  const block = {
    heads: headsOf(config),
    mlpRatio: config.mlp_ratio ?? 4,
    qkRmsNorm: config.qk_rms_norm ?? false,
    qkRmsNormCross: config.qk_rms_norm_cross ?? false,
  };
  const flat = reshape(patchify(x, patch), [batch, -1, tokens]); // [B, in·p³, T]
  let h = linear(p.at('input_layer'), transpose(flat, [0, 2, 1]), width); // [B, T, C]
  const positions = absolutePositions(gridPositions(side), width);
  h = add(h, p.weight('pos_emb', [tokens, width], valuesInit(positions)));
  const aligned = 'op' in prompt ? alignedPrompt(config, p, prompt) : prompt.aligned;
  if (aligned) {
    const front = reshape(aligned, [batch, side, 1, side, width]);
    h = reshape(add(reshape(h, [batch, side, side, side, width]), front), [batch, tokens, width]);
  }
  const time = timeEmbedding(p.at('t_embedder'), t, width); // [B, C]
  const shared = config.share_mod ? modulation(p.at('adaLN_modulation'), time) : undefined;
  for (let i = 0; i < num_blocks; i++) {
    const q = p.at(`blocks.${i}`);
    const read = 'op' in prompt ? prompt : prompt.blocks[i];
    h = crossBlock(q, h, shared ?? modulation(q.at('adaLN_modulation'), time), read, block);
  }
  h = linear(p.at('out_layer'), layerNorm(h), out_channels * patch ** 3, { kind: 'zeros' }); // [B, T, out·p³]
  const volume = reshape(transpose(h, [0, 2, 1]), [batch, out_channels * patch ** 3, side, side, side]);
  return unpatchify(volume, patch);
}

/** What the network reads of a prompt, cond [B, L, K]. */
export function structurePrompt(config: StructureFlowConfig, p: Scope, cond: Tensor): StructurePrompt {
  const options = { heads: headsOf(config), qkRmsNorm: config.qk_rms_norm_cross };
  const blocks = Array.from({ length: config.num_blocks }, (_, i) =>
    promptKeysValues(p.at(`blocks.${i}.cross_attn`), cond, config.model_channels, options),
  );
  return { blocks, aligned: alignedPrompt(config, p, cond) };
}

/**
 * Pixel-aligned features: what the picture shows where each column of tokens is seen, [B, side², C]. Spares the network to learn
 * which patch lies over which token. Source: Saito et al. 2019, "PIFu"; here for tokens, and without a camera, since the
 * object fills the cube as it fills the picture.
 */
function alignedPrompt(config: StructureFlowConfig, p: Scope, cond: Tensor): Tensor | undefined {
  const { resolution, patch_size: patch = 2, model_channels: width, pixel_aligned_grid: grid } = config;
  if (grid === undefined) return undefined;
  const [batch, length, channels] = cond.shape;
  if (typeof length !== 'number' || length < grid ** 2)
    throw new Error(
      `structureFlow: pixel_aligned_grid ${grid} needs prompts of at least ${grid ** 2} tokens, got ${length}.`,
    );
  const side = resolution / patch;
  const samples = Math.ceil(grid / side); // per axis of a column
  const patches = transpose(slice(cond, 1, length - grid ** 2, length), [0, 2, 1]); // [B, K, G²]
  const over = constant(frontSamples(side, samples, grid), [(side * samples) ** 2, grid ** 2]);
  const seen = transpose(affine(patches, over), [0, 2, 1]); // [B, side²·samples², K]
  const columns = reshape(seen, [batch, side ** 2, samples ** 2 * (channels as number)]);
  return linear(p.at('aligned_layer'), columns, width, zeros); // nothing at first
}

/**
 * By which weights the patches of a picture give its samples over the cube's front, [(side·samples)², grid²], bilinear: rows by column
 * of tokens, x then z, then by sample in it; patches row by row from the top.
 */
function frontSamples(side: number, samples: number, grid: number): Float32Array {
  const count = side * samples;
  const along = Array.from({ length: count }, (_, i) => {
    const at = grid * (0.5 + ((i + 0.5) / count - 0.5) / PICTURE_MARGIN) - 0.5; // in patches, from the middle of the first
    return Array.from({ length: grid }, (_, j) => Math.max(0, 1 - Math.abs(Math.min(grid - 1, Math.max(0, at)) - j)));
  });
  const out = new Float32Array((count * grid) ** 2);
  let row = 0;
  for (let x = 0; x < side; x++)
    for (let z = 0; z < side; z++)
      for (let i = 0; i < samples; i++)
        for (let j = 0; j < samples; j++, row++)
          for (const [right, a] of along[x * samples + i].entries())
            for (const [up, b] of along[z * samples + j].entries())
              out[row * grid ** 2 + (grid - 1 - up) * grid + right] = a * b;
  return out;
}

const headsOf = (config: StructureFlowConfig): number =>
  config.num_heads ?? config.model_channels / (config.num_head_channels ?? 64);

/** Weights of the state dict that are not trained: the stored position embedding. */
export const structureFlowBuffers: readonly string[] = ['pos_emb'];
