/**
 * What the mesh decoder's surfaces are trained with: losses of rendered masks, depths and normals, and of the distances at the
 * grid's vertices, each with its gradient. Planes are [H, W], normals [3, H, W] encoded (n + 1)/2 as rasterisers give them.
 * Source: reference/training.md §12.2.
 */
import { type Camera, projectPoints } from '../render/index.ts';
import type { Lpips } from './lpips.ts';
import { l1Loss, type PictureLoss, smoothL1Loss, ssim } from './picture-losses.ts';

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** How much the terms of the mesh decoder's loss weigh; mask and normal weigh 1. */
export const GEOMETRY_WEIGHTS = { depth: 10, tsdf: 0.01, color: 0.1 } as const;

/** Mean of |mask − target|. */
export const maskLoss = (mask: Float32Array, target: Float32Array): PictureLoss => l1Loss(mask, target);

/** Smooth L1 with β = 1/(2R) of the depths where the target is: between depth·mask* and depth*·mask*. */
export function depthLoss(
  depth: Float32Array,
  target: Float32Array,
  targetMask: Float32Array,
  resolution: number,
): PictureLoss {
  return within(targetMask, depth, target, (a, b) => smoothL1Loss(a, b, 1 / (2 * resolution)));
}

/**
 * Perceptual loss of encoded normals where the target is. The target's normals are to face the camera, `facingNormals`; the
 * surface's own are not turned, so that they learn which side is outside.
 */
export async function normalLoss(
  normal: Float32Array,
  target: Float32Array,
  targetMask: Float32Array,
  size: PictureSize,
  lpips?: Lpips,
): Promise<PictureLoss> {
  const [a, b] = [times(normal, targetMask), times(target, targetMask)];
  const { value, gradient } = await perceptualLoss(a, b, size, lpips);
  return { value, gradient: times(gradient, targetMask) };
}

/** L1 + 0.2·(1 − SSIM) + 0.2·LPIPS of colors [3, H, W]; the last term only where its network is given. */
export async function perceptualLoss(
  picture: Float32Array,
  target: Float32Array,
  size: PictureSize,
  lpips?: Lpips,
): Promise<PictureLoss> {
  const apart = l1Loss(picture, target);
  const alike = ssim(picture, target, size);
  const felt = await lpips?.loss(picture, target, size);
  return {
    value: apart.value + 0.2 * (1 - alike.value) + 0.2 * (felt?.value ?? 0),
    gradient: apart.gradient.map((g, i) => g - 0.2 * alike.gradient[i] + (felt ? 0.2 * felt.gradient[i] : 0)),
  };
}

/** Encoded world normals, each turned to the side of its surface that the camera sees. The background, 0.5, stays. */
export function facingNormals(normal: Float32Array, camera: Camera, { width, height }: PictureSize): Float32Array {
  const { extrinsics: e, intrinsics: k } = camera;
  const out = normal.slice();
  const pixels = width * height;
  for (let p = 0; p < pixels; p++) {
    const x = (((p % width) + 0.5) / width - k[2]) / k[0];
    const y = ((Math.floor(p / width) + 0.5) / height - k[5]) / k[4];
    let along = 0;
    for (let c = 0; c < 3; c++) along += (2 * normal[c * pixels + p] - 1) * (e[c] * x + e[4 + c] * y + e[8 + c]);
    if (along >= 0) for (let c = 0; c < 3; c++) out[c * pixels + p] = 1 - normal[c * pixels + p];
  }
  return out;
}

/** Mean angle in degrees between encoded normals, for the log. Places where either is 0.5, the background, do not count. */
export function normalAngle(normal: Float32Array, target: Float32Array): number {
  const pixels = normal.length / 3;
  let [total, count] = [0, 0];
  for (let p = 0; p < pixels; p++) {
    let [aa, bb, ab] = [0, 0, 0];
    for (let c = 0; c < 3; c++) {
      const [a, b] = [2 * normal[c * pixels + p] - 1, 2 * target[c * pixels + p] - 1];
      aa += a * a;
      bb += b * b;
      ab += a * b;
    }
    if (aa === 0 || bb === 0) continue;
    total += Math.acos(Math.min(1, Math.max(-1, ab / Math.sqrt(aa * bb))));
    count++;
  }
  return count === 0 ? 0 : ((total / count) * 180) / Math.PI;
}

/**
 * Distances at the grid's vertices against those that a depth picture tells: how far each vertex lies before the surface seen at
 * its pixel. Vertices further than δ behind it are not judged, targets are cut to ±δ, δ = 3/R. The gradient is that of the
 * distances; where the vertices are is taken as given.
 * @param positions  [V, 3], world
 * @param depth      [H, W] of the target, 0 where nothing is
 */
export function tsdfLoss(
  sdf: Float32Array,
  positions: Float32Array,
  depth: Float32Array,
  camera: Camera,
  { width, height }: PictureSize,
  resolution: number,
): PictureLoss {
  if (positions.length !== 3 * sdf.length)
    throw new Error(
      `tsdfLoss: positions must be [V, 3] for the ${sdf.length} distances, got ${positions.length} values. Take both from one field.`,
    );
  if (depth.length !== width * height)
    throw new Error(`tsdfLoss: depth must be [${height}, ${width}], got ${depth.length} values.`);
  const reach = 3 / resolution;
  const { uv, depth: distance } = projectPoints(camera, positions);
  const gradient = new Float32Array(sdf.length);
  let [total, count] = [0, 0];
  for (let v = 0; v < sdf.length; v++) {
    const before = at(depth, width, height, uv[2 * v], uv[2 * v + 1]) - distance[v];
    if (!(before > -reach)) continue;
    const apart = sdf[v] - Math.min(reach, before);
    total += apart * apart;
    gradient[v] = 2 * apart;
    count++;
  }
  if (count === 0) return { value: 0, gradient };
  for (let v = 0; v < sdf.length; v++) gradient[v] /= count;
  return { value: total / count, gradient };
}

/** Bilinear at picture coordinates whose 0 and 1 are the centres of the outermost pixels; beyond them, their values. */
function at(plane: Float32Array, width: number, height: number, u: number, v: number): number {
  const x = Math.min(width - 1, Math.max(0, u * (width - 1)));
  const y = Math.min(height - 1, Math.max(0, v * (height - 1)));
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [x1, y1] = [Math.min(width - 1, x0 + 1), Math.min(height - 1, y0 + 1)];
  const [fx, fy] = [x - x0, y - y0];
  const top = plane[y0 * width + x0] * (1 - fx) + plane[y0 * width + x1] * fx;
  const bottom = plane[y1 * width + x0] * (1 - fx) + plane[y1 * width + x1] * fx;
  return top * (1 - fy) + bottom * fy;
}

/** A loss of planes times a mask. */
function within(
  mask: Float32Array,
  planes: Float32Array,
  target: Float32Array,
  loss: (a: Float32Array, b: Float32Array) => PictureLoss,
): PictureLoss {
  const { value, gradient } = loss(times(planes, mask), times(target, mask));
  return { value, gradient: times(gradient, mask) };
}

/** Planes [P, H, W] times one [H, W]. */
const times = (planes: Float32Array, mask: Float32Array): Float32Array =>
  planes.map((v, i) => v * mask[i % mask.length]);
