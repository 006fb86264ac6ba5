import { type KeysValues, layerNorm, linear, modulation, promptKeysValues, timeEmbedding } from '../../nn/index.ts';
import { type SparseGrid, sparseCrossBlock, sparsePositions } from '../../sparse/index.ts';
import { add, concat, type Scope, type Tensor, zeros } from '../../tensor/index.ts';
import { latentResidualBlock } from './residual-block.ts';

/**
 * Stage 2 velocity network: a transformer over the active voxels' latents, at half their resolution between convolutional
 * ends.
 * Source: Xiang et al. 2024, "Structured 3D Latents for Scalable and Versatile 3D Generation", §3.3;
 * reference/models.md §5.4. The option names are those of the official config files.
 */
export interface LatentFlowConfig {
  /** coordinates are below it */
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
  /** 2 with `io_block_channels`, which then halve the resolution; without them it has no effect */
  patch_size?: number;
  /** residual blocks at each end */
  num_io_res_blocks?: number;
  /** their width, as a list of one; none without */
  io_block_channels?: readonly number[] | null;
  /** outer blocks also see what the inner end's counterpart gave */
  use_skip_connection?: boolean;
  qk_rms_norm?: boolean;
  /** one modulation for all blocks instead of one each; only without `io_block_channels` */
  share_mod?: boolean;
}

/**
 * Velocity at `x`. x [N, in], t [B] (0 … 1000) → [N, out].
 * @param prompt  the prompt's tokens [B, L, K], or what `latentPrompt` made of them
 */
export function latentFlow(
  config: LatentFlowConfig,
  p: Scope,
  grid: SparseGrid,
  x: Tensor,
  t: Tensor,
  prompt: Tensor | readonly KeysValues[],
): Tensor {
  const { model_channels: width, num_blocks, out_channels, use_skip_connection: joins = true } = config;
  const io = ioWidth(config);
  const depth = io === undefined ? 0 : (config.num_io_res_blocks ?? 2);
  const inner = io === undefined ? grid : grid.coarser().grid;
  const resolution = io === undefined ? config.resolution : config.resolution / 2;
  const keysValues = 'op' in prompt ? latentPrompt(config, p, prompt) : prompt;
  const block = { heads: headsOf(config), mlpRatio: config.mlp_ratio ?? 4, qkRmsNorm: config.qk_rms_norm ?? false };

  let h = linear(p.at('input_layer'), x, io ?? width);
  const time = timeEmbedding(p.at('t_embedder'), t, width); // [B, C]
  const skips: Tensor[] = [];
  for (let j = 0; j < depth; j++) {
    const last = j === depth - 1;
    const out = last ? width : (io as number);
    h = latentResidualBlock(p.at(`input_blocks.${j}`), grid, h, time, out, last ? 'down' : 'none');
    skips.push(h);
  }
  h = add(h, sparsePositions(inner, width, resolution)); // [N', C]
  const shared = config.share_mod ? modulation(p.at('adaLN_modulation'), time) : undefined;
  for (let i = 0; i < num_blocks; i++) {
    const q = p.at(`blocks.${i}`);
    h = sparseCrossBlock(q, inner, h, shared ?? modulation(q.at('adaLN_modulation'), time), keysValues[i], block);
  }
  for (let j = 0; j < depth; j++) {
    const joined = joins ? concat([h, skips.pop() as Tensor], 1) : h;
    h = latentResidualBlock(p.at(`out_blocks.${j}`), grid, joined, time, io as number, j === 0 ? 'up' : 'none');
  }
  return linear(p.at('out_layer'), layerNorm(h), out_channels, zeros); // [N, out]
}

/** What each block reads of a prompt, cond [B, L, K], the same at every step. */
export function latentPrompt(config: LatentFlowConfig, p: Scope, cond: Tensor): KeysValues[] {
  return Array.from({ length: config.num_blocks }, (_, i) =>
    promptKeysValues(p.at(`blocks.${i}.cross_attn`), cond, config.model_channels, { heads: headsOf(config) }),
  );
}

const headsOf = (config: LatentFlowConfig): number =>
  config.num_heads ?? config.model_channels / (config.num_head_channels ?? 64);

/** Width of the residual blocks; undefined without them. */
function ioWidth({ io_block_channels: io, patch_size: patch = 2, share_mod }: LatentFlowConfig): number | undefined {
  if (!io) return undefined;
  if (io.length !== 1 || patch !== 2)
    throw new Error(
      `latentFlow: io_block_channels [${io.join(', ')}] with patch_size ${patch}: expected one width and patch_size 2, as in ` +
        'every published model; the official network does not run with others.',
    );
  if (share_mod)
    throw new Error(
      'latentFlow: share_mod together with io_block_channels does not run in the official network. Leave one out.',
    );
  return io[0];
}
