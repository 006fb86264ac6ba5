import { affineLayerNorm, BLOCK_EPS, type BlockConfig, feedForward, type KeysValues, layerNorm } from '../nn/index.ts';
import { add, mul, type Scope, split, type Tensor } from '../tensor/index.ts';
import { type AttentionReach, sparseCrossAttention, sparseSelfAttention } from './attention.ts';
import { perRow } from './per-object.ts';
import { inPieces } from './pieces.ts';
import type { SparseGrid } from './sparse-grid.ts';

/** Plain pre-norm block: x + attn(norm(x)), x + mlp(norm(x)). x [N, C]. Declares `attn`, `mlp`. */
export function sparsePlainBlock(
  p: Scope,
  grid: SparseGrid,
  x: Tensor,
  reach: AttentionReach,
  { heads, mlpRatio, qkRmsNorm }: BlockConfig,
): Tensor {
  const h = add(x, sparseSelfAttention(p.at('attn'), grid, layerNorm(x, BLOCK_EPS), reach, { heads, qkRmsNorm }));
  return add(
    h,
    inPieces(grid, layerNorm(h, BLOCK_EPS), (rows) => feedForward(p.at('mlp'), rows, mlpRatio)),
  );
}

/** A block's window in `swin` networks: odd blocks see windows moved by half their size. */
export const swinReach = (size: number, block: number): AttentionReach => ({
  kind: 'window',
  size,
  shift: Math.floor(size / 2) * (block % 2),
});

/**
 * Block of the sparse flow network, as `crossBlock` but on the rows of a grid: x [N, C], modulated [B, 6C], keys and
 * values [B, L, C]. Declares `self_attn`, `norm2`, `cross_attn` (without its `to_kv`), `mlp`.
 */
export function sparseCrossBlock(
  p: Scope,
  grid: SparseGrid,
  x: Tensor,
  modulated: Tensor,
  keysValues: KeysValues,
  { heads, mlpRatio, qkRmsNorm }: BlockConfig,
): Tensor {
  const [shiftAttention, scaleAttention, gateAttention, shiftMlp, scaleMlp, gateMlp] = split(modulated, 6, 1).map((m) =>
    perRow(grid, m),
  );
  const modulate = (h: Tensor, shift: Tensor, scale: Tensor) => add(mul(layerNorm(h, BLOCK_EPS), add(scale, 1)), shift);
  const attend = (h: Tensor) => sparseSelfAttention(p.at('self_attn'), grid, h, { kind: 'full' }, { heads, qkRmsNorm });
  let h = add(x, mul(gateAttention, attend(modulate(x, shiftAttention, scaleAttention))));
  h = add(
    h,
    sparseCrossAttention(p.at('cross_attn'), grid, affineLayerNorm(p.at('norm2'), h, BLOCK_EPS), keysValues, { heads }),
  );
  return add(h, mul(gateMlp, feedForward(p.at('mlp'), modulate(h, shiftMlp, scaleMlp), mlpRatio)));
}
