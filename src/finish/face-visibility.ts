/** How much of each face can be seen from outside, by looking from many directions. */
import { hammersleyDirection, orbitCamera } from '../render/index.ts';
import { drawNearestFaces, emptyNearestFaces, type NearestFaces } from '../representations/index.ts';
import { boundsOf, expectMesh, faceNormal, type RawMesh } from './raw-mesh.ts';
import { turnOfEvents } from './turn-of-events.ts';

export interface FaceVisibilityOptions {
  /** Directions, spread evenly over the sphere. */
  views?: number;
  /** Pixels per side of each picture. */
  size?: number;
  signal?: AbortSignal;
  /** The share that is done, now and then. */
  onProgress?: (share: number) => void;
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
export async function faceVisibility(mesh: RawMesh, options: FaceVisibilityOptions = {}): Promise<Float32Array> {
  expectMesh('faceVisibility', mesh);
  const { views, size, signal, onProgress } = { ...FACE_VISIBILITY_DEFAULTS, ...options };
  if (!Number.isInteger(views) || views < 1)
    throw new RangeError(`faceVisibility: views must be a whole number of at least 1, got ${views}.`);
  if (!Number.isInteger(size) || size < 16 || size > 8192)
    throw new RangeError(`faceVisibility: size must be a whole number in 16 … 8192, got ${size}.`);
  const faces = mesh.indices.length / 3;
  const seen = new Float32Array(faces);
  const picture = emptyNearestFaces(size);
  const isSeen = new Uint8Array(faces);
  const screen = new Float64Array(mesh.positions.length);
  const normals = unitNormals(mesh);
  const bounds = boundsOf(mesh.positions);
  for (let n = 0; n < views; n++) {
    await turnOfEvents(signal);
    onProgress?.(n / views);
    const view = parallelView(bounds, n, views, size);
    project(view, bounds, mesh.positions, screen, size);
    drawNearestFaces(screen, mesh.indices, picture);
    isSeen.fill(0);
    for (let at = 0; at < picture.faces.length; at++) if (picture.faces[at] >= 0) isSeen[picture.faces[at]] = 1;
    markSeenMiddles(mesh.indices, normals, screen, view, picture, isSeen);
    for (let f = 0; f < faces; f++) seen[f] += isSeen[f];
  }
  for (let f = 0; f < faces; f++) seen[f] /= views;
  return seen;
}

interface ParallelView {
  readonly axes: Float64Array; // rows: right, down, forward; [4, 4] with a column of 0
  readonly scale: number; // pixels per length of the mesh
}

function parallelView({ radius }: ReturnType<typeof boundsOf>, n: number, views: number, size: number): ParallelView {
  const { yaw, pitch } = hammersleyDirection(n, views, [0.5, 0.5], false);
  const scale = size / (2 * Math.max(radius, 1e-30) * (1 + 2 / size)); // a pixel of margin
  return { axes: orbitCamera(yaw, pitch, 1, 1).extrinsics, scale };
}

/** Pixels from the top left, and −depth. */
function project(
  { axes: e, scale }: ParallelView,
  { center }: ReturnType<typeof boundsOf>,
  positions: Float32Array,
  screen: Float64Array,
  size: number,
): void {
  const [cx, cy, cz] = center;
  for (let v = 0; v < screen.length; v += 3) {
    const dx = positions[v] - cx;
    const dy = positions[v + 1] - cy;
    const dz = positions[v + 2] - cz;
    screen[v] = size / 2 + scale * (e[0] * dx + e[1] * dy + e[2] * dz);
    screen[v + 1] = size / 2 + scale * (e[4] * dx + e[5] * dy + e[6] * dz);
    screen[v + 2] = -(e[8] * dx + e[9] * dy + e[10] * dz);
  }
}

/** [F, 3]; NaN for faces without area. */
function unitNormals(mesh: RawMesh): Float32Array {
  const out = new Float32Array(mesh.indices.length);
  for (let f = 0; f < out.length / 3; f++) {
    const [x, y, z] = faceNormal(mesh, f);
    const length = Math.sqrt(x * x + y * y + z * z);
    out[3 * f] = x / length;
    out[3 * f + 1] = y / length;
    out[3 * f + 2] = z / length;
  }
  return out;
}

function markSeenMiddles(
  indices: Uint32Array,
  normals: Float32Array,
  screen: Float64Array,
  { axes: e, scale }: ParallelView,
  { size, nearness }: NearestFaces,
  isSeen: Uint8Array,
): void {
  for (let f = 0; f < isSeen.length; f++) {
    if (isSeen[f]) continue;
    const cosine = -(normals[3 * f] * e[8] + normals[3 * f + 1] * e[9] + normals[3 * f + 2] * e[10]);
    if (!(cosine > 0.2)) continue; // at a slant the neighbors' depth varies too much within a pixel
    const a = 3 * indices[3 * f];
    const b = 3 * indices[3 * f + 1];
    const c = 3 * indices[3 * f + 2];
    const x = Math.floor((screen[a] + screen[b] + screen[c]) / 3);
    const y = Math.floor((screen[a + 1] + screen[b + 1] + screen[c + 1]) / 3);
    if (x < 0 || x >= size || y < 0 || y >= size) continue;
    // The surface at the pixel's middle may lie nearer by half a pixel's diagonal times the slope.
    const slack = (Math.sqrt(1 - Math.min(1, cosine) ** 2) / cosine + 0.1) / scale;
    if ((screen[a + 2] + screen[b + 2] + screen[c + 2]) / 3 >= nearness[y * size + x] - slack) isSeen[f] = 1;
  }
}
