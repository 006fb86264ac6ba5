import { layerNorm, linear } from '../../nn/index.ts';
import { type SparseGrid, type SparseTransformerConfig, sparseTransformer } from '../../sparse/index.ts';
import { type Scope, slice, type Tensor, zeros } from '../../tensor/index.ts';

/** Encoder of the structured latent: picture features at active voxels → a latent at the same voxels. reference/models.md §5.6. */
export interface LatentEncoderConfig extends SparseTransformerConfig {
  /** channels of the picture features */
  in_channels: number;
  latent_channels: number;
}

/** Features [N, in] → mean and log variance of the latent, each [N, latent_channels]. Stored latents are the mean. */
export function latentEncoder(
  config: LatentEncoderConfig,
  p: Scope,
  grid: SparseGrid,
  feats: Tensor,
): { mean: Tensor; logvar: Tensor } {
  const { latent_channels: latent } = config;
  const h = layerNorm(sparseTransformer(config, p, grid, feats));
  const y = linear(p.at('out_layer'), h, 2 * latent, zeros);
  return { mean: slice(y, 1, 0, latent), logvar: slice(y, 1, latent, 2 * latent) };
}
