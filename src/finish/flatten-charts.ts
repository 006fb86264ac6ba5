/** Charts laid flat: projected along their mean normal, and divided where the projection would lie on itself. */
import type { Charts } from './grow-charts.ts';
import { faceComponents, nextHalfEdge } from './mesh-edges.ts';
import { faceNormal, type RawMesh } from './raw-mesh.ts';
import { turnOfEvents } from './turn-of-events.ts';

export interface FlatChart {
  readonly faces: Uint32Array; // [f], of the mesh
  readonly corners: Uint32Array; // [f, 3], rows of `source` and `xy`
  readonly source: Uint32Array; // [v], of the mesh
  /** [v, 2], y down, as seen from outside; lengths of the mesh, the area is that of the surface. */
  readonly xy: Float64Array;
}

/** Samples per texel of an atlas of 1024², filled to two thirds, at which a chart must not lie on itself. */
const SAMPLES = 2;

export async function flattenCharts(
  mesh: RawMesh,
  charts: Charts,
  size: number,
  signal?: AbortSignal,
): Promise<FlatChart[]> {
  const members: number[][] = Array.from({ length: charts.count }, () => []);
  for (let f = 0; f < charts.chartOf.length; f++) members[charts.chartOf[f]].push(f);
  const rowOf = new Int32Array(mesh.positions.length / 3).fill(-1);
  let area = 0;
  for (let f = 0; f < charts.chartOf.length; f++) area += Math.hypot(...faceNormal(mesh, f)) / 2;
  const samplesPerLength = (SAMPLES * size * Math.sqrt(2 / 3)) / Math.sqrt(Math.max(area, 1e-300));
  const flat: FlatChart[] = [];
  let since = 0;
  for (let faces = members.pop(); faces; faces = members.pop()) {
    since += faces.length;
    if (since > 20_000) {
      await turnOfEvents(signal);
      since = 0;
    }
    const chart = flatten(mesh, faces, rowOf);
    if (faces.length > 1 && liesOnItself(chart, samplesPerLength)) members.push(...halves(mesh, faces));
    else flat.push(chart);
  }
  return flat.reverse();
}

function flatten(mesh: RawMesh, faces: readonly number[], rowOf: Int32Array): FlatChart {
  const { positions: p, indices } = mesh;
  const [right, down] = planeOf(mesh, faces);
  const corners = new Uint32Array(faces.length * 3);
  const source: number[] = [];
  for (let i = 0; i < faces.length; i++)
    for (let k = 0; k < 3; k++) {
      const v = indices[3 * faces[i] + k];
      if (rowOf[v] < 0) rowOf[v] = source.push(v) - 1;
      corners[3 * i + k] = rowOf[v];
    }
  for (const v of source) rowOf[v] = -1;
  const xy = new Float64Array(source.length * 2);
  for (let i = 0; i < source.length; i++) {
    const v = 3 * source[i];
    xy[2 * i] = right[0] * p[v] + right[1] * p[v + 1] + right[2] * p[v + 2];
    xy[2 * i + 1] = down[0] * p[v] + down[1] * p[v + 1] + down[2] * p[v + 2];
  }
  let flatArea = 0;
  for (let i = 0; i < corners.length; i += 3)
    flatArea += Math.abs(twiceAreaOf(xy, corners[i], corners[i + 1], corners[i + 2])) / 2;
  const area = faces.reduce((sum, f) => sum + Math.hypot(...faceNormal(mesh, f)) / 2, 0);
  const scale = flatArea > 0 ? Math.min(4, Math.sqrt(area / flatArea)) : 1;
  intoSmallestBox(xy, scale);
  return { faces: Uint32Array.from(faces), corners, source: Uint32Array.from(source), xy };
}

/** Unit vectors across and down a picture of the faces, taken from outside. */
function planeOf(mesh: RawMesh, faces: readonly number[]): [number[], number[]] {
  const n = [0, 0, 0];
  for (const f of faces) {
    const own = faceNormal(mesh, f);
    for (let c = 0; c < 3; c++) n[c] += own[c];
  }
  const length = Math.hypot(...n) || 1;
  const [x, y, z] = length > 0 && (n[0] || n[1] || n[2]) ? n.map((v) => v / length) : [0, 0, 1];
  // Any vector not along the normal gives a right.
  const side = Math.abs(x) < 0.6 ? [1, 0, 0] : [0, 1, 0];
  const across = [side[1] * z - side[2] * y, side[2] * x - side[0] * z, side[0] * y - side[1] * x];
  const size = Math.hypot(...across);
  const right = across.map((v) => v / size);
  // up = normal × right
  const up = [y * right[2] - z * right[1], z * right[0] - x * right[2], x * right[1] - y * right[0]];
  return [right, up.map((v) => -v)];
}

const twiceAreaOf = (xy: Float64Array, a: number, b: number, c: number): number =>
  (xy[2 * b] - xy[2 * a]) * (xy[2 * c + 1] - xy[2 * a + 1]) - (xy[2 * c] - xy[2 * a]) * (xy[2 * b + 1] - xy[2 * a + 1]);

const ANGLES = 24;

/** Turns by the one of 24 angles with the smallest box, longer side down, and moves the box's corner to 0. */
function intoSmallestBox(xy: Float64Array, scale: number): void {
  let best = { area: Number.POSITIVE_INFINITY, angle: 0 };
  for (let i = 0; i < ANGLES; i++) {
    const angle = (i * Math.PI) / (2 * ANGLES);
    const { width, height } = boxAt(xy, angle);
    if (width * height < best.area * (1 - 1e-9)) best = { area: width * height, angle };
  }
  const box = boxAt(xy, best.angle);
  const angle = box.height >= box.width ? best.angle : best.angle + Math.PI / 2;
  const { left, top } = boxAt(xy, angle);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (let i = 0; i < xy.length; i += 2) {
    const [x, y] = [xy[i], xy[i + 1]];
    xy[i] = scale * (cos * x - sin * y - left);
    xy[i + 1] = scale * (sin * x + cos * y - top);
  }
}

function boxAt(xy: Float64Array, angle: number): { left: number; top: number; width: number; height: number } {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < xy.length; i += 2) {
    const x = cos * xy[i] - sin * xy[i + 1];
    const y = sin * xy[i] + cos * xy[i + 1];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return { left, top, width: right - left, height: bottom - top };
}

const LARGEST_GRID = 2048;

/** Whether the middle of a sample lies inside two faces, or a face looks away. */
function liesOnItself({ corners, xy }: FlatChart, samplesPerLength: number): boolean {
  let [width, height] = [0, 0];
  for (let i = 0; i < xy.length; i += 2) {
    width = Math.max(width, xy[i]);
    height = Math.max(height, xy[i + 1]);
  }
  const scale = Math.min(samplesPerLength, LARGEST_GRID / Math.max(width, height, 1e-300));
  const columns = Math.ceil(width * scale) + 1;
  const rows = Math.ceil(height * scale) + 1;
  const taken = new Uint8Array(columns * rows);
  for (let i = 0; i < corners.length; i += 3) {
    const [a, b, c] = [2 * corners[i], 2 * corners[i + 1], 2 * corners[i + 2]];
    const [ax, ay] = [xy[a] * scale, xy[a + 1] * scale];
    const [bx, by] = [xy[b] * scale - ax, xy[b + 1] * scale - ay];
    const [cx, cy] = [xy[c] * scale - ax, xy[c + 1] * scale - ay];
    const twiceArea = bx * cy - by * cx;
    if (!(Math.abs(twiceArea) > 1e-9)) continue;
    const left = Math.max(0, Math.ceil(ax + Math.min(0, bx, cx) - 0.5));
    const right = Math.min(columns - 1, Math.floor(ax + Math.max(0, bx, cx) - 0.5));
    const top = Math.max(0, Math.ceil(ay + Math.min(0, by, cy) - 0.5));
    const bottom = Math.min(rows - 1, Math.floor(ay + Math.max(0, by, cy) - 0.5));
    for (let y = top; y <= bottom; y++)
      for (let x = left; x <= right; x++) {
        const [dx, dy] = [x + 0.5 - ax, y + 0.5 - ay];
        const wb = (dx * cy - dy * cx) / twiceArea;
        const wc = (bx * dy - by * dx) / twiceArea;
        if (wb < 1e-5 || wc < 1e-5 || wb + wc > 1 - 1e-5) continue; // a common edge is no overlap
        if (twiceArea > 0 || taken[y * columns + x]) return true; // seen from outside with y down, faces turn the other way
        taken[y * columns + x] = 1;
      }
  }
  return false;
}

/** The faces on both sides of the middle of their longest extent, and of these what hangs together. */
function halves(mesh: RawMesh, faces: readonly number[]): number[][] {
  const { positions: p, indices } = mesh;
  const middle = (f: number, c: number): number =>
    p[3 * indices[3 * f] + c] + p[3 * indices[3 * f + 1] + c] + p[3 * indices[3 * f + 2] + c];
  const extents = [0, 1, 2].map((c) => {
    const values = faces.map((f) => middle(f, c));
    return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  });
  const axis = extents.indexOf(Math.max(...extents));
  const sorted = [...faces].sort((a, b) => middle(a, axis) - middle(b, axis));
  const half = sorted.length >> 1;
  return [sorted.slice(0, half), sorted.slice(half)].flatMap((part) => hangingTogether(mesh, part));
}

function hangingTogether({ indices, positions }: RawMesh, faces: readonly number[]): number[][] {
  const vertexCount = positions.length / 3;
  const faceAt = new Map<number, number>();
  const { componentOf, count } = faceComponents(faces.length, (unite) => {
    for (let i = 0; i < faces.length; i++)
      for (let h = 3 * faces[i]; h < 3 * faces[i] + 3; h++) {
        const [a, b] = [indices[h], indices[nextHalfEdge(h)]];
        const edge = Math.min(a, b) * vertexCount + Math.max(a, b);
        const other = faceAt.get(edge);
        if (other === undefined) faceAt.set(edge, i);
        else unite(i, other);
      }
  });
  const parts: number[][] = Array.from({ length: count }, () => []);
  for (let i = 0; i < faces.length; i++) parts[componentOf[i]].push(faces[i]);
  return parts;
}
