/** Boundary loops become closed: each is filled with the triangles of least area between its own vertices. */

import { partsOf } from './keep-main-parts.ts';
import { boundaryLoops, meshEdges, nextHalfEdge } from './mesh-edges.ts';
import { expectMesh, faceNormal, type RawMesh } from './raw-mesh.ts';

export interface FillHolesOptions {
  /** Loops of more edges stay open: they are openings of the object, or what a cut-off scene leaves. */
  maxEdges?: number;
}

export const FILL_HOLES_DEFAULTS: Required<FillHolesOptions> = { maxEdges: 250 };

export interface FilledHolesReport {
  readonly filledHoles: number;
  readonly addedFaces: number;
  /** Loops that stay: too long, the rim of a sheet, or every filling would repeat an edge of the surface. */
  readonly openHoles: number;
}

/** A filling with more than this share of its part's area would be the back of a sheet. */
const SHEET_SHARE = 0.75;

/**
 * Adds faces, never vertices, so colours stay as they are; a filling is flat where its loop is. No edge comes to be used
 * three times: diagonals that the surface already has are not taken.
 * Source: Barequet & Sharir 1995, "Filling gaps in the boundary of a polyhedron"; O(n³) for a loop of n edges.
 */
export function fillHoles(mesh: RawMesh, options: FillHolesOptions = {}): { mesh: RawMesh; report: FilledHolesReport } {
  expectMesh('fillHoles', mesh);
  const { maxEdges } = { ...FILL_HOLES_DEFAULTS, ...options };
  if (!Number.isInteger(maxEdges) || maxEdges < 3 || maxEdges > 1000)
    throw new RangeError(`fillHoles: maxEdges must be a whole number in 3 … 1000, got ${maxEdges}.`);
  const vertexCount = mesh.positions.length / 3;
  const edges = meshEdges(mesh.indices, vertexCount);
  const taken = new Set<number>();
  for (let h = 0; h < mesh.indices.length; h++)
    taken.add(keyOf(mesh.indices[h], mesh.indices[nextHalfEdge(h)], vertexCount));
  const { componentOf, count } = partsOf(mesh);
  const areas = new Float64Array(count);
  for (let f = 0; f < componentOf.length; f++) areas[componentOf[f]] += Math.hypot(...faceNormal(mesh, f)) / 2;
  const added: number[] = [];
  let filledHoles = 0;
  let openHoles = 0;
  for (const halfEdges of boundaryLoops(mesh.indices, edges)) {
    const maxArea = SHEET_SHARE * areas[componentOf[Math.floor(halfEdges[0] / 3)]];
    for (const loop of simpleLoops(halfEdges.map((h) => mesh.indices[h]))) {
      const faces = loop.length <= maxEdges ? fillLoop(mesh.positions, loop, taken, vertexCount, maxArea) : undefined;
      if (!faces) {
        openHoles++;
        continue;
      }
      filledHoles++;
      for (let i = 0; i < faces.length; i += 3) {
        added.push(faces[i], faces[i + 1], faces[i + 2]);
        for (let k = 0; k < 3; k++) taken.add(keyOf(faces[i + k], faces[i + ((k + 1) % 3)], vertexCount));
      }
    }
  }
  const indices = new Uint32Array(mesh.indices.length + added.length);
  indices.set(mesh.indices);
  indices.set(added, mesh.indices.length);
  return { mesh: { ...mesh, indices }, report: { filledHoles, addedFaces: added.length / 3, openHoles } };
}

const keyOf = (a: number, b: number, vertexCount: number): number => Math.min(a, b) * vertexCount + Math.max(a, b);

/** A loop that passes a vertex twice is two loops. */
function simpleLoops(vertices: readonly number[]): number[][] {
  const loops: number[][] = [];
  const open: number[] = [];
  const placeOf = new Map<number, number>();
  for (const v of vertices) {
    const place = placeOf.get(v);
    if (place !== undefined) {
      const loop = open.splice(place);
      for (const u of loop) placeOf.delete(u);
      if (loop.length > 2) loops.push(loop);
    }
    placeOf.set(v, open.length);
    open.push(v);
  }
  if (open.length > 2) loops.push(open);
  return loops;
}

/** Triangles for a loop given in the direction of its faces; undefined when none is small enough or all repeat an edge. */
function fillLoop(
  p: Float32Array,
  loop: readonly number[],
  taken: ReadonlySet<number>,
  vertexCount: number,
  maxArea: number,
): number[] | undefined {
  const n = loop.length;
  if (n < 3) return undefined;
  // cost[i·n + k]: least area that fills the part of the loop from i to k; split: the vertex of the triangle on i–k.
  const cost = new Float64Array(n * n);
  const split = new Int32Array(n * n).fill(-1);
  for (let width = 2; width < n; width++) {
    for (let i = 0; i + width < n; i++) {
      const k = i + width;
      const isDiagonal = !(i === 0 && k === n - 1);
      let best = Number.POSITIVE_INFINITY;
      if (!isDiagonal || !taken.has(keyOf(loop[i], loop[k], vertexCount))) {
        for (let j = i + 1; j < k; j++) {
          const rest = cost[i * n + j] + cost[j * n + k];
          if (rest >= best) continue;
          const total = rest + triangleArea(p, loop[i], loop[j], loop[k]);
          if (total < best) {
            best = total;
            split[i * n + k] = j;
          }
        }
      }
      cost[i * n + k] = best;
    }
  }
  if (!(cost[n - 1] <= maxArea)) return undefined;
  const faces: number[] = [];
  const parts: [number, number][] = [[0, n - 1]];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const [i, k] = part;
    if (k - i < 2) continue;
    const j = split[i * n + k];
    faces.push(loop[k], loop[j], loop[i]); // against the direction of the loop
    parts.push([i, j], [j, k]);
  }
  return faces;
}

function triangleArea(p: Float32Array, a: number, b: number, c: number): number {
  const ux = p[3 * b] - p[3 * a];
  const uy = p[3 * b + 1] - p[3 * a + 1];
  const uz = p[3 * b + 2] - p[3 * a + 2];
  const vx = p[3 * c] - p[3 * a];
  const vy = p[3 * c + 1] - p[3 * a + 1];
  const vz = p[3 * c + 2] - p[3 * a + 2];
  return Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx) / 2;
}
