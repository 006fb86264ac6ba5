/** How much of each face can be seen from outside, by looking from many directions. */
import { hammersleyDirection, orbitCamera } from '../render/index.ts';
import { drawNearestFaces, emptyNearestFaces, type NearestFaces } from './nearest-faces.ts';
import { boundsOf, expectMesh, faceNormal, type RawMesh } from './raw-mesh.ts';

export interface FaceVisibilityOptions {
  /** Directions, spread evenly over the sphere. */
  views?: number;
  /** Pixels per side of each picture. */
  size?: number;
  signal?: AbortSignal;
}

export const FACE_VISIBILITY_DEFAULTS = { views: 96, size: 512 };

/**
 * [F]: the share of the views that see a face, 0 … 1; a face of a convex shape has about one half.
 * A view sees a face that covers the middle of a pixel, or that turns towards it and has its own middle in front, so that
 * faces smaller than a pixel count too.
 *
 * Views are parallel, where TRELLIS looks from a distance of 2 with 40°: they need no distance that suits the object.
 * Source: microsoft/TRELLIS, `trellis/utils/postprocessing_utils.py`.
 */
export function faceVisibility(mesh: RawMesh, options: FaceVisibilityOptions = {}): Float32Array {
  expectMesh('faceVisibility', mesh);
  const { views, size, signal } = { ...FACE_VISIBILITY_DEFAULTS, ...options };
  if (!Number.isInteger(views) || views < 1)
    throw new RangeError(`faceVisibility: views must be a whole number of at least 1, got ${views}.`);
  if (!Number.isInteger(size) || size < 16 || size > 8192)
    throw new RangeError(`faceVisibility: size must be a whole number in 16 … 8192, got ${size}.`);
  const faces = mesh.indices.length / 3;
  const seen = new Float32Array(faces);
  const picture = emptyNearestFaces(size);
  const isSeen = new Uint8Array(faces);
  const screen = new Float64Array(mesh.positions.length);
  const bounds = boundsOf(mesh.positions);
  for (let n = 0; n < views; n++) {
    signal?.throwIfAborted();
    const view = parallelView(bounds, n, views, size);
    for (let v = 0; v < screen.length; v += 3) {
      view.project(mesh.positions[v], mesh.positions[v + 1], mesh.positions[v + 2], screen, v);
    }
    drawNearestFaces(screen, mesh.indices, picture);
    isSeen.fill(0);
    for (let at = 0; at < picture.faces.length; at++) if (picture.faces[at] >= 0) isSeen[picture.faces[at]] = 1;
    for (let f = 0; f < faces; f++)
      if (isSeen[f] || middleIsSeen(mesh, f, screen, view.forward, view.pixel, picture)) seen[f]++;
  }
  for (let f = 0; f < faces; f++) seen[f] /= views;
  return seen;
}

interface ParallelView {
  readonly forward: readonly [number, number, number];
  readonly pixel: number; // width of one, in lengths of the mesh
  project(x: number, y: number, z: number, out: Float64Array, at: number): void;
}

function parallelView(
  { center, radius }: ReturnType<typeof boundsOf>,
  n: number,
  views: number,
  size: number,
): ParallelView {
  const { yaw, pitch } = hammersleyDirection(n, views, [0.5, 0.5], false);
  const e = orbitCamera(yaw, pitch, 1, 1).extrinsics;
  const scale = size / (2 * Math.max(radius, 1e-30) * (1 + 2 / size)); // a pixel of margin
  return {
    forward: [e[8], e[9], e[10]],
    pixel: 1 / scale,
    project(x, y, z, out, at) {
      const [dx, dy, dz] = [x - center[0], y - center[1], z - center[2]];
      out[at] = size / 2 + scale * (e[0] * dx + e[1] * dy + e[2] * dz);
      out[at + 1] = size / 2 + scale * (e[4] * dx + e[5] * dy + e[6] * dz);
      out[at + 2] = -(e[8] * dx + e[9] * dy + e[10] * dz);
    },
  };
}

function middleIsSeen(
  mesh: RawMesh,
  f: number,
  screen: Float64Array,
  forward: readonly [number, number, number],
  pixel: number,
  { size, nearness }: NearestFaces,
): boolean {
  const n = faceNormal(mesh, f);
  const length = Math.hypot(...n);
  const cosine = -(n[0] * forward[0] + n[1] * forward[1] + n[2] * forward[2]) / length;
  if (!(cosine > 0.2)) return false; // at a slant the neighbors' depth varies too much within a pixel
  const middle = (c: number) =>
    (screen[3 * mesh.indices[3 * f] + c] +
      screen[3 * mesh.indices[3 * f + 1] + c] +
      screen[3 * mesh.indices[3 * f + 2] + c]) /
    3;
  const x = Math.floor(middle(0));
  const y = Math.floor(middle(1));
  if (x < 0 || x >= size || y < 0 || y >= size) return false;
  // The surface at the pixel's middle may lie nearer by half a pixel's diagonal times the slope.
  return middle(2) >= nearness[y * size + x] - (pixel * Math.sqrt(1 - Math.min(1, cosine) ** 2)) / cosine - 0.1 * pixel;
}
