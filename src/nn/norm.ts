import {
  add,
  div,
  maximum,
  mean,
  mul,
  normalize,
  ones,
  reciprocal,
  reshape,
  type Scope,
  sqrt,
  sub,
  sum,
  type Tensor,
  transpose,
  zeros,
} from '../tensor/index.ts';

/** Epsilon of the norms inside transformer blocks; the functional default elsewhere is 1e-5 (reference/models.md §2.2). */
export const BLOCK_EPS = 1e-6;
export const DEFAULT_EPS = 1e-5;

/** Layer norm over the last axis, without affine parameters. */
export const layerNorm = (x: Tensor, eps = DEFAULT_EPS): Tensor => normalize(x, eps);

/** Layer norm over the last axis. Declares `weight` and `bias` [C]. */
export function affineLayerNorm(p: Scope, x: Tensor, eps = DEFAULT_EPS): Tensor {
  const c = x.shape[x.shape.length - 1];
  return add(mul(normalize(x, eps), p.weight('weight', [c], ones)), p.weight('bias', [c], zeros));
}

/** Layer norm over the channels of each voxel. x [B, C, X, Y, Z]; declares `weight` and `bias` [C]. */
export function channelLayerNorm(p: Scope, x: Tensor): Tensor {
  const last = transpose(x, [0, 2, 3, 4, 1]);
  return transpose(affineLayerNorm(p, last), [0, 4, 1, 2, 3]);
}

/** Group norm over each group's channels and all voxels. x [B, C, X, Y, Z]; declares `weight` and `bias` [C]. */
export function groupNorm(p: Scope, x: Tensor, groups: number): Tensor {
  const [b, c, ...spatial] = x.shape;
  const rows = reshape(x, [b, groups, -1]);
  const centered = sub(rows, mean(rows, { axes: [-1], keepDims: true }));
  const variance = mean(mul(centered, centered), { axes: [-1], keepDims: true });
  const normal = reshape(div(centered, sqrt(add(variance, DEFAULT_EPS))), [b, c, ...spatial]);
  const perChannel = (name: string, init: typeof ones) => reshape(p.weight(name, [c], init), [c, 1, 1, 1]);
  return add(mul(normal, perChannel('weight', ones)), perChannel('bias', zeros));
}

/** RMS norm of each head's vector, u/max(‖u‖, 1e-12)·γ·√d. x [B, T, H·d]; declares `gamma` [H, d]. */
export function headNorm(p: Scope, x: Tensor, heads: number): Tensor {
  const [b, t, c] = x.shape;
  const d = (c as number) / heads;
  const u = reshape(x, [b, t, heads, d]);
  // The bound stands under the root: at the zero vector (an empty prompt) the root's slope would be infinite.
  const inverse = reciprocal(sqrt(maximum(sum(mul(u, u), { axes: [-1], keepDims: true }), 1e-24)));
  const scaled = mul(mul(u, inverse), mul(p.weight('gamma', [heads, d], ones), Math.sqrt(d)));
  return reshape(scaled, [b, t, c]);
}
