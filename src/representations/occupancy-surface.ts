import { blurGrid } from './blur-grid.ts';
import { fillInterior } from './fill-interior.ts';
import { keepMainComponents } from './mesh-components.ts';
import type { SurfaceMesh } from './surface-mesh.ts';
import { surfaceNets } from './surface-nets.ts';
import { taubinSmoothing } from './taubin-smoothing.ts';
import { vertexNormals } from './vertex-normals.ts';

export interface OccupancySurfaceOptions {
  /** Fill what air cannot reach from outside, so that a shell becomes one solid. */
  fillInterior?: boolean;
  /** Voxels by which holes in the shell are bridged while filling, see `fillInterior`. */
  sealGaps?: number;
  /** Standard deviation of the blur of the field, in voxels; 0 for none. */
  blur?: number;
  /** Pairs of Taubin steps over the finished mesh. */
  smoothingPasses?: number;
  /** Parts with less than this share of the largest part's area are dropped. */
  minShare?: number;
}

const DEFAULTS: Required<OccupancySurfaceOptions> = {
  fillInterior: true,
  sealGaps: 0,
  blur: 0.8,
  smoothingPasses: 4,
  minShare: 0.01,
};

/**
 * A smooth closed surface around the matter of an occupancy grid.
 *
 * logits [R, R, R], z fastest, > 0 is matter; the voxel (i, j, k) is the cube [i/R, (i+1)/R] − 0.5 and so on. Parts one
 * voxel thin stay. Every edge of the mesh belongs to exactly two triangles, also where matter touches the border.
 * @throws when the grid has no matter, or its size is not R³
 */
export function occupancySurface(
  logits: Float32Array,
  resolution: number,
  options: OccupancySurfaceOptions = {},
): SurfaceMesh {
  const settings = { ...DEFAULTS, ...options };
  const R = resolution;
  if (logits.length !== R ** 3) {
    throw new Error(
      `occupancySurface: logits have ${logits.length} values, expected ${R}³ = ${R ** 3}. ` +
        'Pass one grid without batch and channel axes, and its resolution.',
    );
  }
  let occupancy: Uint8Array = new Uint8Array(R ** 3);
  for (let i = 0; i < logits.length; i++) occupancy[i] = logits[i] > 0 ? 1 : 0;
  if (!occupancy.includes(1)) {
    throw new Error(
      `occupancySurface: none of the ${R}³ logits is above 0, so there is no matter to wrap. ` +
        'Sample the structure again with another seed, or check that logits and not probabilities are passed.',
    );
  }
  const field = new Float32Array(R ** 3);
  for (let i = 0; i < logits.length; i++) field[i] = Math.min(1, Math.max(-1, logits[i] / SATURATED_LOGIT));
  if (settings.fillInterior) {
    const filled = fillInterior(occupancy, R, settings.sealGaps);
    for (let i = 0; i < field.length; i++) if (filled[i] && !occupancy[i]) field[i] = 1;
    occupancy = filled;
    raiseBuriedLogits(field, occupancy, R);
  }

  const n = R + 2 * PAD;
  const padded = new Float32Array(n ** 3).fill(-1);
  const paddedOccupancy = new Uint8Array(n ** 3);
  for (let x = 0; x < R; x++)
    for (let y = 0; y < R; y++) {
      const src = (x * R + y) * R;
      const dst = ((x + PAD) * n + y + PAD) * n + PAD;
      padded.set(field.subarray(src, src + R), dst);
      paddedOccupancy.set(occupancy.subarray(src, src + R), dst);
    }
  const smooth = settings.blur > 0 ? blurGrid(padded, n, settings.blur) : padded;
  const thick = thickParts(paddedOccupancy, n);
  for (let i = 0; i < smooth.length; i++) {
    if (paddedOccupancy[i]) smooth[i] = Math.max(smooth[i], thick[i] ? THICK_FLOOR : THIN_FLOOR);
  }
  clearBorder(smooth, n);

  const nets = surfaceNets(smooth, n);
  const main = keepMainComponents(nets.positions, nets.indices, settings.minShare);
  const positions = taubinSmoothing(main.positions, main.indices, settings.smoothingPasses);
  // the sample (i, j, k) of the padded grid is the center of the voxel (i, j, k) − PAD
  for (let i = 0; i < positions.length; i++) positions[i] = (positions[i] - PAD + 0.5) / R - 0.5;
  return { positions, indices: main.indices, normals: vertexNormals(positions, main.indices) };
}

const SATURATED_LOGIT = 4; // beyond it a voxel counts as certain
const PAD = 2;
const THIN_FLOOR = 0.5; // of the blurred field in matter that is one voxel thin: keeps about 3/4 of its thickness
const THICK_FLOOR = 0.02; // elsewhere: blur may round corners, but not remove voxels

/** Inside a solid weak logits would dent nothing but the blur; they count as certain there. field, occupancy [R, R, R]. */
function raiseBuriedLogits(field: Float32Array, occupancy: Uint8Array, R: number): void {
  for (let x = 1; x < R - 1; x++)
    for (let y = 1; y < R - 1; y++)
      for (let z = 1; z < R - 1; z++) {
        const i = (x * R + y) * R + z;
        if (!occupancy[i]) continue;
        const faces = [i - 1, i + 1, i - R, i + R, i - R * R, i + R * R];
        if (faces.every((j) => occupancy[j])) field[i] = 1;
      }
}

/** The matter that lies in some full block of 2×2×2 voxels. occupancy [n, n, n] with an empty border → [n, n, n]. */
function thickParts(occupancy: Uint8Array, n: number): Uint8Array {
  const thick = new Uint8Array(occupancy.length);
  const block = [0, 1, n, n + 1, n * n, n * n + 1, n * n + n, n * n + n + 1];
  for (let i = 0; i + block[7] < occupancy.length; i++) {
    if (occupancy[i] && block.every((o) => occupancy[i + o])) for (const o of block) thick[i + o] = 1;
  }
  return thick;
}

/** Air on the outermost layer, so that the surface closes inside the grid. */
function clearBorder(field: Float32Array, n: number): void {
  for (let a = 0; a < n; a++)
    for (let b = 0; b < n; b++)
      for (const edge of [0, n - 1]) {
        for (const i of [(edge * n + a) * n + b, (a * n + edge) * n + b, (a * n + b) * n + edge]) {
          field[i] = Math.min(field[i], -0.5);
        }
      }
}
