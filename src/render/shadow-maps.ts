/**
 * How far an object shades itself: its height seen from a lamp, and from directions all around it for the light of the
 * sky and the ground. Made once per object, looked up from every view.
 * Source: Williams 1978, "Casting Curved Shadows on Curved Surfaces"; the comparison filtered as in Reeves et al. 1987.
 */
import type { TexturedMesh } from './textured-mesh.ts';

export interface ShadowMaps {
  readonly size: number; // texels per side of each map
  /** Of each map, towards the light last: object → texels and height, rows u, v, d of [4]. The lamp's map is the first. */
  readonly frames: Float64Array; // [1 + D, 12]
  readonly heights: Float32Array; // [1 + D, size, size], −∞ where nothing is
  /** A point is moved off its surface by so much, lest it shade itself. */
  readonly offset: number;
}

const SIZE = 128;
/** All around, evenly: the light of the surroundings is a sum over those in front of a surface, about half of them. */
const DIRECTIONS = 16;

/** Unit directions on a Fibonacci lattice, [D, 3]. */
export const surroundings: Float64Array = Float64Array.from({ length: DIRECTIONS * 3 }, (_, i) => {
  const k = Math.floor(i / 3);
  const z = 1 - (2 * k + 1) / DIRECTIONS;
  const yaw = k * Math.PI * (3 - Math.sqrt(5));
  const r = Math.sqrt(1 - z * z);
  return [r * Math.cos(yaw), r * Math.sin(yaw), z][i % 3];
});

/**
 * @param lamp  where the lamp stands; seen from afar, so that its rays are taken as parallel
 * @param known  maps of the same mesh with the lamp elsewhere: only its own is drawn anew, and those are used up
 */
export function shadowMaps(
  mesh: TexturedMesh,
  lamp: readonly [number, number, number],
  known?: ShadowMaps,
): ShadowMaps {
  const { center, radius } = boundingSphere(mesh.positions);
  const frames = known?.frames ?? new Float64Array((1 + DIRECTIONS) * 12);
  const heights = known?.heights ?? new Float32Array((1 + DIRECTIONS) * SIZE * SIZE);
  heights.fill(-Infinity, 0, known ? SIZE * SIZE : undefined);
  const casters = castersOf(mesh);
  for (let k = 0; k <= (known ? 0 : DIRECTIONS); k++) {
    const towards = k === 0 ? lamp.map((value, c) => value - center[c]) : [...surroundings.subarray(3 * k - 3, 3 * k)];
    frames.set(frameOf(towards, center, radius), 12 * k);
    drawHeights(
      mesh,
      casters,
      frames.subarray(12 * k, 12 * k + 12),
      heights.subarray(k * SIZE * SIZE, (k + 1) * SIZE * SIZE),
    );
  }
  return { size: SIZE, frames, heights, offset: (1.5 * 2 * radius) / SIZE };
}

/** How much of light k reaches the point, in [0, 1]: the mean of four comparisons, weighted as a bilinear lookup is. */
export function reaches({ size, frames, heights }: ShadowMaps, k: number, x: number, y: number, z: number): number {
  const f = 12 * k;
  const u = frames[f] * x + frames[f + 1] * y + frames[f + 2] * z + frames[f + 3] - 0.5;
  const v = frames[f + 4] * x + frames[f + 5] * y + frames[f + 6] * z + frames[f + 7] - 0.5;
  if (!(u >= 0 && v >= 0 && u < size - 1 && v < size - 1)) return 1;
  const height = frames[f + 8] * x + frames[f + 9] * y + frames[f + 10] * z + frames[f + 11];
  const u0 = u | 0;
  const v0 = v | 0;
  const at = (k * size + v0) * size + u0;
  const a = heights[at] <= height;
  const b = heights[at + 1] <= height;
  const c = heights[at + size] <= height;
  const d = heights[at + size + 1] <= height;
  if (a === b && b === c && c === d) return a ? 1 : 0; // nearly everywhere
  const fu = u - u0;
  const fv = v - v0;
  return (a ? (1 - fu) * (1 - fv) : 0) + (b ? fu * (1 - fv) : 0) + (c ? (1 - fu) * fv : 0) + (d ? fu * fv : 0);
}

function boundingSphere(positions: Float32Array): { center: number[]; radius: number } {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    const c = i % 3;
    if (positions[i] < low[c]) low[c] = positions[i];
    if (positions[i] > high[c]) high[c] = positions[i];
  }
  const center = low.map((value, c) => (value + high[c]) / 2);
  const radius = Math.hypot(...high.map((value, c) => value - center[c]));
  return { center, radius: radius > 0 && Number.isFinite(radius) ? radius : 1 };
}

/** Translucent triangles cast no shadow; what is cut out casts a whole one. */
function castersOf({ materialOf, materials }: TexturedMesh): Uint32Array {
  const casts = materials.map(({ alphaMode }) => alphaMode !== 'blend');
  return Uint32Array.from(materialOf.keys()).filter((t) => casts[materialOf[t]]);
}

/** The sphere fills the map but for a texel on each side. */
function frameOf(towards: readonly number[], center: readonly number[], radius: number): number[] {
  const length = Math.hypot(...towards) || 1;
  const d = towards.map((value) => value / length);
  const side = Math.abs(d[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0];
  const across = cross(side, d);
  const u = across.map((value) => value / Math.hypot(...across));
  const v = cross(d, u);
  const scale = (SIZE - 2) / (2 * radius);
  const row = (axis: readonly number[], factor: number, middle: number) => [
    ...axis.map((value) => value * factor),
    middle - factor * axis.reduce((sum, value, c) => sum + value * center[c], 0),
  ];
  return [...row(u, scale, SIZE / 2), ...row(v, scale, SIZE / 2), ...row(d, 1, 0)];
}

const cross = (a: readonly number[], b: readonly number[]): number[] => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** The greatest height at every texel's middle that a triangle covers. */
function drawHeights(
  { positions, triangles }: TexturedMesh,
  casters: Uint32Array,
  f: Float64Array,
  heights: Float32Array,
): void {
  const seen = new Float32Array(positions.length);
  for (let i = 0; i < positions.length; i += 3) {
    const x = positions[i];
    const y = positions[i + 1];
    const z = positions[i + 2];
    seen[i] = f[0] * x + f[1] * y + f[2] * z + f[3];
    seen[i + 1] = f[4] * x + f[5] * y + f[6] * z + f[7];
    seen[i + 2] = f[8] * x + f[9] * y + f[10] * z + f[11];
  }
  for (const t of casters) {
    const a = 3 * triangles[3 * t];
    const b = 3 * triangles[3 * t + 1];
    const c = 3 * triangles[3 * t + 2];
    const ax = seen[a];
    const ay = seen[a + 1];
    const bx = seen[b];
    const by = seen[b + 1];
    const cx = seen[c];
    const cy = seen[c + 1];
    const minX = Math.ceil(Math.min(ax, bx, cx) - 0.5);
    const maxX = Math.floor(Math.max(ax, bx, cx) - 0.5);
    const minY = Math.ceil(Math.min(ay, by, cy) - 0.5);
    const maxY = Math.floor(Math.max(ay, by, cy) - 0.5);
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (minX > maxX || minY > maxY || area === 0) continue;
    // Weights and height are linear in x and y.
    const dax = (by - cy) / area;
    const day = (cx - bx) / area;
    const dbx = (cy - ay) / area;
    const dby = (ax - cx) / area;
    const ha = seen[a + 2];
    const hb = seen[b + 2];
    const hc = seen[c + 2];
    const fromX = Math.max(0, minX);
    const toX = Math.min(SIZE - 1, maxX);
    for (let y = Math.max(0, minY); y <= maxY && y < SIZE; y++) {
      let wa = dax * (fromX + 0.5 - cx) + day * (y + 0.5 - cy);
      let wb = dbx * (fromX + 0.5 - cx) + dby * (y + 0.5 - cy);
      let at = y * SIZE + fromX;
      for (let x = fromX; x <= toX; x++, at++, wa += dax, wb += dbx) {
        const wc = 1 - wa - wb;
        if (wa < 0 || wb < 0 || wc < 0) continue;
        const height = wa * ha + wb * hb + wc * hc;
        if (height > heights[at]) heights[at] = height;
      }
    }
  }
}
