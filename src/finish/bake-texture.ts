/** Colours of a fine surface, or of pictures of it, into the texture of an unwrapped one. */
import type { RgbaPicture } from '../formats/index.ts';
import type { Camera } from '../render/index.ts';
import { chartTexels } from './chart-texels.ts';
import { dilateSeams } from './dilate-seams.ts';
import { display8OfLinear, linearOfDisplay8 } from './display-light.ts';
import { drawNearestFaces, emptyNearestFaces } from './nearest-faces.ts';
import { nearestPointOn, type SurfacePoint } from './nearest-point.ts';
import { boundsOf, faceNormal, type RawMesh } from './raw-mesh.ts';
import type { UnwrappedMesh } from './unwrap.ts';

/** A picture of the object and where it was taken from. Alpha 0 says that nothing is there. */
export interface BakeView {
  readonly picture: RgbaPicture; // square
  readonly camera: Camera;
}

export type ColorSource =
  /** Vertex colours of the surface before simplification. */
  | { readonly kind: 'surface'; readonly mesh: RawMesh }
  /** Pictures from several sides, blended by how squarely each sees a place. */
  | { readonly kind: 'views'; readonly views: readonly BakeView[] };

export interface BakeOptions {
  /** T: texels per side, that of `unwrap`. */
  size?: number;
  signal?: AbortSignal;
}

export const BAKE_DEFAULTS = { size: 1024 };

export interface BakeReport {
  /** Texels inside charts, as a share of the texture. */
  readonly coveredShare: number;
  /** Of these, the share that no view saw; they take the colour of their neighbors. 0 for surfaces. */
  readonly unseenShare: number;
}

/**
 * @returns the texture, opaque, sRGB; texels between charts carry on the colours of the charts
 * @throws RangeError when the source has no colours, a picture is not square, or no texel is covered
 */
export function bakeTexture(
  mesh: UnwrappedMesh,
  source: ColorSource,
  options: BakeOptions = {},
): { texture: RgbaPicture; report: BakeReport } {
  const { size, signal } = { ...BAKE_DEFAULTS, ...options };
  const texels = chartTexels(mesh.uvs, mesh.indices, size);
  if (texels.covered === 0)
    throw new RangeError(
      'bakeTexture: no face covers the middle of a texel. Unwrap the mesh, or take a larger texture.',
    );
  const places: TexelPlaces = { mesh, faces: texels.faces, weights: texels.weights, size, signal };
  const color = new Float32Array(size * size * 3); // linear light
  const filled = new Uint8Array(size * size);
  if (source.kind === 'surface') bakeSurface(places, source.mesh, color, filled);
  else bakeViews(places, source.views, color, filled);
  let seen = 0;
  for (const value of filled) seen += value;
  if (seen === 0)
    throw new RangeError(
      'bakeTexture: no view sees any part of the mesh. Check that cameras and mesh share one frame.',
    );
  dilateSeams(color, filled, size);
  const data = new Uint8Array(size * size * 4);
  for (let at = 0; at < size * size; at++) {
    for (let c = 0; c < 3; c++) data[4 * at + c] = display8OfLinear(color[3 * at + c]);
    data[4 * at + 3] = 255;
  }
  const report = { coveredShare: texels.covered / (size * size), unseenShare: 1 - seen / texels.covered };
  return { texture: { width: size, height: size, data }, report };
}

interface TexelPlaces {
  readonly mesh: UnwrappedMesh;
  readonly faces: Int32Array;
  readonly weights: Float32Array;
  readonly size: number;
  readonly signal?: AbortSignal;
}

/** Calls `visit` with each covered texel, its place on the mesh, and its face's unit normal. */
function forEachPlace(
  { mesh, faces, weights, size, signal }: TexelPlaces,
  visit: (texel: number, place: readonly [number, number, number], normal: readonly [number, number, number]) => void,
): void {
  const { positions: p, indices } = mesh;
  for (let at = 0; at < faces.length; at++) {
    if (at % size === 0) signal?.throwIfAborted();
    const f = faces[at];
    if (f < 0) continue;
    const n = faceNormal(mesh, f);
    const length = Math.hypot(...n) || 1;
    const on = (c: number): number =>
      weights[3 * at] * p[3 * indices[3 * f] + c] +
      weights[3 * at + 1] * p[3 * indices[3 * f + 1] + c] +
      weights[3 * at + 2] * p[3 * indices[3 * f + 2] + c];
    visit(at, [on(0), on(1), on(2)], [n[0] / length, n[1] / length, n[2] / length]);
  }
}

function bakeSurface(places: TexelPlaces, fine: RawMesh, color: Float32Array, filled: Uint8Array): void {
  const { colors, indices } = fine;
  if (!colors || indices.length === 0)
    throw new RangeError(
      'bakeTexture: the surface has no faces with vertex colors [V, 3]. Give one that has, or views.',
    );
  const nearest = nearestPointOn(fine);
  const hit: SurfacePoint = { face: -1, weights: [1, 0, 0], distance: 0 };
  forEachPlace(places, (at, [x, y, z], normal) => {
    nearest(x, y, z, normal, hit);
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let k = 0; k < 3; k++) sum += hit.weights[k] * colors[3 * indices[3 * hit.face + k] + c];
      color[3 * at + c] = sum;
    }
    filled[at] = 1;
  });
}

const DEPTH_SIZE = 1024; // pixels per side of the pictures that tell what hides what
const SQUARENESS = 4; // power of the cosine that weighs a view: the squarest dominates, others soften its borders
const LEAST_COSINE = 0.15; // flatter than this a picture's pixels are smeared along the surface

function bakeViews(places: TexelPlaces, views: readonly BakeView[], color: Float32Array, filled: Uint8Array): void {
  const { mesh } = places;
  const total = new Float32Array(places.faces.length);
  const screen = new Float64Array(mesh.positions.length);
  const depth = emptyNearestFaces(DEPTH_SIZE);
  const bias = 0.004 * boundsOf(mesh.positions).side;
  for (const [number, { picture, camera }] of views.entries()) {
    if (picture.width !== picture.height)
      throw new RangeError(
        `bakeTexture: view ${number} is ${picture.width} × ${picture.height}, expected a square picture. Crop or pad it.`,
      );
    for (let v = 0; v < screen.length; v += 3) {
      const [u, w, z] = project(camera, mesh.positions[v], mesh.positions[v + 1], mesh.positions[v + 2]);
      screen[v] = z > 0 ? u * DEPTH_SIZE : Number.NaN;
      screen[v + 1] = w * DEPTH_SIZE;
      screen[v + 2] = 1 / z;
    }
    drawNearestFaces(screen, mesh.indices, depth);
    const eye = eyeOf(camera);
    const texel = new Float64Array(4);
    forEachPlace(places, (at, [x, y, z], normal) => {
      const [u, w, distance] = project(camera, x, y, z);
      if (!(distance > 0 && u >= 0 && u < 1 && w >= 0 && w < 1)) return;
      const ray = [eye[0] - x, eye[1] - y, eye[2] - z];
      const cosine = (ray[0] * normal[0] + ray[1] * normal[1] + ray[2] * normal[2]) / Math.hypot(...ray);
      if (cosine < LEAST_COSINE) return;
      const nearest = 1 / depth.nearness[Math.floor(w * DEPTH_SIZE) * DEPTH_SIZE + Math.floor(u * DEPTH_SIZE)];
      if (nearest > 0 && distance > nearest + bias / cosine) return;
      sampleLinear(picture, u, w, texel);
      if (texel[3] < 0.99) return; // the object's rim, mixed with what is behind it
      const weight = cosine ** SQUARENESS;
      total[at] += weight;
      for (let c = 0; c < 3; c++) color[3 * at + c] += weight * texel[c];
    });
  }
  for (let at = 0; at < total.length; at++) {
    if (total[at] === 0) continue;
    filled[at] = 1;
    for (let c = 0; c < 3; c++) color[3 * at + c] /= total[at];
  }
}

/** Picture coordinates in 0 … 1 from the top left, and depth. */
function project({ extrinsics: e, intrinsics: k }: Camera, x: number, y: number, z: number): [number, number, number] {
  const depth = e[8] * x + e[9] * y + e[10] * z + e[11];
  return [
    (k[0] * (e[0] * x + e[1] * y + e[2] * z + e[3])) / depth + k[2],
    (k[4] * (e[4] * x + e[5] * y + e[6] * z + e[7])) / depth + k[5],
    depth,
  ];
}

/** Where a camera stands: −Rᵀ·t. */
function eyeOf({ extrinsics: e }: Camera): [number, number, number] {
  const at = (c: number): number => -(e[c] * e[3] + e[4 + c] * e[7] + e[8 + c] * e[11]);
  return [at(0), at(1), at(2)];
}

/** Bilinear, in linear light: linear RGB and alpha into `out`. */
function sampleLinear({ width, height, data }: RgbaPicture, u: number, v: number, out: Float64Array): void {
  const x = Math.min(width - 1, Math.max(0, u * width - 0.5));
  const y = Math.min(height - 1, Math.max(0, v * height - 0.5));
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  out.fill(0);
  for (let k = 0; k < 4; k++) {
    const [dx, dy] = [k & 1, k >> 1];
    const weight = (dx ? x - x0 : 1 - x + x0) * (dy ? y - y0 : 1 - y + y0);
    if (weight === 0) continue;
    const at = 4 * (Math.min(height - 1, y0 + dy) * width + Math.min(width - 1, x0 + dx));
    for (let c = 0; c < 3; c++) out[c] += weight * linearOfDisplay8[data[at + c]];
    out[3] += (weight * data[at + 3]) / 255;
  }
}
