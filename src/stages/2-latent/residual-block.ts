import { affineLayerNorm, BLOCK_EPS, layerNorm, linear } from '../../nn/index.ts';
import { downsample, perRow, type SparseGrid, sparseConvolution, upsample } from '../../sparse/index.ts';
import { add, mul, type Scope, silu, split, type Tensor, zeros } from '../../tensor/index.ts';

/** What happens to the resolution before everything else. */
export type Resampling = 'down' | 'up' | 'none';

/**
 * Residual block at the ends of the latent flow, modulated by the time. x [N, in] on `grid`, time [B, C] → [N', out]: on
 * `grid` ('none'), on `grid.coarser()` ('down'), or, for x on that coarser grid, back on `grid` ('up').
 * Source: reference/models.md §4.11.
 */
export function latentResidualBlock(
  p: Scope,
  grid: SparseGrid,
  x: Tensor,
  time: Tensor,
  out: number,
  resampling: Resampling,
): Tensor {
  const target = resampling === 'down' ? grid.coarser().grid : grid;
  const moved = resampling === 'down' ? downsample(grid, x) : resampling === 'up' ? upsample(grid, x) : x;
  const cin = moved.shape[1] as number;
  const [scale, shift] = split(linear(p.at('emb_layers.1'), silu(time), 2 * out), 2).map((m) => perRow(target, m));
  let h = silu(affineLayerNorm(p.at('norm1'), moved, BLOCK_EPS));
  h = sparseConvolution(p.at('conv1'), target, h, out);
  h = silu(add(mul(layerNorm(h, BLOCK_EPS), add(scale, 1)), shift));
  h = sparseConvolution(p.at('conv2'), target, h, out, zeros);
  return add(h, cin === out ? moved : linear(p.at('skip_connection'), moved, out));
}
