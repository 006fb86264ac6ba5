import { linear } from '../nn/index.ts';
import { add, type Scope, type Tensor } from '../tensor/index.ts';
import { sparsePositions } from './positions.ts';
import type { SparseGrid } from './sparse-grid.ts';
import { sparsePlainBlock, swinReach } from './transformer.ts';

/**
 * The body shared by the latent's encoder and decoders: a transformer over active voxels.
 * Source: Xiang et al. 2024, "Structured 3D Latents for Scalable and Versatile 3D Generation", §3.1; shifted windows: Liu et
 * al. 2021; reference/models.md §5.5. The option names are those of the official config files.
 */
export interface SparseTransformerConfig {
  /** coordinates are below it */
  resolution: number;
  /** C */
  model_channels: number;
  num_blocks: number;
  num_heads?: number;
  num_head_channels?: number;
  mlp_ratio?: number;
  /** attention inside windows, every second block in moved ones, or among all voxels of an object */
  attn_mode?: 'swin' | 'full';
  window_size?: number;
  qk_rms_norm?: boolean;
}

/** x [N, in] → [N, C]. Declares `input_layer` and `blocks`. */
export function sparseTransformer(config: SparseTransformerConfig, p: Scope, grid: SparseGrid, x: Tensor): Tensor {
  return transformerBlocks(config, p, grid, transformerInput(config, p, grid, x), 0, config.num_blocks);
}

/** What comes before the blocks: x [N, in] → [N, C]. */
export function transformerInput(
  { model_channels: width, resolution }: SparseTransformerConfig,
  p: Scope,
  grid: SparseGrid,
  x: Tensor,
): Tensor {
  return add(linear(p.at('input_layer'), x, width), sparsePositions(grid, width, resolution));
}

/** Blocks `from` to `to` − 1: h [N, C] → [N, C]. */
export function transformerBlocks(
  config: SparseTransformerConfig,
  p: Scope,
  grid: SparseGrid,
  h: Tensor,
  from: number,
  to: number,
): Tensor {
  const { model_channels: width, attn_mode = 'swin', window_size = 8 } = config;
  const block = {
    heads: config.num_heads ?? width / (config.num_head_channels ?? 64),
    mlpRatio: config.mlp_ratio ?? 4,
    qkRmsNorm: config.qk_rms_norm ?? false,
  };
  let y = h;
  for (let i = from; i < to; i++) {
    const reach = attn_mode === 'full' ? ({ kind: 'full' } as const) : swinReach(window_size, i);
    y = sparsePlainBlock(p.at(`blocks.${i}`), grid, y, reach, block);
  }
  return y;
}
