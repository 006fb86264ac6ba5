/**
 * Triangle rasteriser: a textured mesh and a camera → a picture with straight alpha on a transparent film.
 *
 * Visibility first, colour later: a supersampled buffer remembers the nearest triangle of each sample; then every pixel
 * shades each triangle it sees once, at the middle of the samples that triangle covers, and weighs by their number.
 */
import type { RgbaPicture } from '../formats/index.ts';
import type { Camera } from './cameras.ts';
import { type ShadowMaps, shadowMaps } from './shadow-maps.ts';
import { linearToSrgb8 } from './srgb.ts';
import { defaultLight, type Light, lightFully, lightPlainly } from './surface-light.ts';
import type { TexturedMesh } from './textured-mesh.ts';
import { COEFFICIENTS, surfaceColor, surfacePoint } from './triangle-surface.ts';
import { drawTriangles, projectVertices } from './triangle-visibility.ts';

export interface TriangleRenderOptions {
  size: number; // pixels per side
  samples?: number; // S: S × S samples per pixel
  light?: Light;
  /** 'full': the object shades itself and shines, see surface-light.ts. */
  shading?: Shading;
}

export type Shading = 'plain' | 'full';

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

/** −Rᵀ·t of the extrinsics, world [3]. */
function eyePosition(camera: Camera): Float64Array {
  const e = camera.extrinsics;
  return Float64Array.from([0, 1, 2], (c) => -(e[c] * e[3] + e[4 + c] * e[7] + e[8 + c] * e[11]));
}
