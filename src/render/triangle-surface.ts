/** Color, place and normal of a triangle under a sample; its edge functions come from triangle-visibility.ts. */
import type { Wrap } from '../formats/index.ts';
import type { MipLevel, MipPyramid, TexturedMesh } from './textured-mesh.ts';

/** Edge functions of a triangle over the picture: a, b, c of three vertices, then 1/w as a, b, c. */
export const COEFFICIENTS = 12;

/**
 * Base colour (linear RGBA) of triangle t at the sample position (x, y) into `out`.
 * The mip level follows the footprint of a pixel, `samples` wide.
 */
export function surfaceColor(
  mesh: TexturedMesh,
  t: number,
  edges: Float64Array,
  x: number,
  y: number,
  samples: number,
  out: Float64Array,
): void {
  const o = t * COEFFICIENTS;
  const { triangles, colors, uvs } = mesh;
  const material = mesh.materials[mesh.materialOf[t]];
  const ia = triangles[3 * t];
  const ib = triangles[3 * t + 1];
  const ic = triangles[3 * t + 2];
  const d = 1 / (edges[o + 9] * x + edges[o + 10] * y + edges[o + 11]);
  const wa = (edges[o] * x + edges[o + 1] * y + edges[o + 2]) * d;
  const wb = (edges[o + 3] * x + edges[o + 4] * y + edges[o + 5]) * d;
  const wc = (edges[o + 6] * x + edges[o + 7] * y + edges[o + 8]) * d;
  for (let c = 0; c < 4; c++) {
    out[c] = material.factor[c] * (wa * colors[4 * ia + c] + wb * colors[4 * ib + c] + wc * colors[4 * ic + c]);
  }
  if (!material.texture) return;
  const [ua, va] = [uvs[2 * ia], uvs[2 * ia + 1]];
  const [ub, vb] = [uvs[2 * ib], uvs[2 * ib + 1]];
  const [uc, vc] = [uvs[2 * ic], uvs[2 * ic + 1]];
  const u = wa * ua + wb * ub + wc * uc;
  const v = wa * va + wb * vb + wc * vc;
  // d(u, v)/d(x, y) by the quotient rule, times the width of a pixel.
  const s = samples * d;
  const ux = (edges[o] * ua + edges[o + 3] * ub + edges[o + 6] * uc - edges[o + 9] * u) * s;
  const uy = (edges[o + 1] * ua + edges[o + 4] * ub + edges[o + 7] * uc - edges[o + 10] * u) * s;
  const vx = (edges[o] * va + edges[o + 3] * vb + edges[o + 6] * vc - edges[o + 9] * v) * s;
  const vy = (edges[o + 1] * va + edges[o + 4] * vb + edges[o + 7] * vc - edges[o + 10] * v) * s;
  const { width, height } = material.texture.levels[0];
  const footprint = Math.max((ux * width) ** 2 + (vx * height) ** 2, (uy * width) ** 2 + (vy * height) ** 2, 1e-12);
  sampleTexture(material.texture, u, v, 0.5 * Math.log2(footprint), out);
}

/** Multiplies `out` by the trilinear texel at (u, v); v runs down. */
function sampleTexture(texture: MipPyramid, u: number, v: number, lod: number, out: Float64Array): void {
  if (!Number.isFinite(u) || !Number.isFinite(v)) return;
  const last = texture.levels.length - 1;
  const level = Math.min(last, Math.max(0, lod));
  const low = Math.floor(level);
  const blend = level - low;
  const texel = scratch;
  texel.fill(0);
  addBilinear(texture.levels[low], texture, u, v, 1 - blend, texel);
  if (blend > 0 && low < last) addBilinear(texture.levels[low + 1], texture, u, v, blend, texel);
  for (let c = 0; c < 4; c++) out[c] *= texel[c];
}

const scratch = new Float64Array(4);

function addBilinear(
  level: MipLevel,
  wraps: MipPyramid,
  u: number,
  v: number,
  weight: number,
  out: Float64Array,
): void {
  const { width, height, data } = level;
  const x = u * width - 0.5;
  const y = v * height - 0.5;
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const fx = x - x0;
  const fy = y - y0;
  const left = wrap(x0, width, wraps.wrapU);
  const right = wrap(x0 + 1, width, wraps.wrapU);
  const top = wrap(y0, height, wraps.wrapV) * width;
  const bottom = wrap(y0 + 1, height, wraps.wrapV) * width;
  const a = (top + left) * 4;
  const b = (top + right) * 4;
  const c = (bottom + left) * 4;
  const d = (bottom + right) * 4;
  const wa = (1 - fx) * (1 - fy) * weight;
  const wb = fx * (1 - fy) * weight;
  const wc = (1 - fx) * fy * weight;
  const wd = fx * fy * weight;
  for (let k = 0; k < 4; k++) out[k] += wa * data[a + k] + wb * data[b + k] + wc * data[c + k] + wd * data[d + k];
}

function wrap(i: number, n: number, mode: Wrap): number {
  if (i >= 0 && i < n) return i;
  if (mode === 'clamp') return i < 0 ? 0 : n - 1;
  const period = mode === 'repeat' ? n : 2 * n;
  const r = ((i % period) + period) % period;
  return r < n ? r : period - 1 - r;
}

/** Place and unit normal of triangle t at the sample position (x, y), into `out` [6]; the normal is turned to the eye. */
export function surfacePoint(
  mesh: TexturedMesh,
  eye: Float64Array,
  edges: Float64Array,
  t: number,
  x: number,
  y: number,
  out: Float64Array,
): void {
  const { positions: p, normals: n, triangles } = mesh;
  const o = t * COEFFICIENTS;
  const a = triangles[3 * t] * 3;
  const b = triangles[3 * t + 1] * 3;
  const c = triangles[3 * t + 2] * 3;
  const d = 1 / (edges[o + 9] * x + edges[o + 10] * y + edges[o + 11]);
  const wa = (edges[o] * x + edges[o + 1] * y + edges[o + 2]) * d;
  const wb = (edges[o + 3] * x + edges[o + 4] * y + edges[o + 5]) * d;
  const wc = (edges[o + 6] * x + edges[o + 7] * y + edges[o + 8]) * d;
  const sx = wa * p[a] + wb * p[b] + wc * p[c];
  const sy = wa * p[a + 1] + wb * p[b + 1] + wc * p[c + 1];
  const sz = wa * p[a + 2] + wb * p[b + 2] + wc * p[c + 2];
  // The face's own normal, turned to the eye; the interpolated one is turned to the same side.
  const ux = p[b] - p[a];
  const uy = p[b + 1] - p[a + 1];
  const uz = p[b + 2] - p[a + 2];
  const vx = p[c] - p[a];
  const vy = p[c + 1] - p[a + 1];
  const vz = p[c + 2] - p[a + 2];
  let gx = uy * vz - uz * vy;
  let gy = uz * vx - ux * vz;
  let gz = ux * vy - uy * vx;
  if (gx * (eye[0] - sx) + gy * (eye[1] - sy) + gz * (eye[2] - sz) < 0) {
    gx = -gx;
    gy = -gy;
    gz = -gz;
  }
  let nx = wa * n[a] + wb * n[b] + wc * n[c];
  let ny = wa * n[a + 1] + wb * n[b + 1] + wc * n[c + 1];
  let nz = wa * n[a + 2] + wb * n[b + 2] + wc * n[c + 2];
  let length = Math.sqrt(nx * nx + ny * ny + nz * nz);
  if (!(length > 1e-3)) {
    nx = gx;
    ny = gy;
    nz = gz;
    length = Math.sqrt(nx * nx + ny * ny + nz * nz);
  } else if (nx * gx + ny * gy + nz * gz < 0) length = -length;
  if (length !== 0) {
    nx /= length;
    ny /= length;
    nz /= length;
  }
  out[0] = sx;
  out[1] = sy;
  out[2] = sz;
  out[3] = nx;
  out[4] = ny;
  out[5] = nz;
}
