/**
 * How far two surfaces are from each other, by points drawn on both: mean distance to the nearest point (Chamfer), and how many
 * points have one within a threshold (F-score).
 * Source: reference/training.md §22.3; Knapitsch et al. 2017, "Tanks and Temples", eq. 3–5.
 */
import type { Generator } from '../tensor/index.ts';

export interface Surface {
  readonly positions: Float32Array; // [V, 3]
  readonly indices: Uint32Array; // [F, 3]
}

export interface SurfaceDistance {
  /** Mean distance from a point to the nearest of the other surface, averaged over both directions. */
  readonly chamfer: number;
  /** Harmonic mean of the shares of points that have one of the other surface within the threshold, 0 … 1. */
  readonly fScore: number;
}

export interface SurfaceDistanceOptions {
  rng: Generator;
  /** Points on each surface. */
  points?: number;
  /** Of the F-score, in units of the surfaces. */
  threshold?: number;
}

/** @throws RangeError when a surface has no area */
export function surfaceDistance(
  a: Surface,
  b: Surface,
  { rng, points = 50_000, threshold = 0.01 }: SurfaceDistanceOptions,
): SurfaceDistance {
  const [pointsA, pointsB] = [sampleSurface(a, points, rng), sampleSurface(b, points, rng)];
  const [toB, toA] = [nearestDistances(pointsA, pointsB), nearestDistances(pointsB, pointsA)];
  const mean = (d: Float64Array) => d.reduce((s, v) => s + v, 0) / d.length;
  const share = (d: Float64Array) => d.reduce((n, v) => n + (v <= threshold ? 1 : 0), 0) / d.length;
  const [precision, recall] = [share(toB), share(toA)];
  return {
    chamfer: (mean(toB) + mean(toA)) / 2,
    fScore: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
  };
}

/** Points [N, 3], uniform over the area. @throws RangeError when there is none */
export function sampleSurface({ positions: p, indices }: Surface, count: number, rng: Generator): Float32Array {
  const upTo = new Float64Array(indices.length / 3); // area of this triangle and all before it
  let total = 0;
  for (let f = 0; f < upTo.length; f++) {
    const [a, b, c] = [3 * indices[3 * f], 3 * indices[3 * f + 1], 3 * indices[3 * f + 2]];
    const [ux, uy, uz] = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
    const [vx, vy, vz] = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
    total += Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx) / 2;
    upTo[f] = total;
  }
  if (!(total > 0))
    throw new RangeError(`sampleSurface: ${upTo.length} triangles have no area. There is nothing to compare.`);
  const random = rng.uniform(3 * count);
  const points = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    let [low, high] = [0, upTo.length - 1];
    const place = random[3 * i] * total;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle] > place) high = middle;
      else low = middle + 1;
    }
    const [root, v] = [Math.sqrt(random[3 * i + 1]), random[3 * i + 2]];
    const weights = [1 - root, root * (1 - v), root * v];
    for (let c = 0; c < 3; c++)
      for (let k = 0; k < 3; k++) points[3 * i + c] += weights[k] * p[3 * indices[3 * low + k] + c];
  }
  return points;
}

/**
 * From each of `from` [N, 3] to the nearest of `to` [M, 3], through a grid with some ten points in a cell that the surface
 * crosses: with one in a cell, far points walked through thousands of empty ones.
 */
function nearestDistances(from: Float32Array, to: Float32Array): Float64Array {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const points of [from, to])
    for (let i = 0; i < points.length; i++) {
      low[i % 3] = Math.min(low[i % 3], points[i]);
      high[i % 3] = Math.max(high[i % 3], points[i]);
    }
  const longest = Math.max(...low.map((v, c) => high[c] - v)) || 1;
  const side = Math.min(128, Math.max(1, Math.ceil(Math.sqrt(to.length / 150))));
  const cell = (longest / side) * (1 + 1e-9);
  const cellAt = (points: Float32Array, i: number, c: number) => Math.floor((points[3 * i + c] - low[c]) / cell);
  const cellOf = (i: number) => (cellAt(to, i, 0) * side + cellAt(to, i, 1)) * side + cellAt(to, i, 2);
  const starts = new Uint32Array(side ** 3 + 1);
  const count = to.length / 3;
  for (let i = 0; i < count; i++) starts[cellOf(i) + 1]++;
  for (let i = 0; i < side ** 3; i++) starts[i + 1] += starts[i];
  const cursor = starts.slice();
  const sorted = new Uint32Array(count);
  for (let i = 0; i < count; i++) sorted[cursor[cellOf(i)]++] = i;

  const out = new Float64Array(from.length / 3);
  for (let i = 0; i < out.length; i++) {
    const [x, y, z] = [from[3 * i], from[3 * i + 1], from[3 * i + 2]];
    const [cx, cy, cz] = [cellAt(from, i, 0), cellAt(from, i, 1), cellAt(from, i, 2)];
    let nearest = Infinity; // squared
    // shells of cells outwards, until none can hold a nearer point
    for (let ring = 0; ring < side && nearest > (Math.max(0, ring - 1) * cell) ** 2; ring++)
      for (let dx = -ring; dx <= ring; dx++)
        for (let dy = -ring; dy <= ring; dy++) {
          const onRim = Math.abs(dx) === ring || Math.abs(dy) === ring;
          for (let dz = -ring; dz <= ring; dz += onRim ? 1 : 2 * ring) {
            const [gx, gy, gz] = [cx + dx, cy + dy, cz + dz];
            if (Math.min(gx, gy, gz) < 0 || Math.max(gx, gy, gz) >= side) continue;
            const at = (gx * side + gy) * side + gz;
            for (let k = starts[at]; k < starts[at + 1]; k++) {
              const j = 3 * sorted[k];
              const square = (to[j] - x) ** 2 + (to[j + 1] - y) ** 2 + (to[j + 2] - z) ** 2;
              if (square < nearest) nearest = square;
            }
          }
        }
    out[i] = Math.sqrt(nearest);
  }
  return out;
}
