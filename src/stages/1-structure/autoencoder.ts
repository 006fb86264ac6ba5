import { channelLayerNorm, convolution, groupNorm, residualBlock } from '../../nn/index.ts';
import { add, exp, mul, pixelShuffle3d, type Scope, silu, slice, type Tensor } from '../../tensor/index.ts';

/**
 * The sparse structure's autoencoder: occupancy on a 64³ grid ⇄ a dense latent on 16³.
 * Source: Xiang et al. 2024, "Structured 3D Latents for Scalable and Versatile 3D Generation", §3.3;
 * reference/models.md §5.1, §5.2. The option names are those of the official config files.
 */
export interface StructureAutoencoderConfig {
  latent_channels: number;
  num_res_blocks: number;
  /** widths per resolution: fine to coarse in the encoder, coarse to fine in the decoder */
  channels: readonly number[];
  num_res_blocks_middle?: number;
  /** norm of the output layer only */
  norm_type?: 'layer' | 'group';
}

export interface StructureEncoderConfig extends StructureAutoencoderConfig {
  in_channels: number;
}

export interface StructureDecoderConfig extends StructureAutoencoderConfig {
  out_channels: number;
}

/** Occupancy [B, 1, R, R, R] as 0/1 → mean and log variance of the latent, each [B, latent_channels, r, r, r]. */
export function structureEncoder(
  config: StructureEncoderConfig,
  p: Scope,
  occupancy: Tensor,
): { mean: Tensor; logvar: Tensor } {
  const { channels, latent_channels: latent, num_res_blocks: depth, num_res_blocks_middle: middle = 2 } = config;
  let h = convolution(p.at('input_layer'), occupancy, channels[0]);
  let i = 0;
  for (const [level, width] of channels.entries()) {
    for (let n = 0; n < depth; n++) h = residualBlock(p.at(`blocks.${i++}`), h, width);
    const next = channels[level + 1];
    if (next) h = convolution(p.at(`blocks.${i++}.conv`), h, next, { kernel: 2, stride: 2 });
  }
  for (let n = 0; n < middle; n++) h = residualBlock(p.at(`middle_block.${n}`), h, channels[channels.length - 1]);
  h = convolution(p.at('out_layer.2'), silu(outputNorm(config, p.at('out_layer.0'), h)), latent * 2);
  return { mean: slice(h, 1, 0, latent), logvar: slice(h, 1, latent, 2 * latent) };
}

/**
 * Latent [B, latent_channels, r, r, r] → logits of occupancy [B, 1, R, R, R]; occupied where above 0.
 * @param options  how its convolutions are computed
 */
export function structureDecoder(
  config: StructureDecoderConfig,
  p: Scope,
  latent: Tensor,
  options: { winograd?: boolean } = {},
): Tensor {
  const { channels, num_res_blocks: depth, num_res_blocks_middle: middle = 2, out_channels } = config;
  let h = convolution(p.at('input_layer'), latent, channels[0]);
  for (let n = 0; n < middle; n++) h = residualBlock(p.at(`middle_block.${n}`), h, channels[0], options);
  let i = 0;
  for (const [level, width] of channels.entries()) {
    for (let n = 0; n < depth; n++) h = residualBlock(p.at(`blocks.${i++}`), h, width, options);
    const next = channels[level + 1];
    if (next) h = pixelShuffle3d(convolution(p.at(`blocks.${i++}.conv`), h, next * 8, options), 2);
  }
  return convolution(p.at('out_layer.2'), silu(outputNorm(config, p.at('out_layer.0'), h)), out_channels);
}

/** mean + exp(½·logvar)·noise. */
export const samplePosterior = (mean: Tensor, logvar: Tensor, noise: Tensor): Tensor =>
  add(mean, mul(exp(mul(logvar, 0.5)), noise));

function outputNorm({ norm_type: norm = 'layer' }: StructureAutoencoderConfig, p: Scope, h: Tensor): Tensor {
  return norm === 'group' ? groupNorm(p, h, 32) : channelLayerNorm(p, h);
}
