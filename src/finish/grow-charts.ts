/** Which faces lie in one chart: neighbors merge, the flattest and roundest pairs first, while each chart can be seen whole from one side. */
import { meshEdges, nextHalfEdge, usesOf } from './mesh-edges.ts';
import { faceNormal, type RawMesh } from './raw-mesh.ts';
import { turnOfEvents } from './turn-of-events.ts';

/**
 * Faces lean away from their chart's axis by at most this, cosine: a projection along the axis stretches by 1.35 at most, and the
 * sides of a box stay apart. */
const MOST_LEAN = Math.cos((42 * Math.PI) / 180);
/** Charts of few faces join a neighbor at the price of more stretch, rather than cost a border of their own. */
const CRUMB_LEAN = Math.cos((78 * Math.PI) / 180);
const CRUMB_FACES = 12;
/** A flat merge costs this share of its area, so that in flat parts small and round charts merge first. */
const FLAT_COST = 0.02;

export interface Charts {
  readonly chartOf: Int32Array; // [F]
  readonly count: number;
}

/**
 * Each face begins as a chart. The cost of a merge is what its area loses in the projection along its mean normal, times
 * how far its outline is from a circle (perimeter² / 4π area).
 * Source: Garland, Willmott & Heckbert 2001, "Hierarchical face clustering on polygonal surfaces".
 */
export async function growCharts(mesh: RawMesh, signal?: AbortSignal): Promise<Charts> {
  const faces = mesh.indices.length / 3;
  const chart = singleFaces(mesh);
  await mergeAll(chart, MOST_LEAN, Number.POSITIVE_INFINITY, signal);
  await mergeAll(chart, CRUMB_LEAN, CRUMB_FACES, signal);
  const chartOf = new Int32Array(faces);
  let count = 0;
  for (let c = 0; c < faces; c++) {
    if (!chart.isAlive[c]) continue;
    for (let f = c; f >= 0; f = chart.following[f]) chartOf[f] = count;
    count++;
  }
  return { chartOf, count };
}

/** Tables by chart; a chart has the number of its first face. */
interface GrowingCharts {
  readonly unit: Float64Array; // [F, 3], unit normals, 0 for faces without area
  readonly normal: Float64Array; // [F, 3], sum of area · normal
  readonly area: Float64Array;
  readonly perimeter: Float64Array;
  readonly faces: Int32Array; // number of them
  readonly isAlive: Uint8Array;
  readonly version: Int32Array;
  readonly following: Int32Array; // [F], the next face of the chart, −1 at the end
  readonly last: Int32Array;
  readonly witness: Int32Array; // the face that leaned most when last looked at
  /** Length of the border with each neighbor. */
  readonly borders: Map<number, number>[];
}

function singleFaces(mesh: RawMesh): GrowingCharts {
  const { positions: p, indices } = mesh;
  const faces = indices.length / 3;
  const numbers = Int32Array.from({ length: faces }, (_, f) => f);
  const chart: GrowingCharts = {
    unit: new Float64Array(3 * faces),
    normal: new Float64Array(3 * faces),
    area: new Float64Array(faces),
    perimeter: new Float64Array(faces),
    faces: new Int32Array(faces).fill(1),
    isAlive: new Uint8Array(faces).fill(1),
    version: new Int32Array(faces),
    following: new Int32Array(faces).fill(-1),
    last: numbers,
    witness: numbers.slice(),
    borders: Array.from({ length: faces }, () => new Map()),
  };
  for (let f = 0; f < faces; f++) {
    const n = faceNormal(mesh, f);
    const length = Math.hypot(n[0], n[1], n[2]);
    chart.area[f] = length / 2;
    for (let c = 0; c < 3; c++) {
      chart.normal[3 * f + c] = n[c] / 2;
      chart.unit[3 * f + c] = length > 0 ? n[c] / length : 0;
    }
  }
  const edges = meshEdges(indices, p.length / 3);
  for (let e = 0; e < edges.count; e++) {
    const h = edges.uses[edges.firstUse[e]];
    const [a, b] = [3 * indices[h], 3 * indices[nextHalfEdge(h)]];
    const length = Math.hypot(p[a] - p[b], p[a + 1] - p[b + 1], p[a + 2] - p[b + 2]);
    for (let i = edges.firstUse[e]; i < edges.firstUse[e + 1]; i++)
      chart.perimeter[Math.floor(edges.uses[i] / 3)] += length;
    if (usesOf(edges, e) !== 2) continue;
    const twin = edges.uses[edges.firstUse[e] + 1];
    if (indices[twin] === indices[h]) continue; // the two disagree about the outside
    const [f, g] = [Math.floor(h / 3), Math.floor(twin / 3)];
    chart.borders[f].set(g, (chart.borders[f].get(g) ?? 0) + length);
    chart.borders[g].set(f, (chart.borders[g].get(f) ?? 0) + length);
  }
  return chart;
}

/** Merges until no pair is left that may: one of the two has at most `smallest` faces, and none leans more than `lean`. */
async function mergeAll(chart: GrowingCharts, lean: number, smallest: number, signal?: AbortSignal): Promise<void> {
  const heap = pairHeap();
  const offer = (a: number, b: number): void => {
    if (Math.min(chart.faces[a], chart.faces[b]) > smallest) return;
    heap.push(costOf(chart, a, b), a, b, chart.version[a] + chart.version[b]);
  };
  for (let a = 0; a < chart.isAlive.length; a++)
    if (chart.isAlive[a]) for (const b of chart.borders[a].keys()) if (a < b) offer(a, b);
  for (let tries = 1; heap.size() > 0; tries++) {
    if (tries % 20_000 === 0) await turnOfEvents(signal);
    const [a, b, version] = heap.pop();
    // Versions only rise, so an equal sum means that both are as they were.
    if (!chart.isAlive[a] || !chart.isAlive[b] || chart.version[a] + chart.version[b] !== version) continue;
    if (!fits(chart, a, b, lean)) continue;
    merge(chart, a, b);
    for (const c of chart.borders[a].keys()) offer(a, c);
  }
}

function costOf({ normal, area, perimeter, borders }: GrowingCharts, a: number, b: number): number {
  const x = normal[3 * a] + normal[3 * b];
  const y = normal[3 * a + 1] + normal[3 * b + 1];
  const z = normal[3 * a + 2] + normal[3 * b + 2];
  const total = area[a] + area[b];
  const outline = perimeter[a] + perimeter[b] - 2 * (borders[a].get(b) ?? 0);
  return ((total - Math.sqrt(x * x + y * y + z * z) + FLAT_COST * total) * outline * outline) / Math.max(total, 1e-300);
}

/** Whether every face of both turns towards their common axis enough. */
function fits(chart: GrowingCharts, a: number, b: number, lean: number): boolean {
  const { normal, unit, following, witness } = chart;
  let x = normal[3 * a] + normal[3 * b];
  let y = normal[3 * a + 1] + normal[3 * b + 1];
  let z = normal[3 * a + 2] + normal[3 * b + 2];
  const length = Math.sqrt(x * x + y * y + z * z);
  if (!(length > 0)) return chart.area[a] + chart.area[b] === 0;
  x /= length;
  y /= length;
  z /= length;
  const cosine = (f: number): number => unit[3 * f] * x + unit[3 * f + 1] * y + unit[3 * f + 2] * z;
  for (const c of [a, b]) if (cosine(witness[c]) < lean && chart.area[witness[c]] > 0) return false;
  for (const c of [a, b]) {
    let least = 2;
    for (let f = c; f >= 0; f = following[f]) {
      const value = cosine(f);
      if (value >= least) continue;
      if (unit[3 * f] === 0 && unit[3 * f + 1] === 0 && unit[3 * f + 2] === 0) continue; // without area: flat anywhere
      least = value;
      witness[c] = f;
      if (least < lean) return false;
    }
  }
  return true;
}

/** b becomes part of a. */
function merge(chart: GrowingCharts, a: number, b: number): void {
  const { normal, area, perimeter, faces, isAlive, version, following, last, borders } = chart;
  perimeter[a] += perimeter[b] - 2 * (borders[a].get(b) ?? 0);
  area[a] += area[b];
  faces[a] += faces[b];
  for (let c = 0; c < 3; c++) normal[3 * a + c] += normal[3 * b + c];
  following[last[a]] = b;
  last[a] = last[b];
  isAlive[b] = 0;
  version[a]++;
  borders[a].delete(b);
  for (const [c, length] of borders[b]) {
    if (c === a) continue;
    borders[c].delete(b);
    const both = (borders[a].get(c) ?? 0) + length;
    borders[a].set(c, both);
    borders[c].set(a, both);
  }
  borders[b].clear();
}

/** Pairs of charts, the cheapest on top. */
function pairHeap() {
  const costs: number[] = [];
  const pairs: [number, number, number][] = [];
  return {
    size: () => costs.length,
    push(cost: number, a: number, b: number, version: number): void {
      const pair: [number, number, number] = [a, b, version];
      let at = costs.length;
      costs.push(cost);
      pairs.push(pair);
      while (at > 0) {
        const up = (at - 1) >> 1;
        if (costs[up] <= cost) break;
        costs[at] = costs[up];
        pairs[at] = pairs[up];
        at = up;
      }
      costs[at] = cost;
      pairs[at] = pair;
    },
    pop(): [number, number, number] {
      const top = pairs[0];
      const cost = costs.pop() as number;
      const pair = pairs.pop() as [number, number, number];
      const size = costs.length;
      if (size === 0) return top;
      let at = 0;
      for (;;) {
        let down = 2 * at + 1;
        if (down >= size) break;
        if (down + 1 < size && costs[down + 1] < costs[down]) down++;
        if (costs[down] >= cost) break;
        costs[at] = costs[down];
        pairs[at] = pairs[down];
        at = down;
      }
      costs[at] = cost;
      pairs[at] = pair;
      return top;
    },
  };
}
