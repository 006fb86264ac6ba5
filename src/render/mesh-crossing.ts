/**
 * Where a silhouette crosses between the centres of two neighbouring pixels, and by how much they are mixed: the analytic
 * anti-aliasing of Laine et al. 2020, §3.5; reference/training.md §19.3.
 */
import { type MeshScene, type MeshView, NEAR, SHORTEST, SLACK } from './mesh-rasterizer.ts';

/** Vertices as homogeneous pixels: (x·w, y·w, w), w the camera z, from the top left corner. */
export interface Projected {
  readonly indices: Uint32Array;
  vertex(v: number): readonly [number, number, number];
  corners(t: number): (readonly [number, number, number])[];
  /** The triangles that have vertex v, in their order. */
  around(v: number): readonly number[];
}

export interface Crossing {
  readonly first: number; // left or upper pixel
  readonly second: number; // right or lower
  readonly receiver: number; // the one that is mixed: value += amount·(second − first)
  readonly amount: number;
  readonly saturated: boolean; // the crossing was clamped to the centres: no gradient
  readonly edge: readonly [number, number]; // its vertices
  readonly slopes: readonly (readonly [number, number])[]; // of the crossing by each vertex' pixel position (x, y)
}

interface PixelSeen {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly id: number; // triangle + 1
  readonly depth: number;
}

export function projectMesh({ positions, indices }: MeshScene, { camera, width, height }: MeshView): Projected {
  const { extrinsics: e, intrinsics: k } = camera;
  const vertices: [number, number, number][] = [];
  for (let i = 0; i < positions.length; i += 3) {
    const [x, y, z] = [positions[i], positions[i + 1], positions[i + 2]];
    const w = e[8] * x + e[9] * y + e[10] * z + e[11];
    vertices.push([
      width * (k[0] * (e[0] * x + e[1] * y + e[2] * z + e[3]) + k[2] * w),
      height * (k[4] * (e[4] * x + e[5] * y + e[6] * z + e[7]) + k[5] * w),
      w,
    ]);
  }
  const around: number[][] = vertices.map(() => []);
  for (const [corner, v] of indices.entries()) around[v].push(Math.floor(corner / 3));
  return {
    indices,
    vertex: (v) => vertices[v],
    corners: (t) => [0, 1, 2].map((c) => vertices[indices[3 * t + c]]),
    around: (v) => around[v],
  };
}

/** `second` is right of (axis 0) or below (axis 1) `first`, and another triangle is seen there. */
export function findCrossing(mesh: Projected, first: PixelSeen, second: PixelSeen, axis: 0 | 1): Crossing | undefined {
  // The nearer surface has the edge; distances as single precision sees them.
  const nearer = second.id === 0 || (first.id !== 0 && Math.fround(first.depth) <= Math.fround(second.depth));
  const [owner, sign] = nearer ? [first, 1] : [second, -1];
  const t = owner.id - 1;
  if (mesh.corners(t).some(([, , w]) => !(w >= NEAR))) return undefined;
  const center = [owner.x + 0.5, owner.y + 0.5];
  const other = 1 - axis;
  /** Pixels from the owner's centre: along the pair, and across. */
  const local = (v: number) => {
    const at = mesh.vertex(v);
    return { along: at[axis] / at[2] - center[axis], across: at[other] / at[2] - center[other] };
  };
  const vertices = [0, 1, 2].map((k) => mesh.indices[3 * t + k]);
  let best: { from: number; to: number; opposite: number; X: number } | undefined;
  for (let k = 0; k < 3; k++) {
    const [from, to, opposite] = [vertices[k], vertices[(k + 1) % 3], vertices[(k + 2) % 3]];
    const [p, q] = [local(from), local(to)];
    if (p.across < 0 === q.across < 0) continue;
    const X = (p.along * q.across - q.along * p.across) / (q.across - p.across);
    if (best === undefined || sign * X > sign * best.X) best = { from, to, opposite, X };
  }
  if (!best) return undefined;
  const { from, to, opposite, X } = best;
  const [p, q] = [local(from), local(to)];
  const rise = q.across - p.across;
  if (Math.abs(rise) < Math.abs(q.along - p.along)) return undefined; // the other axis' business
  const distance = sign * X;
  if (!(distance > -SLACK && distance < 1 + SLACK)) return undefined;
  if (!isSilhouette(mesh, t, from, to, opposite)) return undefined;
  const clamped = Math.min(Math.max(distance, 0), 1);
  const amount = sign * (0.5 - clamped);
  const steep = Math.abs(rise) < SHORTEST ? Math.sign(rise) * SHORTEST : rise;
  const slopes = [
    [q.across / steep, (X - q.along) / steep],
    [-p.across / steep, (p.along - X) / steep],
  ].map(([along, across]) => (axis === 0 ? ([along, across] as const) : ([across, along] as const)));
  return {
    first: first.index,
    second: second.index,
    receiver: amount > 0 ? first.index : second.index,
    amount,
    saturated: distance <= 0 || distance >= 1,
    edge: [from, to],
    slopes,
  };
}

/** No other triangle has the edge, or the first that has it folds back to the same side on the picture. */
function isSilhouette(mesh: Projected, t: number, from: number, to: number, opposite: number): boolean {
  const has = (s: number, v: number) => [0, 1, 2].some((k) => mesh.indices[3 * s + k] === v);
  const neighbor = mesh.around(from).find((s) => s !== t && has(s, to));
  if (neighbor === undefined) return true;
  const beyond = [0, 1, 2].map((k) => mesh.indices[3 * neighbor + k]).find((v) => v !== from && v !== to);
  if (beyond === undefined || !(mesh.vertex(beyond)[2] >= NEAR)) return false;
  const side = (v: number) => {
    const [a, b, c] = [from, to, v].map((i) => mesh.vertex(i));
    const [ax, ay] = [a[0] / a[2], a[1] / a[2]];
    return (b[0] / b[2] - ax) * (c[1] / c[2] - ay) - (b[1] / b[2] - ay) * (c[0] / c[2] - ax);
  };
  return side(opposite) * side(beyond) > 0;
}
