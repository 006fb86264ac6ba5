/**
 * What nobody can see from outside goes: inner shells, walls behind walls, the insides of closed boxes. Outside faces
 * that the views missed stay, because a minimum cut along short edges decides, not each face for itself.
 */
import { type FaceVisibilityOptions, faceVisibility } from './face-visibility.ts';
import { faceComponents, type MeshEdges, meshEdges, nextHalfEdge, usesOf } from './mesh-edges.ts';
import { minimumCut } from './minimum-cut.ts';
import { boundsOf, expectMesh, type RawMesh, selectFaces } from './raw-mesh.ts';
import { turnOfEvents } from './turn-of-events.ts';

export interface RemoveInnerFacesOptions extends FaceVisibilityOptions {
  /** A piece whose removal would open a hole larger than this stays: a share of the square of the box's longest side. */
  maxHoleArea?: number;
}

export const REMOVE_INNER_FACES_DEFAULTS = { maxHoleArea: 0.04 };

export interface InnerFacesReport {
  readonly removedFaces: number;
  readonly removedPieces: number;
  /** Pieces that the cut chose and that stay: seen by many views after all, or too large a hole. */
  readonly keptPieces: number;
}

/**
 * Faces that no view sees hang on the source, well seen ones on the sink; neighbors hang together by the length of their
 * edge. The source's side of the minimum cut, piece by piece, is removed.
 * Source: microsoft/TRELLIS, `trellis/utils/postprocessing_utils.py`.
 */
export async function removeInnerFaces(
  mesh: RawMesh,
  options: RemoveInnerFacesOptions = {},
): Promise<{ mesh: RawMesh; report: InnerFacesReport }> {
  expectMesh('removeInnerFaces', mesh);
  const { maxHoleArea, ...viewing } = { ...REMOVE_INNER_FACES_DEFAULTS, ...options };
  if (!(maxHoleArea >= 0))
    throw new RangeError(`removeInnerFaces: maxHoleArea must be at least 0, got ${maxHoleArea}.`);
  const visibility = await faceVisibility(mesh, viewing);
  const edges = meshEdges(mesh.indices, mesh.positions.length / 3);
  await turnOfEvents(viewing.signal);
  const candidates = visibility.includes(0)
    ? await cutOff(mesh, edges, visibility, viewing.signal)
    : new Uint8Array(visibility.length);
  const { componentOf, count } = faceComponents(candidates.length, (unite) =>
    forEachJoin(edges, (a, b) => {
      if (candidates[a] && candidates[b]) unite(a, b);
    }),
  );
  const pieces: number[][] = Array.from({ length: count }, () => []);
  for (let f = 0; f < candidates.length; f++) if (candidates[f]) pieces[componentOf[f]].push(f);
  const limit = maxHoleArea * boundsOf(mesh.positions).side ** 2;
  const isRemoved = new Uint8Array(candidates.length);
  let removedPieces = 0;
  let keptPieces = 0;
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    if (lowerMedian(piece.map((f) => visibility[f])) > 0.25 || largestHole(mesh, edges, piece) > limit) {
      keptPieces++;
      continue;
    }
    removedPieces++;
    for (const f of piece) isRemoved[f] = 1;
  }
  const kept = removedPieces > 0 ? selectFaces(mesh, (f) => isRemoved[f] === 0) : mesh;
  const removedFaces = (mesh.indices.length - kept.indices.length) / 3;
  return { mesh: kept, report: { removedFaces, removedPieces, keptPieces } };
}

/** [F]: 1 on the inner side of the cut. */
async function cutOff(
  mesh: RawMesh,
  edges: MeshEdges,
  visibility: Float32Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const faces = visibility.length;
  const { componentOf, count } = faceComponents(faces, (unite) => forEachJoin(edges, unite));
  const outerFrom = outerThresholds(visibility, componentOf, count);
  const source = Float64Array.from(visibility, (seen) => (seen === 0 ? 1 : 0));
  const sink = Float64Array.from(visibility, (seen, f) => (seen > outerFrom[componentOf[f]] ? 1 : 0));
  const from: number[] = [];
  const to: number[] = [];
  const capacity: number[] = [];
  for (let e = 0; e < edges.count; e++) {
    if (usesOf(edges, e) !== 2) continue;
    const h = edges.uses[edges.firstUse[e]];
    from.push(Math.floor(h / 3));
    to.push(Math.floor(edges.uses[edges.firstUse[e] + 1] / 3));
    capacity.push(edgeLength(mesh, h));
  }
  await turnOfEvents(signal);
  const { isSourceSide } = minimumCut({
    nodes: faces,
    from: Uint32Array.from(from),
    to: Uint32Array.from(to),
    capacity: Float64Array.from(capacity),
    source,
    sink,
  });
  return isSourceSide;
}

/** In each component a face is an outer one above min(max(its 0.75-quantile, 0.25), 0.5). */
function outerThresholds(visibility: Float32Array, componentOf: Int32Array, count: number): number[] {
  const members: number[][] = Array.from({ length: count }, () => []);
  for (let f = 0; f < visibility.length; f++) members[componentOf[f]].push(visibility[f]);
  return members.map((values) => {
    values.sort((a, b) => a - b);
    const at = 0.75 * (values.length - 1);
    const low = values[Math.floor(at)];
    const quantile = low + (values[Math.ceil(at)] - low) * (at - Math.floor(at));
    return Math.min(Math.max(quantile, 0.25), 0.5);
  });
}

/** Every two faces that share an edge. */
function forEachJoin(edges: MeshEdges, join: (a: number, b: number) => void): void {
  for (let e = 0; e < edges.count; e++) {
    const first = Math.floor(edges.uses[edges.firstUse[e]] / 3);
    for (let i = edges.firstUse[e] + 1; i < edges.firstUse[e + 1]; i++) join(first, Math.floor(edges.uses[i] / 3));
  }
}

/** Area of the largest hole that the removal of a piece would open, 0 when it opens none. */
function largestHole(mesh: RawMesh, edges: MeshEdges, piece: readonly number[]): number {
  const usesInside = new Map<number, number>();
  for (const f of piece)
    for (let k = 0; k < 3; k++) {
      const e = edges.edgeOf[3 * f + k];
      usesInside.set(e, (usesInside.get(e) ?? 0) + 1);
    }
  // Rims: new boundary edges that hang together in vertices.
  const rim = [...usesInside].filter(([e, uses]) => uses === 1 && usesOf(edges, e) > 1).map(([e]) => e);
  const edgeAt = new Map<number, number>();
  const { componentOf, count } = faceComponents(rim.length, (unite) => {
    for (const [i, e] of rim.entries())
      for (const v of endsOf(mesh, edges, e)) {
        const other = edgeAt.get(v);
        if (other === undefined) edgeAt.set(v, i);
        else unite(i, other);
      }
  });
  const groups: number[][] = Array.from({ length: count }, () => []);
  for (const [i, e] of rim.entries()) groups[componentOf[i]].push(e);
  return groups.reduce((largest, group) => Math.max(largest, fanArea(mesh, edges, group)), 0);
}

/** ½·Σ ‖(a − c) × (b − c)‖ around the mean c of the edges' middles. */
function fanArea(mesh: RawMesh, edges: MeshEdges, group: readonly number[]): number {
  const p = mesh.positions;
  const ends = group.map((e) => endsOf(mesh, edges, e));
  const center = [0, 1, 2].map(
    (c) => ends.reduce((sum, [a, b]) => sum + p[3 * a + c] + p[3 * b + c], 0) / (2 * ends.length),
  );
  let area = 0;
  for (const [a, b] of ends) {
    const u = [0, 1, 2].map((c) => p[3 * a + c] - center[c]);
    const v = [0, 1, 2].map((c) => p[3 * b + c] - center[c]);
    area += Math.hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]) / 2;
  }
  return area;
}

function endsOf({ indices }: RawMesh, edges: MeshEdges, e: number): [number, number] {
  const h = edges.uses[edges.firstUse[e]];
  return [indices[h], indices[nextHalfEdge(h)]];
}

function edgeLength({ positions: p, indices }: RawMesh, h: number): number {
  const [a, b] = [3 * indices[h], 3 * indices[nextHalfEdge(h)]];
  return Math.hypot(p[a] - p[b], p[a + 1] - p[b + 1], p[a + 2] - p[b + 2]);
}

const lowerMedian = (values: number[]): number => values.sort((a, b) => a - b)[(values.length - 1) >> 1];
