import { type CubeField, OUTSIDE } from './cube-field.ts';
import { AMBIGUOUS_FACE, GROUP_COUNT, GROUP_OF } from './dual-marching-cubes.ts';
import { emptyBits, mark, membersOf, type RankedSet, rankedSet, rankOf } from './ranked-set.ts';

/** How the surface of a field is connected. It depends on the signs of the distances only. */
export interface SurfaceTopology {
  /** S cubes that the surface passes through, ascending */
  readonly cubes: RankedSet;
  /** [S] case of each, ambiguities resolved */
  readonly codes: Uint8Array;
  /** [S, 8] where the field holds each corner's values, −1 where it does not */
  readonly corners: Int32Array;
  /** [S] where the field holds the cube's weights, −1 where it does not */
  readonly weights: Int32Array;
  /** [D] the cube of each vertex of the surface (a row of the arrays above), and the group of edges it belongs to */
  readonly vertexCube: Int32Array;
  readonly vertexGroup: Uint8Array;
  /** [K, 4] vertices of the surface around each crossed edge of the grid, counter-clockwise from outside */
  readonly quads: Int32Array;
}

/**
 * Which cubes, vertices and quads the surface has: cubes that touch an inside vertex are examined, and no others.
 * Order: reference/pipelines.md §12.4–12.6.
 */
export function surfaceTopology(field: CubeField): SurfaceTopology {
  const inside = membersOf(field.vertices).filter((_, row) => field.sdf[row] < 0);
  const surface = surfaceCubes(field, inside);
  resolveAmbiguities(field.resolution, surface);
  const { firstVertex, ...vertices } = surfaceVertices(surface);
  const quads = surfaceQuads(field, inside, surface, firstVertex);
  return { ...surface, ...vertices, quads };
}

type SurfaceCubes = Pick<SurfaceTopology, 'cubes' | 'codes' | 'corners' | 'weights'>;

function surfaceCubes(field: CubeField, inside: Int32Array): SurfaceCubes {
  const R = field.resolution;
  const S = R + 1;
  const touched = emptyBits(R ** 3);
  for (const id of inside) {
    const x = Math.floor(id / (S * S));
    const y = Math.floor(id / S) % S;
    const z = id % S;
    for (let cx = Math.max(x - 1, 0); cx <= Math.min(x, R - 1); cx++)
      for (let cy = Math.max(y - 1, 0); cy <= Math.min(y, R - 1); cy++)
        for (let cz = Math.max(z - 1, 0); cz <= Math.min(z, R - 1); cz++) mark(touched, (cx * R + cy) * R + cz);
  }
  const candidates = membersOf(rankedSet(touched, R ** 3));
  const bits = emptyBits(R ** 3);
  const codes = new Uint8Array(candidates.length);
  const corners = new Int32Array(8 * candidates.length);
  let count = 0;
  for (const id of candidates) {
    const first = (Math.floor(id / (R * R)) * S + (Math.floor(id / R) % R)) * S + (id % R);
    let code = 0;
    for (let k = 0; k < 8; k++) {
      const row = rankOf(field.vertices, first + (k & 1) * S * S + ((k >> 1) & 1) * S + (k >> 2));
      corners[8 * count + k] = row;
      if (row >= 0 && field.sdf[row] < 0) code |= 1 << k;
    }
    if (code === 255) continue;
    mark(bits, id);
    codes[count++] = code;
  }
  const cubes = rankedSet(bits, R ** 3);
  const weights = membersOf(cubes).map((id) => rankOf(field.cubes, id));
  return { cubes, codes: codes.slice(0, count), corners: corners.slice(0, 8 * count), weights };
}

/**
 * Two cubes that share a face with two diagonal corners inside, and have no other such face, both take the form of their
 * complement: the surface then does not touch itself there.
 */
function resolveAmbiguities(R: number, { cubes, codes }: SurfaceCubes): void {
  const original = codes.slice();
  const steps = [R * R, R, 1];
  for (const [row, id] of membersOf(cubes).entries()) {
    const face = AMBIGUOUS_FACE[original[row]];
    if (face < 0) continue;
    const axis = face >> 1;
    const along = Math.floor(id / steps[axis]) % R;
    const towards = face & 1 ? 1 : -1;
    if (along + towards < 0 || along + towards >= R) continue;
    const other = rankOf(cubes, id + towards * steps[axis]);
    if (other >= 0 && AMBIGUOUS_FACE[original[other]] >= 0) codes[row] = 255 - original[row];
  }
}

/** Vertices are numbered by how many their cube has, then by cube, then by group. */
function surfaceVertices({ codes }: SurfaceCubes) {
  const cubesWith = [0, 0, 0, 0, 0];
  for (const code of codes) cubesWith[GROUP_COUNT[code]]++;
  const next = [
    0,
    0,
    cubesWith[1],
    cubesWith[1] + 2 * cubesWith[2],
    cubesWith[1] + 2 * cubesWith[2] + 3 * cubesWith[3],
  ];
  const total = next[4] + 4 * cubesWith[4];
  const firstVertex = new Int32Array(codes.length);
  const vertexCube = new Int32Array(total);
  const vertexGroup = new Uint8Array(total);
  for (let row = 0; row < codes.length; row++) {
    const groups = GROUP_COUNT[codes[row]];
    firstVertex[row] = next[groups];
    for (let g = 0; g < groups; g++) {
      vertexCube[next[groups]] = row;
      vertexGroup[next[groups]++] = g;
    }
  }
  return { firstVertex, vertexCube, vertexGroup };
}

/** Edges of the grid along y, z, x, in the order of their second vertices: y runs downwards. */
const AXES = [1, 2, 0];
/** For an edge along each of them: which of its edges the four cubes around it see, cubes ascending. */
const SEEN_AS = [
  [10, 9, 11, 8],
  [5, 1, 7, 3],
  [6, 4, 2, 0],
];

function surfaceQuads(
  field: CubeField,
  inside: Int32Array,
  surface: SurfaceCubes,
  firstVertex: Int32Array,
): Int32Array {
  const R = field.resolution;
  const S = R + 1;
  const steps = [S * S, S, 1];
  const sdfAt = (id: number): number => {
    const row = rankOf(field.vertices, id);
    return row < 0 ? OUTSIDE : field.sdf[row];
  };
  // Edges are numbered 3·(first vertex) + their place in AXES, so that going through the set goes in their order.
  const crossed = emptyBits(3 * S ** 3);
  const at = [0, 0, 0];
  for (const id of inside) {
    at[0] = Math.floor(id / (S * S));
    at[1] = Math.floor(id / S) % S;
    at[2] = id % S;
    for (let slot = 0; slot < 3; slot++) {
      const axis = AXES[slot];
      const [p, q] = [at[(axis + 1) % 3], at[(axis + 2) % 3]];
      if (p < 1 || p >= R || q < 1 || q >= R) continue; // fewer than four cubes around
      for (const towards of [-1, 1]) {
        if (at[axis] + towards < 0 || at[axis] + towards > R) continue;
        const other = id + towards * steps[axis];
        if (sdfAt(other) < 0) continue;
        const first = axis === 1 ? Math.max(id, other) : Math.min(id, other);
        mark(crossed, 3 * first + slot);
      }
    }
  }
  const edges = membersOf(rankedSet(crossed, 3 * S ** 3));
  // Edges that leave the surface come first, then those that enter it.
  const entering = new Uint8Array(edges.length);
  let leaving = 0;
  for (let i = 0; i < edges.length; i++) {
    entering[i] = sdfAt(Math.floor(edges[i] / 3)) > 0 ? 0 : 1;
    leaving += 1 - entering[i];
  }
  const quads = new Int32Array(4 * edges.length);
  const next = [0, leaving];
  const around = [0, 0, 0, 0];
  for (let i = 0; i < edges.length; i++) {
    const first = Math.floor(edges[i] / 3);
    const slot = edges[i] % 3;
    at[0] = Math.floor(first / (S * S));
    at[1] = Math.floor(first / S) % S;
    at[2] = first % S;
    if (slot === 0) at[1]--;
    for (let c = 0; c < 4; c++) {
      const back = [c < 2 ? 1 : 0, c % 2 === 0 ? 1 : 0]; // one cube back along the two other axes
      const x = slot === 2 ? at[0] : at[0] - back[0];
      const y = slot === 0 ? at[1] : slot === 2 ? at[1] - back[0] : at[1] - back[1];
      const z = slot === 1 ? at[2] : at[2] - back[1];
      const row = rankOf(surface.cubes, (x * R + y) * R + z);
      around[c] = firstVertex[row] + GROUP_OF[12 * surface.codes[row] + SEEN_AS[slot][c]];
    }
    const [p0, p1, p2, p3] = around;
    const quad = 4 * next[entering[i]]++;
    if (entering[i] === 0) quads.set([p0, p1, p3, p2], quad);
    else quads.set([p2, p3, p1, p0], quad);
  }
  return quads;
}
