/**
 * Triangle rasteriser: a textured mesh and a camera → a picture with straight alpha on a transparent film.
 *
 * Visibility first, colour later: a supersampled buffer remembers the nearest triangle of each sample; then every pixel
 * shades each triangle it sees once, at the middle of the samples that triangle covers, and weighs by their number.
 * Edges are tested in homogeneous coordinates, so triangles that cross the camera plane need no clipping.
 * Source: Olano & Greer 1997, "Triangle Scan Conversion using 2D Homogeneous Coordinates".
 */
import type { RgbaPicture, Wrap } from '../formats/index.ts';
import type { Camera } from './cameras.ts';
import { type ShadowMaps, shadowMaps } from './shadow-maps.ts';
import { linearToSrgb8 } from './srgb.ts';
import { defaultLight, type Light, lightFully, lightPlainly } from './surface-light.ts';
import type { MeshMaterial, MipLevel, MipPyramid, TexturedMesh } from './textured-mesh.ts';

export interface TriangleRenderOptions {
  size: number; // pixels per side
  samples?: number; // S: S × S samples per pixel
  light?: Light;
  /** 'full': the object shades itself and shines, see surface-light.ts. */
  shading?: Shading;
}

export type Shading = 'plain' | 'full';

const NEAR = 1e-3; // camera distance below which nothing is drawn
const COEFFICIENTS = 12; // per triangle: edges a, b, c of three vertices, then 1/w as a, b, c

/** What is seen, without light: planes [H, W], rows from the top. */
export interface SurfacePlanes {
  /** how much of the pixel is covered, 0 … 1 */
  readonly alpha: Float32Array;
  /** camera z at the pixel's middle, or as near to it as there is something; 0 where nothing is */
  readonly depth: Float32Array;
  /** [3, H, W]: unit vectors in the world, turned to the eye; 0 where nothing is */
  readonly normal: Float32Array;
}

/** Keeps its buffers between pictures of the same size; each call returns fresh ones. */
export interface TriangleRenderer {
  render(mesh: TexturedMesh, camera: Camera, light?: Light): RgbaPicture;
  surface(mesh: TexturedMesh, camera: Camera): SurfacePlanes;
}

/** One picture; for many of the same size keep a `createTriangleRenderer`. */
export function renderTriangles(mesh: TexturedMesh, camera: Camera, options: TriangleRenderOptions): RgbaPicture {
  return createTriangleRenderer(options).render(mesh, camera);
}

export function createTriangleRenderer(options: TriangleRenderOptions): TriangleRenderer {
  const { size, samples = 3, light = defaultLight, shading = 'plain' } = options;
  if (!Number.isInteger(size) || size < 1 || size > 8192) {
    throw new RangeError(
      `createTriangleRenderer: size must be an integer in 1 … 8192, got ${size}. Choose a smaller one.`,
    );
  }
  const side = size * samples;
  const nearest = new Float32Array(side * side); // 1/w, 0 where nothing is
  const seen = new Int32Array(side * side); // triangle + 1
  let shaded: { mesh: TexturedMesh; light: Light; shadows: ShadowMaps } | undefined; // of the mesh drawn last
  /** Who is seen in each sample, into `seen`; → the edge functions of all triangles. */
  const draw = (mesh: TexturedMesh, camera: Camera): Float64Array => {
    nearest.fill(0);
    seen.fill(0);
    const clip = projectVertices(mesh, camera, side);
    const edges = new Float64Array((mesh.triangles.length / 3) * COEFFICIENTS);
    drawTriangles(mesh, clip, edges, nearest, seen, side, samples);
    return edges;
  };
  return {
    render(mesh, camera, own = light) {
      if (shading === 'full' && (shaded?.mesh !== mesh || shaded.light !== own))
        shaded = {
          ...{ mesh, light: own },
          shadows: shadowMaps(mesh, own.position, shaded?.mesh === mesh ? shaded.shadows : undefined),
        };
      return shade(mesh, camera, own, shaded?.shadows, draw(mesh, camera), seen, size, samples);
    },
    surface(mesh, camera) {
      return surfacePlanes(mesh, camera, draw(mesh, camera), seen, size, samples);
    },
  };
}

/** [V, 3]: (x·w, y·w, w) with x, y in samples from the top left and w the depth. */
function projectVertices(mesh: TexturedMesh, camera: Camera, side: number): Float64Array {
  const { extrinsics: e, intrinsics: k } = camera;
  const p = mesh.positions;
  const out = new Float64Array(p.length);
  for (let i = 0; i < p.length; i += 3) {
    const x = p[i];
    const y = p[i + 1];
    const z = p[i + 2];
    const w = e[8] * x + e[9] * y + e[10] * z + e[11];
    out[i] = side * (k[0] * (e[0] * x + e[1] * y + e[2] * z + e[3]) + k[2] * w);
    out[i + 1] = side * (k[4] * (e[4] * x + e[5] * y + e[6] * z + e[7]) + k[5] * w);
    out[i + 2] = w;
  }
  return out;
}

function drawTriangles(
  mesh: TexturedMesh,
  clip: Float64Array,
  edges: Float64Array,
  nearest: Float32Array,
  seen: Int32Array,
  side: number,
  samples: number,
): void {
  const { triangles, materialOf, materials } = mesh;
  const sieve = materials.map((m) => alphaSieve(mesh, m, samples));
  for (let t = 0; t < materialOf.length; t++) {
    const a = triangles[3 * t] * 3;
    const b = triangles[3 * t + 1] * 3;
    const c = triangles[3 * t + 2] * 3;
    const [ax, ay, aw] = [clip[a], clip[a + 1], clip[a + 2]];
    const [bx, by, bw] = [clip[b], clip[b + 1], clip[b + 2]];
    const [cx, cy, cw] = [clip[c], clip[c + 1], clip[c + 2]];
    if (aw < NEAR && bw < NEAR && cw < NEAR) continue;

    // Edge functions: e_i(x, y) = barycentric weight i divided by w, up to the determinant.
    let e0a = by * cw - bw * cy;
    let e0b = bw * cx - bx * cw;
    let e0c = bx * cy - by * cx;
    const determinant = ax * e0a + ay * e0b + aw * e0c;
    if (determinant === 0 || !Number.isFinite(determinant)) continue;
    const inverse = 1 / determinant;
    e0a *= inverse;
    e0b *= inverse;
    e0c *= inverse;
    const e1a = (cy * aw - cw * ay) * inverse;
    const e1b = (cw * ax - cx * aw) * inverse;
    const e1c = (cx * ay - cy * ax) * inverse;
    const e2a = (ay * bw - aw * by) * inverse;
    const e2b = (aw * bx - ax * bw) * inverse;
    const e2c = (ax * by - ay * bx) * inverse;
    const da = e0a + e1a + e2a;
    const db = e0b + e1b + e2b;
    const dc = e0c + e1c + e2c;

    let minX = 0;
    let minY = 0;
    let maxX = side - 1;
    let maxY = side - 1;
    if (aw >= NEAR && bw >= NEAR && cw >= NEAR) {
      const x0 = ax / aw;
      const x1 = bx / bw;
      const x2 = cx / cw;
      const y0 = ay / aw;
      const y1 = by / bw;
      const y2 = cy / cw;
      minX = Math.max(0, Math.ceil(Math.min(x0, x1, x2) - 0.5));
      maxX = Math.min(side - 1, Math.floor(Math.max(x0, x1, x2) - 0.5));
      minY = Math.max(0, Math.ceil(Math.min(y0, y1, y2) - 0.5));
      maxY = Math.min(side - 1, Math.floor(Math.max(y0, y1, y2) - 0.5));
    }
    if (minX > maxX || minY > maxY) continue;
    const o = t * COEFFICIENTS;
    edges[o] = e0a;
    edges[o + 1] = e0b;
    edges[o + 2] = e0c;
    edges[o + 3] = e1a;
    edges[o + 4] = e1b;
    edges[o + 5] = e1c;
    edges[o + 6] = e2a;
    edges[o + 7] = e2b;
    edges[o + 8] = e2c;
    edges[o + 9] = da;
    edges[o + 10] = db;
    edges[o + 11] = dc;
    const passes = sieve[materialOf[t]];

    for (let y = minY; y <= maxY; y++) {
      const fy = y + 0.5;
      // The samples of this row inside all three half planes, without testing each.
      let from = minX;
      let to = maxX;
      for (let k = 0; k < 3; k++) {
        const slope = edges[o + 3 * k];
        const rest = edges[o + 3 * k + 1] * fy + edges[o + 3 * k + 2];
        if (slope > 0) {
          const x = Math.ceil(-rest / slope - 0.5);
          if (x > from) from = x;
        } else if (slope < 0) {
          const x = Math.floor(-rest / slope - 0.5);
          if (x < to) to = x;
        } else if (rest < 0) to = -1;
      }
      let depth = da * (from + 0.5) + db * fy + dc;
      let at = y * side + from;
      for (let x = from; x <= to; x++, at++, depth += da) {
        if (depth > nearest[at] && depth < 1 / NEAR && (passes === undefined || passes(t, edges, x, y))) {
          nearest[at] = depth;
          seen[at] = t + 1;
        }
      }
    }
  }
}

type Sieve = (triangle: number, edges: Float64Array, x: number, y: number) => boolean;

/**
 * Which samples a cut-out or translucent material keeps. Translucency becomes coverage: sample k of a pixel's S² is kept
 * when alpha exceeds its own threshold, so layers need no sorting.
 */
function alphaSieve(mesh: TexturedMesh, material: MeshMaterial, samples: number): Sieve | undefined {
  if (material.alphaMode === 'opaque') return undefined;
  const texel = new Float64Array(4);
  const thresholds = coverageThresholds(samples);
  return (t, edges, x, y) => {
    surfaceColor(mesh, t, edges, x + 0.5, y + 0.5, samples, texel);
    const threshold =
      material.alphaMode === 'mask' ? material.alphaCutoff : thresholds[(y % samples) * samples + (x % samples)];
    return texel[3] >= threshold;
  };
}

/** S² thresholds (k + ½) / S², spread so that neighbouring samples differ much. */
function coverageThresholds(samples: number): Float64Array {
  const n = samples * samples;
  let stride = Math.max(1, Math.round(n * 0.382));
  while (greatestDivisor(stride, n) !== 1) stride++;
  return Float64Array.from({ length: n }, (_, i) => (((i * stride) % n) + 0.5) / n);
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/**
 * Base colour (linear RGBA) of triangle t at the sample position (x, y) into `out`.
 * The mip level follows the footprint of a pixel, `samples` wide.
 */
function surfaceColor(
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

function shade(
  mesh: TexturedMesh,
  camera: Camera,
  light: Light,
  shadows: ShadowMaps | undefined,
  edges: Float64Array,
  seen: Int32Array,
  size: number,
  samples: number,
): RgbaPicture {
  const data = new Uint8Array(size * size * 4);
  const perPixel = samples * samples;
  const side = size * samples;
  const ids = new Int32Array(perPixel);
  const color = new Float64Array(4);
  const eye = eyePosition(camera);
  for (let py = 0; py < size; py++) {
    for (let px = 0; px < size; px++) {
      let covered = 0;
      for (let sy = 0, k = 0; sy < samples; sy++) {
        const row = (py * samples + sy) * side + px * samples;
        for (let sx = 0; sx < samples; sx++, k++) {
          ids[k] = seen[row + sx];
          if (ids[k] !== 0) covered++;
        }
      }
      if (covered === 0) continue;
      let r = 0;
      let g = 0;
      let b = 0;
      for (let k = 0; k < perPixel; k++) {
        const id = ids[k];
        if (id === 0) continue;
        let count = 0;
        let x = 0;
        let y = 0;
        for (let j = k; j < perPixel; j++) {
          if (ids[j] !== id) continue;
          ids[j] = 0;
          count++;
          x += j % samples;
          y += Math.floor(j / samples);
        }
        shadeTriangle(
          mesh,
          eye,
          light,
          shadows,
          edges,
          id - 1,
          px * samples + x / count + 0.5,
          py * samples + y / count + 0.5,
          samples,
          color,
        );
        r += color[0] * count;
        g += color[1] * count;
        b += color[2] * count;
      }
      const o = (py * size + px) * 4;
      data[o] = linearToSrgb8(r / covered);
      data[o + 1] = linearToSrgb8(g / covered);
      data[o + 2] = linearToSrgb8(b / covered);
      data[o + 3] = Math.round((255 * covered) / perPixel);
    }
  }
  return { width: size, height: size, data };
}

function surfacePlanes(
  mesh: TexturedMesh,
  camera: Camera,
  edges: Float64Array,
  seen: Int32Array,
  size: number,
  samples: number,
): SurfacePlanes {
  const pixels = size * size;
  const alpha = new Float32Array(pixels);
  const depth = new Float32Array(pixels);
  const normal = new Float32Array(3 * pixels);
  const side = size * samples;
  const eye = eyePosition(camera);
  const point = new Float64Array(6);
  const middle = (samples - 1) / 2;
  for (let at = 0; at < pixels; at++) {
    const [px, py] = [at % size, Math.floor(at / size)];
    let covered = 0;
    let closest = Number.POSITIVE_INFINITY;
    const sum = [0, 0, 0];
    for (let k = 0; k < samples * samples; k++) {
      const [sx, sy] = [k % samples, Math.floor(k / samples)];
      const [x, y] = [px * samples + sx, py * samples + sy];
      const id = seen[y * side + x];
      if (id === 0) continue;
      covered++;
      surfacePoint(mesh, eye, edges, id - 1, x + 0.5, y + 0.5, point);
      for (let c = 0; c < 3; c++) sum[c] += point[3 + c];
      const off = (sx - middle) ** 2 + (sy - middle) ** 2;
      if (off >= closest) continue;
      closest = off;
      const o = (id - 1) * COEFFICIENTS;
      depth[at] = 1 / (edges[o + 9] * (x + 0.5) + edges[o + 10] * (y + 0.5) + edges[o + 11]);
    }
    if (covered === 0) continue;
    alpha[at] = covered / (samples * samples);
    const length = Math.hypot(...sum) || 1;
    for (let c = 0; c < 3; c++) normal[c * pixels + at] = sum[c] / length;
  }
  return { alpha, depth, normal };
}

function shadeTriangle(
  mesh: TexturedMesh,
  eye: Float64Array,
  light: Light,
  shadows: ShadowMaps | undefined,
  edges: Float64Array,
  t: number,
  x: number,
  y: number,
  samples: number,
  out: Float64Array,
): void {
  surfaceColor(mesh, t, edges, x, y, samples, out);
  const material = mesh.materials[mesh.materialOf[t]];
  if (material.unlit) return;
  const point = surfaceScratch;
  surfacePoint(mesh, eye, edges, t, x, y, point);
  const sx = point[0];
  const sy = point[1];
  const sz = point[2];
  const nx = point[3];
  const ny = point[4];
  const nz = point[5];
  const ex = eye[0] - sx;
  const ey = eye[1] - sy;
  const ez = eye[2] - sz;
  const away = Math.sqrt(ex * ex + ey * ey + ez * ez);
  const lit = { sx, sy, sz, nx, ny, nz, ex: ex / away, ey: ey / away, ez: ez / away };
  if (shadows) lightFully(light, shadows, material, lit, out);
  else lightPlainly(light, lit, out);
}

const surfaceScratch = new Float64Array(6);

/** Place and unit normal of triangle t at the sample position (x, y), into `out` [6]; the normal is turned to the eye. */
function surfacePoint(
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

/** −Rᵀ·t of the extrinsics, world [3]. */
function eyePosition(camera: Camera): Float64Array {
  const e = camera.extrinsics;
  return Float64Array.from([0, 1, 2], (c) => -(e[c] * e[3] + e[4 + c] * e[7] + e[8 + c] * e[11]));
}
