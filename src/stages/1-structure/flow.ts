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
  patchify,
  reshape,
  type Scope,
  type Tensor,
  transpose,
  unpatchify,
  valuesInit,
} from '../../tensor/index.ts';

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
  prompt: Tensor | readonly KeysValues[],
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
  const time = timeEmbedding(p.at('t_embedder'), t, width); // [B, C]
  const shared = config.share_mod ? modulation(p.at('adaLN_modulation'), time) : undefined;
  for (let i = 0; i < num_blocks; i++) {
    const q = p.at(`blocks.${i}`);
    const read = 'op' in prompt ? prompt : prompt[i];
    h = crossBlock(q, h, shared ?? modulation(q.at('adaLN_modulation'), time), read, block);
  }
  h = linear(p.at('out_layer'), layerNorm(h), out_channels * patch ** 3, { kind: 'zeros' }); // [B, T, out·p³]
  const volume = reshape(transpose(h, [0, 2, 1]), [batch, out_channels * patch ** 3, side, side, side]);
  return unpatchify(volume, patch);
}

/** What each block reads of a prompt, cond [B, L, K], the same at every step. */
export function structurePrompt(config: StructureFlowConfig, p: Scope, cond: Tensor): KeysValues[] {
  const options = { heads: headsOf(config), qkRmsNorm: config.qk_rms_norm_cross };
  return Array.from({ length: config.num_blocks }, (_, i) =>
    promptKeysValues(p.at(`blocks.${i}.cross_attn`), cond, config.model_channels, options),
  );
}

const headsOf = (config: StructureFlowConfig): number =>
  config.num_heads ?? config.model_channels / (config.num_head_channels ?? 64);

/** Weights of the state dict that are not trained: the stored position embedding. */
export const structureFlowBuffers: readonly string[] = ['pos_emb'];
