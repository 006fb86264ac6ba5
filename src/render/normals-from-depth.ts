/**
 * Normals of what has no surface of its own (Gaussians, radiance fields), from the depth that a picture of it has.
 *
 * On a plane 1/z is an affine function of the picture coordinates: with the ray (x, y, 1) of a pixel and n·P = c,
 *   1/z = (n/c)·(x, y, 1).
 * So each pixel gets the plane that fits 1/z around it best, in least squares; neighbors count as much as they are opaque,
 * and not across steps in depth.
 */
import type { Camera } from './cameras.ts';

const REACH = 3; // pixels: windows of 7 × 7, wide enough for the ripple that marched depths have
const STEP = 0.02; // of z, per pixel of distance: a neighbor further off belongs to another surface
const FAINTEST = 1 / 255;

/** depth and alpha [H, W] → [3, H, W] unit vectors in the world, turned to the camera; 0 where nothing is. */
export function normalsFromDepth(
  depth: Float32Array,
  alpha: Float32Array,
  camera: Camera,
  width: number,
  height: number,
): Float32Array {
  const { extrinsics: e, intrinsics: k } = camera;
  const out = new Float32Array(3 * width * height);
  const ray = {
    x: (i: number) => ((i + 0.5) / width - k[2]) / k[0],
    y: (j: number) => ((j + 0.5) / height - k[5]) / k[4],
  };
  for (let j = 0; j < height; j++)
    for (let i = 0; i < width; i++) {
      const at = j * width + i;
      if (!(alpha[at] >= FAINTEST && depth[at] > 0)) continue;
      const [x0, y0, z0] = [ray.x(i), ray.y(j), depth[at]];
      // Normal equations of z0/z ≈ a·dx + b·dy + c, in pixels from the middle.
      let [w, wx, wy, wxx, wxy, wyy, v, vx, vy] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
      for (let dy = Math.max(-REACH, -j); dy <= Math.min(REACH, height - 1 - j); dy++)
        for (let dx = Math.max(-REACH, -i); dx <= Math.min(REACH, width - 1 - i); dx++) {
          const near = at + dy * width + dx;
          const z = depth[near];
          if (!(alpha[near] >= FAINTEST && z > 0)) continue;
          const step = Math.abs(z / z0 - 1) / (STEP * Math.max(1, Math.hypot(dx, dy)));
          const weight = alpha[near] * Math.exp(-step * step);
          const value = z0 / z;
          w += weight;
          wx += weight * dx;
          wy += weight * dy;
          wxx += weight * dx * dx;
          wxy += weight * dx * dy;
          wyy += weight * dy * dy;
          v += weight * value;
          vx += weight * value * dx;
          vy += weight * value * dy;
        }
      const [cxx, cxy, cyy] = [wxx - (wx * wx) / w, wxy - (wx * wy) / w, wyy - (wy * wy) / w];
      const [cvx, cvy] = [vx - (v * wx) / w, vy - (v * wy) / w];
      const determinant = cxx * cyy - cxy * cxy;
      let [a, b] = [0, 0]; // a lone pixel faces the camera
      if (determinant > 1e-6 * (cxx + cyy) ** 2) {
        a = (cvx * cyy - cvy * cxy) / determinant;
        b = (cvy * cxx - cvx * cxy) / determinant;
      }
      // From pixels to rays: 1/z = (p·x + q·y + r)/z0 with the value 1 in the middle.
      const [p, q] = [a * width * k[0], b * height * k[4]];
      const r = (v - a * wx - b * wy) / w - p * x0 - q * y0;
      const length = Math.hypot(p, q, r) || 1;
      const n = [-p / length, -q / length, -r / length]; // c < 0 for a plane that faces the camera
      for (let c = 0; c < 3; c++) out[c * width * height + at] = e[c] * n[0] + e[4 + c] * n[1] + e[8 + c] * n[2];
    }
  return out;
}
