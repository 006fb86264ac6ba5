/** One vertex per place: without it every triangle of an STL is an island, and no later step finds its neighbors. */
import { boundsOf, expectMesh, type RawMesh } from './raw-mesh.ts';

export interface WeldOptions {
  /** Vertices nearer than this share of the box's longest side become one; 0 joins only equal positions. */
  tolerance?: number;
}

export const WELD_DEFAULTS: Required<WeldOptions> = { tolerance: 1e-6 };

export interface WeldReport {
  readonly mergedVertices: number;
  /** Faces with two corners in one place, dropped. */
  readonly degenerateFaces: number;
  /** Faces that repeat another corner by corner, dropped. */
  readonly repeatedFaces: number;
}

/**
 * Merges vertices, averages their colours, and drops faces that are a line now or a copy of another.
 * A vertex joins the first one before it within the tolerance, so chains of close vertices do not run away.
 */
export function weld(mesh: RawMesh, options: WeldOptions = {}): { mesh: RawMesh; report: WeldReport } {
  expectMesh('weld', mesh);
  const { tolerance } = { ...WELD_DEFAULTS, ...options };
  if (!(tolerance >= 0 && tolerance < 1))
    throw new RangeError(`weld: tolerance is a share of the box in [0, 1), got ${tolerance}.`);
  const { rowOf, firsts } = mergePositions(mesh.positions, tolerance * boundsOf(mesh.positions).side);
  const positions = new Float32Array(firsts.length * 3);
  for (let i = 0; i < firsts.length; i++)
    for (let c = 0; c < 3; c++) positions[3 * i + c] = mesh.positions[3 * firsts[i] + c];
  const { indices, degenerateFaces, repeatedFaces } = mergeFaces(mesh.indices, rowOf);
  const report = { mergedVertices: rowOf.length - firsts.length, degenerateFaces, repeatedFaces };
  const colors = mesh.colors && meanRows(mesh.colors, rowOf, firsts.length);
  return { mesh: { positions, indices, ...(colors && { colors }) }, report };
}

/** Cells of the grid that vertices are looked up in, in tolerances: a ball around a vertex seldom reaches a second one. */
const CELL = 32;

/** rowOf [V]: the merged vertex of each; firsts: the first vertex of each merged one. */
function mergePositions(p: Float32Array, distance: number): { rowOf: Uint32Array; firsts: Uint32Array } {
  const count = p.length / 3;
  const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
  const head = new Int32Array(size).fill(-1); // buckets of merged vertices; a wrong one in a bucket costs a look
  const following = new Int32Array(count);
  const firsts = new Uint32Array(count);
  const rowOf = new Uint32Array(count);
  const bits = new Float32Array(1);
  const asInt = new Int32Array(bits.buffer);
  const cell = (x: number): number => {
    if (distance > 0) return Math.floor(x / (CELL * distance));
    bits[0] = x + 0; // −0 is 0
    return asInt[0];
  };
  const bucket = (x: number, y: number, z: number): number =>
    (Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(z, 83492791)) & (size - 1);
  const squared = distance * distance;
  let rows = 0;
  for (let v = 0; v < count; v++) {
    const x = p[3 * v];
    const y = p[3 * v + 1];
    const z = p[3 * v + 2];
    const x1 = cell(x + distance);
    const y1 = cell(y + distance);
    const z1 = cell(z + distance);
    // Of several within reach the first one.
    let found = -1;
    for (let cx = cell(x - distance); cx <= x1; cx++)
      for (let cy = cell(y - distance); cy <= y1; cy++)
        for (let cz = cell(z - distance); cz <= z1; cz++)
          for (let row = head[bucket(cx, cy, cz)]; row >= 0; row = following[row]) {
            const other = 3 * firsts[row];
            const dx = x - p[other];
            const dy = y - p[other + 1];
            const dz = z - p[other + 2];
            if (dx * dx + dy * dy + dz * dz <= squared && (found < 0 || row < found)) found = row;
          }
    if (found < 0) {
      found = rows++;
      firsts[found] = v;
      const at = bucket(cell(x), cell(y), cell(z));
      following[found] = head[at];
      head[at] = found;
    }
    rowOf[v] = found;
  }
  return { rowOf, firsts: firsts.slice(0, rows) };
}

function mergeFaces(indices: Uint32Array, rowOf: Uint32Array) {
  const out = new Uint32Array(indices.length);
  const faces = indices.length / 3;
  const size = 2 ** Math.ceil(Math.log2(2 * faces + 2));
  const head = new Int32Array(size).fill(-1);
  const following = new Int32Array(faces);
  let kept = 0;
  let degenerateFaces = 0;
  let repeatedFaces = 0;
  for (let f = 0; f < faces; f++) {
    let a = rowOf[indices[3 * f]];
    let b = rowOf[indices[3 * f + 1]];
    let c = rowOf[indices[3 * f + 2]];
    if (a === b || b === c || c === a) {
      degenerateFaces++;
      continue;
    }
    while (a > b || a > c) {
      // the smallest first, the direction kept
      const first = a;
      a = b;
      b = c;
      c = first;
    }
    const at = (Math.imul(a, 73856093) ^ Math.imul(b, 19349663) ^ Math.imul(c, 83492791)) & (size - 1);
    let same = head[at];
    while (same >= 0 && !(out[3 * same] === a && out[3 * same + 1] === b && out[3 * same + 2] === c))
      same = following[same];
    if (same >= 0) {
      repeatedFaces++;
      continue;
    }
    out[3 * kept] = a;
    out[3 * kept + 1] = b;
    out[3 * kept + 2] = c;
    following[kept] = head[at];
    head[at] = kept++;
  }
  return { indices: out.slice(0, 3 * kept), degenerateFaces, repeatedFaces };
}

function meanRows(table: Float32Array, rowOf: Uint32Array, rows: number): Float32Array {
  const out = new Float32Array(rows * 3);
  const uses = new Uint32Array(rows);
  for (let v = 0; v < rowOf.length; v++) {
    uses[rowOf[v]]++;
    for (let c = 0; c < 3; c++) out[3 * rowOf[v] + c] += table[3 * v + c];
  }
  for (let i = 0; i < out.length; i++) out[i] /= uses[Math.floor(i / 3)];
  return out;
}
