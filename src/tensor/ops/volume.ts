import { sameShape } from '../dim.ts';
import { node, type Tensor } from '../tensor.ts';
import { shapeError } from './check.ts';
import { reshape, transpose } from './shape.ts';

/** 3-D cross-correlation. x [B, in, X, Y, Z], weight [out, in, k, k, k], bias [out]; zero padding on all sides. */
export function conv3d(x: Tensor, weight: Tensor, bias: Tensor | undefined, { stride = 1, padding = 0 } = {}): Tensor {
  const [out, cin, k, ky, kz] = weight.shape;
  const fits =
    x.shape.length === 5 &&
    weight.shape.length === 5 &&
    x.shape[1] === cin &&
    k === ky &&
    k === kz &&
    typeof k === 'number';
  if (!fits) throw shapeError('conv3d', 'x [B, in, X, Y, Z] and weight [out, in, k, k, k]', x, weight);
  const spatial = x.shape.slice(2).map((d) => {
    if (typeof d !== 'number') throw shapeError('conv3d', 'known spatial sizes', x);
    if (d + 2 * padding < k)
      throw shapeError('conv3d', `at least ${k} voxels along each axis, padding of ${padding} included`, x);
    return Math.floor((d + 2 * padding - k) / stride) + 1;
  });
  if (bias && !sameShape(bias.shape, [out])) throw shapeError('conv3d', `bias [${out}]`, bias);
  return node(
    'conv3d',
    bias ? [x, weight, bias] : [x, weight],
    { stride, padding },
    [x.shape[0], out, ...spatial],
    x.dtype,
  );
}

/** Every voxel repeated `factor` times along each spatial axis. x [B, C, X, Y, Z]. */
export function resizeNearest(x: Tensor, factor: number): Tensor {
  if (x.shape.length !== 5) throw shapeError('resizeNearest', 'x [B, C, X, Y, Z]', x);
  const shape = x.shape.map((d, i) => (i < 2 ? d : Number(d) * factor));
  return node('resizeNearest', [x], { factor }, shape, x.dtype);
}

/** [B, c·r³, X, Y, Z] → [B, c, rX, rY, rZ]; channel c·r³ + i·r² + j·r + k lands at voxel offset (i, j, k). */
export function pixelShuffle3d(x: Tensor, r: number): Tensor {
  const [b, c, X, Y, Z] = x.shape as readonly number[];
  if (x.shape.length !== 5 || c % r ** 3 !== 0)
    throw shapeError('pixelShuffle3d', `x [B, C, X, Y, Z] with C divisible by ${r ** 3}`, x);
  const split = reshape(x, [b, c / r ** 3, r, r, r, X, Y, Z]);
  return reshape(transpose(split, [0, 1, 5, 2, 6, 3, 7, 4]), [b, c / r ** 3, r * X, r * Y, r * Z]);
}

/** [B, c, X, Y, Z] → [B, c·p³, X/p, Y/p, Z/p], the inverse of `pixelShuffle3d`. */
export function patchify(x: Tensor, p: number): Tensor {
  if (p === 1) return x;
  const [b, c, X, Y, Z] = x.shape as readonly number[];
  if (x.shape.length !== 5 || X % p !== 0 || Y % p !== 0 || Z % p !== 0)
    throw shapeError('patchify', `x [B, C, X, Y, Z] with sides divisible by ${p}`, x);
  const split = reshape(x, [b, c, X / p, p, Y / p, p, Z / p, p]);
  return reshape(transpose(split, [0, 1, 3, 5, 7, 2, 4, 6]), [b, c * p ** 3, X / p, Y / p, Z / p]);
}

export const unpatchify = (x: Tensor, p: number): Tensor => (p === 1 ? x : pixelShuffle3d(x, p));
