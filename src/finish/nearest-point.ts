/** The point of a surface nearest to a given one: a tree of boxes over its faces. */
import { boundsOf, faceNormal, type RawMesh } from './raw-mesh.ts';

export interface SurfacePoint {
  face: number; // −1 when the surface has none
  weights: [number, number, number]; // barycentric, of the face's corners
  distance: number;
}

/** Writes the answer into `out`, the search begins at the face that stands there; `normal` is that of the asking surface, unit length. */
export type NearestPoint = (
  x: number,
  y: number,
  z: number,
  normal: readonly [number, number, number],
  out: SurfacePoint,
) => void;

const LEAF = 4; // faces in a leaf at most
/** Faces that look the other way count as this much farther: a texel of a thin wall takes the colour of its own side. */
const OTHER_SIDE = 4;
/** At a crease two faces are equally near; the one that looks the same way wins by this share of the size, squared. */
const CREASE = 1e-12;

export function nearestPointOn(mesh: RawMesh): NearestPoint {
  const { positions: p, indices } = mesh;
  const faces = indices.length / 3;
  const order = Uint32Array.from({ length: faces }, (_, f) => f);
  const middles = new Float32Array(faces * 3);
  const normals = new Float32Array(faces * 3);
  for (let f = 0; f < faces; f++) {
    const n = faceNormal(mesh, f);
    const length = Math.hypot(...n) || 1;
    for (let c = 0; c < 3; c++) {
      normals[3 * f + c] = n[c] / length;
      middles[3 * f + c] =
        (p[3 * indices[3 * f] + c] + p[3 * indices[3 * f + 1] + c] + p[3 * indices[3 * f + 2] + c]) / 3;
    }
  }
  // A node's children are 2i + 1 and 2i + 2 of a complete tree over halves of `order`.
  const depth = Math.max(0, Math.ceil(Math.log2(Math.max(1, faces) / LEAF)));
  const boxes = new Float32Array((2 ** (depth + 1) - 1) * 6);
  build(0, 0, faces, 0);

  const crease = CREASE * boundsOf(p).side ** 2;
  const point = new Float64Array(4);
  // The search at hand: from where, with which normal, and what it has found.
  let [x, y, z, normalX, normalY, normalZ] = [0, 0, 0, 0, 0, 0];
  let best = 0; // squared, and weighted
  let hit: SurfacePoint = { face: -1, weights: [1, 0, 0], distance: 0 };

  return (atX, atY, atZ, normal, out) => {
    [x, y, z] = [atX, atY, atZ];
    [normalX, normalY, normalZ] = normal;
    best = Number.POSITIVE_INFINITY;
    hit = out;
    const last = out.face;
    out.face = -1;
    if (faces === 0) return;
    // Texel after texel lies near the face of the one before: a good bound to begin with.
    if (last >= 0 && last < faces) look(last);
    search(0, 0, faces, 0);
  };

  function look(f: number): void {
    closest(p, 3 * indices[3 * f], 3 * indices[3 * f + 1], 3 * indices[3 * f + 2], x, y, z, point);
    const facing = normals[3 * f] * normalX + normals[3 * f + 1] * normalY + normals[3 * f + 2] * normalZ;
    const weighted = point[3] * (facing < -0.2 ? OTHER_SIDE ** 2 : 1) + crease * (1 - facing);
    // Equally near: the first one, in whatever order they are looked at.
    if (weighted > best || (weighted === best && f >= hit.face)) return;
    best = weighted;
    hit.face = f;
    hit.weights[0] = point[0];
    hit.weights[1] = point[1];
    hit.weights[2] = point[2];
    hit.distance = Math.sqrt(point[3]);
  }

  function search(node: number, from: number, to: number, level: number): void {
    if (level === depth) {
      for (let i = from; i < to; i++) look(order[i]);
      return;
    }
    const middle = (from + to) >> 1;
    const left = boxDistance(2 * node + 1);
    const right = boxDistance(2 * node + 2);
    if (left <= right) {
      if (left <= best) search(2 * node + 1, from, middle, level + 1);
      if (right <= best) search(2 * node + 2, middle, to, level + 1);
    } else {
      if (right <= best) search(2 * node + 2, middle, to, level + 1);
      if (left <= best) search(2 * node + 1, from, middle, level + 1);
    }
  }

  function build(node: number, from: number, to: number, level: number): void {
    const box = boxes.subarray(6 * node, 6 * node + 6);
    box.fill(Number.POSITIVE_INFINITY, 0, 3).fill(Number.NEGATIVE_INFINITY, 3);
    for (let i = from; i < to; i++) {
      for (let k = 0; k < 3; k++) {
        const v = 3 * indices[3 * order[i] + k];
        for (let c = 0; c < 3; c++) {
          if (p[v + c] < box[c]) box[c] = p[v + c];
          if (p[v + c] > box[3 + c]) box[3 + c] = p[v + c];
        }
      }
    }
    if (level === depth) return;
    let axis = 0;
    for (let c = 1; c < 3; c++) if (box[3 + c] - box[c] > box[3 + axis] - box[axis]) axis = c;
    const middle = (from + to) >> 1;
    halve(order, from, to, middle, middles, axis);
    build(2 * node + 1, from, middle, level + 1);
    build(2 * node + 2, middle, to, level + 1);
  }

  function boxDistance(node: number): number {
    const b = 6 * node;
    const dx = Math.max(boxes[b] - x, 0, x - boxes[b + 3]);
    const dy = Math.max(boxes[b + 1] - y, 0, y - boxes[b + 4]);
    const dz = Math.max(boxes[b + 2] - z, 0, z - boxes[b + 5]);
    return dx * dx + dy * dy + dz * dz;
  }
}

/** Reorders part of `order` so that what lies before its middle has no larger keys than what lies behind. Hoare 1961. */
function halve(
  order: Uint32Array,
  from: number,
  to: number,
  middle: number,
  middles: Float32Array,
  axis: number,
): void {
  let low = from;
  let high = to - 1;
  while (low < high) {
    const pivot = middles[3 * order[(low + high) >> 1] + axis];
    let i = low;
    let j = high;
    while (i <= j) {
      while (middles[3 * order[i] + axis] < pivot) i++;
      while (middles[3 * order[j] + axis] > pivot) j--;
      if (i > j) break;
      const other = order[i];
      order[i++] = order[j];
      order[j--] = other;
    }
    if (middle <= j) high = j;
    else if (middle >= i) low = i;
    else return;
  }
}

/**
 * Barycentric weights of the point of a triangle nearest to (x, y, z), and the squared distance, into `out`.
 * Source: Ericson 2004, "Real-Time Collision Detection", §5.1.5.
 */
function closest(
  p: Float32Array,
  a: number,
  b: number,
  c: number,
  x: number,
  y: number,
  z: number,
  out: Float64Array,
): void {
  const abx = p[b] - p[a];
  const aby = p[b + 1] - p[a + 1];
  const abz = p[b + 2] - p[a + 2];
  const acx = p[c] - p[a];
  const acy = p[c + 1] - p[a + 1];
  const acz = p[c + 2] - p[a + 2];
  const apx = x - p[a];
  const apy = y - p[a + 1];
  const apz = z - p[a + 2];
  const bb = abx * abx + aby * aby + abz * abz;
  const bc = abx * acx + aby * acy + abz * acz;
  const cc = acx * acx + acy * acy + acz * acz;
  const d1 = abx * apx + aby * apy + abz * apz; // along ab and ac, from each corner
  const d2 = acx * apx + acy * apy + acz * apz;
  const d3 = d1 - bb;
  const d4 = d2 - bc;
  const d5 = d1 - bc;
  const d6 = d2 - cc;
  const va = d3 * d6 - d5 * d4;
  const vb = d5 * d2 - d1 * d6;
  const vc = d1 * d4 - d3 * d2;
  let wb = 0;
  let wc = 0;
  if (d1 <= 0 && d2 <= 0) {
    // corner a
  } else if (d3 >= 0 && d4 <= d3) wb = 1;
  else if (d6 >= 0 && d5 <= d6) wc = 1;
  else if (vc <= 0 && d1 >= 0 && d3 <= 0) wb = d1 / (d1 - d3);
  else if (vb <= 0 && d2 >= 0 && d6 <= 0) wc = d2 / (d2 - d6);
  else if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) {
    wc = (d4 - d3) / (d4 - d3 + (d5 - d6));
    wb = 1 - wc;
  } else if (va + vb + vc > 0) {
    wb = vb / (va + vb + vc);
    wc = vc / (va + vb + vc);
  }
  const dx = apx - wb * abx - wc * acx;
  const dy = apy - wb * aby - wc * acy;
  const dz = apz - wb * abz - wc * acz;
  out[0] = 1 - wb - wc;
  out[1] = wb;
  out[2] = wc;
  out[3] = dx * dx + dy * dy + dz * dz;
}
