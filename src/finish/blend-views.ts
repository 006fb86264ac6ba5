/** Pictures of an object onto the texels of its surface, blended by how squarely each sees a place. */
import type { RgbaPicture } from '../formats/index.ts';
import type { Camera } from '../render/index.ts';
import { drawNearestFaces, emptyNearestFaces, type NearestFaces } from '../representations/index.ts';
import type { BakeProgress } from './bake-surface.ts';
import { linearOfDisplay8 } from './display-light.ts';
import { boundsOf, type RawMesh } from './raw-mesh.ts';
import type { TexelPlaces } from './texel-places.ts';
import { turnOfEvents } from './turn-of-events.ts';

/** A picture of the object and where it was taken from. Alpha 0 says that nothing is there. */
export interface BakeView {
  readonly picture: RgbaPicture; // square
  readonly camera: Camera;
}

const DEPTH_SIZE = 1024; // pixels per side of the pictures that tell what hides what
const SQUARENESS = 4; // power of the cosine that weighs a view: the squarest dominates, others soften its borders
const LEAST_ALPHA = 0.97;
const LEAST_COSINE = 0.15; // flatter than this a picture's pixels are smeared along the surface

/** color [T², 3], linear, and filled [T²] are written where some view sees the surface. */
export async function blendViews(
  places: TexelPlaces,
  mesh: RawMesh,
  views: readonly BakeView[],
  color: Float32Array,
  filled: Uint8Array,
  { signal, onProgress }: BakeProgress,
): Promise<void> {
  const { count, texels, faces, positions, normals } = places;
  const total = new Float32Array(count);
  const sums = new Float32Array(count * 3);
  const screen = new Float64Array(mesh.positions.length);
  const depth = emptyNearestFaces(DEPTH_SIZE);
  const bias = 0.004 * boundsOf(mesh.positions).side;
  const texel = new Float64Array(4);
  for (const [number, { picture, camera }] of views.entries()) {
    expectSquare(number, picture);
    await turnOfEvents(signal);
    onProgress?.(number / views.length);
    projectInto(camera, mesh.positions, screen, DEPTH_SIZE);
    drawNearestFaces(screen, mesh.indices, depth);
    const { extrinsics: e, intrinsics: k } = camera;
    // Where the camera stands: −Rᵀ·t.
    const eyeX = -(e[0] * e[3] + e[4] * e[7] + e[8] * e[11]);
    const eyeY = -(e[1] * e[3] + e[5] * e[7] + e[9] * e[11]);
    const eyeZ = -(e[2] * e[3] + e[6] * e[7] + e[10] * e[11]);
    for (let i = 0; i < count; i++) {
      const x = positions[3 * i];
      const y = positions[3 * i + 1];
      const z = positions[3 * i + 2];
      const n = 3 * faces[i];
      const rayX = eyeX - x;
      const rayY = eyeY - y;
      const rayZ = eyeZ - z;
      const along = rayX * normals[n] + rayY * normals[n + 1] + rayZ * normals[n + 2];
      if (along <= 0) continue;
      const cosine = along / Math.sqrt(rayX * rayX + rayY * rayY + rayZ * rayZ);
      if (!(cosine >= LEAST_COSINE)) continue;
      const distance = e[8] * x + e[9] * y + e[10] * z + e[11];
      const u = (k[0] * (e[0] * x + e[1] * y + e[2] * z + e[3])) / distance + k[2];
      const w = (k[4] * (e[4] * x + e[5] * y + e[6] * z + e[7])) / distance + k[5];
      if (!(distance > 0 && u >= 0 && u < 1 && w >= 0 && w < 1)) continue;
      // Behind something, or so near its rim that the pixels around are mixed with it: nearer than the place's own plane, on
      // which the nearness is linear over the picture.
      const slack = distance / Math.max(distance - bias / cosine, 1e-12);
      const nx = e[0] * normals[n] + e[1] * normals[n + 1] + e[2] * normals[n + 2];
      const ny = e[4] * normals[n] + e[5] * normals[n + 1] + e[6] * normals[n + 2];
      const plane = slack / -along; // along = −normal · place, seen from the camera
      const stepX = (plane * nx) / (k[0] * picture.width);
      const stepY = (plane * ny) / (k[4] * picture.height);
      const limit = slack / distance;
      const reach = 1 / picture.width;
      if (
        isNearer(depth, u, w, limit) ||
        isNearer(depth, u - reach, w - reach, limit - stepX - stepY) ||
        isNearer(depth, u + reach, w - reach, limit + stepX - stepY) ||
        isNearer(depth, u - reach, w + reach, limit - stepX + stepY) ||
        isNearer(depth, u + reach, w + reach, limit + stepX + stepY)
      )
        continue;
      sampleLinear(picture, u, w, texel);
      if (texel[3] < LEAST_ALPHA) continue; // the object's rim, mixed with what is behind it
      const weight = cosine ** SQUARENESS;
      total[i] += weight;
      for (let c = 0; c < 3; c++) sums[3 * i + c] += weight * texel[c];
    }
  }
  for (let i = 0; i < count; i++) {
    if (total[i] === 0) continue;
    filled[texels[i]] = 1;
    for (let c = 0; c < 3; c++) color[3 * texels[i] + c] = sums[3 * i + c] / total[i];
  }
}

/** Whether the surface has more than this nearness (1/depth) there. */
function isNearer({ size, nearness }: NearestFaces, u: number, v: number, limit: number): boolean {
  const x = Math.min(size - 1, Math.max(0, Math.floor(u * size)));
  const y = Math.min(size - 1, Math.max(0, Math.floor(v * size)));
  return nearness[y * size + x] > limit;
}

/** @throws RangeError naming the view */
export function expectSquare(number: number, { width, height }: RgbaPicture): void {
  if (width !== height)
    throw new RangeError(
      `bakeTexture: view ${number} is ${width} × ${height}, expected a square picture. Crop or pad it.`,
    );
}

/** Pixels from the top left, and 1/depth, as `drawNearestFaces` takes them; NaN behind the camera. */
export function projectInto(
  { extrinsics: e, intrinsics: k }: Camera,
  positions: Float32Array,
  screen: Float64Array,
  size: number,
): void {
  for (let v = 0; v < screen.length; v += 3) {
    const x = positions[v];
    const y = positions[v + 1];
    const z = positions[v + 2];
    const depth = e[8] * x + e[9] * y + e[10] * z + e[11];
    const inverse = 1 / depth;
    screen[v] = depth > 0 ? size * (k[0] * (e[0] * x + e[1] * y + e[2] * z + e[3]) * inverse + k[2]) : Number.NaN;
    screen[v + 1] = size * (k[4] * (e[4] * x + e[5] * y + e[6] * z + e[7]) * inverse + k[5]);
    screen[v + 2] = inverse;
  }
}

/** Bilinear, in linear light: linear RGB and alpha into `out`. */
function sampleLinear({ width, height, data }: RgbaPicture, u: number, v: number, out: Float64Array): void {
  const x = Math.min(width - 1, Math.max(0, u * width - 0.5));
  const y = Math.min(height - 1, Math.max(0, v * height - 0.5));
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  out.fill(0);
  for (let k = 0; k < 4; k++) {
    const dx = k & 1;
    const dy = k >> 1;
    const weight = (dx ? x - x0 : 1 - x + x0) * (dy ? y - y0 : 1 - y + y0);
    if (weight === 0) continue;
    const at = 4 * (Math.min(height - 1, y0 + dy) * width + Math.min(width - 1, x0 + dx));
    for (let c = 0; c < 3; c++) out[c] += weight * linearOfDisplay8[data[at + c]];
    out[3] += (weight * data[at + 3]) / 255;
  }
}
