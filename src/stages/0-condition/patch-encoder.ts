import { layerNorm, linear, plainBlock } from '../../nn/index.ts';
import { add, normalInit, reshape, type Scope, type Tensor, transpose } from '../../tensor/index.ts';

/**
 * A small picture encoder, trained together with the flow: square patches, position embedding, plain transformer
 * blocks, layer norm. It stands where the official models have DINOv2.
 */
export interface PatchEncoderConfig {
  /** S, pixels per side of the prepared picture */
  image_size: number;
  patch_size: number;
  /** K, channels of the tokens */
  model_channels: number;
  num_blocks: number;
  num_heads: number;
}

/** Prepared pictures [B, S, S, 3], RGB on black in 0 … 1 → prompt tokens [B, (S/patch)², K]. */
export function patchEncoder(config: PatchEncoderConfig, p: Scope, pictures: Tensor): Tensor {
  const { image_size: size, patch_size: patch, model_channels: width, num_blocks, num_heads: heads } = config;
  const side = size / patch;
  const batch = pictures.shape[0];
  const cells = transpose(reshape(pictures, [batch, side, patch, side, patch, 3]), [0, 1, 3, 2, 4, 5]);
  let h = linear(p.at('patch_embed'), reshape(cells, [batch, side * side, patch * patch * 3]), width); // [B, T, K]
  h = add(h, p.weight('pos_embed', [side * side, width], normalInit(0.02)));
  for (let i = 0; i < num_blocks; i++) h = plainBlock(p.at(`blocks.${i}`), h, { heads, mlpRatio: 4, qkRmsNorm: true });
  return layerNorm(h);
}
