import { logitsToCoords, occupancyToCoords } from './coords.ts';

/**
 * From how high an object was seen, told by its shape in the frame of the view (frame.ts). A made thing has levels and walls, a
 * mirror plane that stands upright, and a flat base; turned back by the right pitch, its levels fall into one layer each, its walls
 * into one line of its plan. A classifier's probabilities are right to some 15° and say which way is up; the shape says the rest:
 *
 *   log p(pitch) = log p(pitch | picture) + Σ wᵢ·cueᵢ(pitch) + constant
 *
 * The cues of a shape without levels, walls or mirrors differ little from pitch to pitch, and so leave it to the picture. Mean error
 * over 120 assets that the weights were not fitted to, with a simulated classifier that errs by 14°: 1.4° for true shapes; 6.1° for
 * shapes roughened to an F-score of about 0.5 at one voxel, 7.1° at 0.4. Tried and left out, because they add nothing to these four:
 * the directions of normals and of gradients, the axes of inertia, the likeness after a half turn.
 */

/** Probabilities of a picture's pitch come in bins of 5°, from −90° to 90°. */
export const PITCH_BINS = 36;

/** The pitches that are tried, every degree from −90° to 90°. */
const PITCHES = Float64Array.from({ length: 181 }, (_, i) => ((i - 90) * Math.PI) / 180);

/** What is measured of a shape at each of the pitches, [181] each. */
export interface UprightCues {
  /** logarithm of the sum of squares of the voxels' shares in the layers, one voxel high: large when much is level */
  levels: Float32Array;
  /** logarithm of the cells of the plan, seen from above, per voxel: small when walls are upright */
  plan: Float32Array;
  /** how well upright planes through the centroid mirror the shape: the soft maximum over their azimuths, about 0 … 1 */
  mirrors: Float32Array;
  /** logarithm of the share of voxels in the lowest two layers */
  base: Float32Array;
}

/**
 * Four fifths of the weights of greatest likelihood for 380 assets, roughened (10, −14, 30, 1.3): what those cost true shapes is
 * nothing, and a shape that is wrong in a way of its own leads astray less often.
 */
const weights = { levels: 8, plan: -11, mirrors: 24, base: 1 } satisfies Record<keyof UprightCues, number>;

/**
 * The pitch of the camera that saw a shape in the frame of the view, in radians, −π/2 … π/2: `tilt(−pitch)` turns the shape upright.
 * An empty shape, or one that looks the same at every pitch, leaves it to the probabilities.
 * @param grid  logits or occupancy [R, R, R] in the frame of the view, occupied above 0; surfaces, not filled
 * @param pitchProbabilities  [36], the picture's pitch in bins of 5° from −90° to 90°; any positive sum
 * @throws RangeError when a size or the probabilities are wrong
 */
export function uprightPitch(
  grid: Float32Array | Uint8Array,
  resolution: number,
  pitchProbabilities: ArrayLike<number>,
): number {
  const prior = priorAtPitches(pitchProbabilities);
  const score = uprightScore(grid, resolution);
  const highest = score.reduce((a, b) => Math.max(a, b));
  const likelihood = score.map((s) => Math.exp(s - highest));
  const sum = likelihood.reduce((a, b) => a + b, 0);
  return likeliestPitch(prior.map((p, i) => p * (((1 - DOUBT) * likelihood[i]) / sum + DOUBT / PITCHES.length)));
}

/** Probability that a shape says nothing of its pitch, however sure it seems. */
const DOUBT = 0.1;

/** Log-likelihood of a shape at every degree from −90° to 90°, up to a constant: [181]. Arguments as of `uprightPitch`. */
export function uprightScore(grid: Float32Array | Uint8Array, resolution: number): Float64Array {
  const { levels, plan, mirrors, base } = uprightCues(grid, resolution);
  return PITCHES.map(
    (_, i) =>
      weights.levels * levels[i] + weights.plan * plan[i] + weights.mirrors * mirrors[i] + weights.base * base[i],
  );
}

/** The parts of `uprightScore`, for study; zero throughout for an empty shape. */
export function uprightCues(grid: Float32Array | Uint8Array, resolution: number): UprightCues {
  if (grid.length !== resolution ** 3)
    throw new RangeError(
      `uprightCues: the grid has ${grid.length} values, expected ${resolution}³ = ${resolution ** 3}. ` +
        'Pass one grid without batch and channel axes, and its resolution.',
    );
  const coords = grid instanceof Uint8Array ? occupancyToCoords(grid, resolution) : logitsToCoords(grid, resolution);
  const zeros = () => new Float32Array(PITCHES.length);
  const cues: UprightCues = { levels: zeros(), plan: zeros(), mirrors: zeros(), base: zeros() };
  if (coords.length === 0) return cues;
  measureLayers(coords, resolution, cues);
  measureMirrors(coords, resolution, cues.mirrors);
  return cues;
}

/** Fills in levels, plan and base. */
function measureLayers(coords: Int32Array, R: number, { levels, plan, base }: UprightCues): void {
  const N = coords.length / 3;
  const center = (R - 1) / 2;
  const margin = Math.ceil((R * (Math.SQRT2 - 1)) / 2) + 1; // for the edges of the turned grid
  const size = R + 2 * margin + 1;
  const middle = R / 2 + margin; // an unturned voxel falls into the middle of a cell
  const lastTry = new Int16Array(R * size).fill(-1); // at which pitch a cell of the plan was covered last
  for (let i = 0; i < PITCHES.length; i++) {
    const [sin, cos] = [Math.sin(PITCHES[i]), Math.cos(PITCHES[i])];
    const layers = new Float64Array(size);
    let cells = 0;
    for (let row = 0; row < coords.length; row += 3) {
      const y = coords[row + 1] - center;
      const z = coords[row + 2] - center;
      const height = cos * z - sin * y + middle;
      const layer = Math.floor(height);
      layers[layer] += layer + 1 - height; // shared by the two layers it lies between
      layers[layer + 1] += height - layer;
      const cell = coords[row] * size + Math.floor(cos * y + sin * z + middle);
      if (lastTry[cell] === i) continue;
      lastTry[cell] = i;
      cells++;
    }
    levels[i] = Math.log(layers.reduce((sum, n) => sum + n * n, 0) / N ** 2);
    plan[i] = Math.log(cells / N);
    base[i] = Math.log(baseShare(layers, N) + BASE_FLOOR);
  }
}

/** Keeps a shape that stands on a point from being infinitely unlikely. */
const BASE_FLOOR = 0.01;
/** Share of the voxels that may lie below the base: crumbs. */
const CRUMBS = 0.01;

/** Share of the voxels in the two layers above the lowest crumbs. */
function baseShare(layers: Float64Array, N: number): number {
  let lowest = 0;
  let below = 0;
  while (below + layers[lowest] < CRUMBS * N) below += layers[lowest++];
  const part = (CRUMBS * N - below) / layers[lowest]; // of the lowest layer that is crumbs
  return (layers[lowest] + layers[lowest + 1] + part * layers[lowest + 2]) / N;
}

/** Upright planes that are tried: every 7.5° of azimuth. */
const PLANES = 24;
/** Voxels that are mirrored. */
const MIRRORED = 400;
/** How much the best planes count before the others; with it the soft maximum is near the largest value. */
const SHARPNESS = 12;

function measureMirrors(coords: Int32Array, R: number, mirrors: Float32Array): void {
  const N = coords.length / 3;
  const nearness = blurred(coords, R).map(Math.sqrt);
  const centroid = [0, 1, 2].map((axis) => {
    let sum = 0;
    for (let row = axis; row < coords.length; row += 3) sum += coords[row];
    return sum / N;
  });
  const count = Math.min(N, MIRRORED);
  const points = new Float64Array(count * 3);
  let matter = 0;
  for (let n = 0; n < count; n++) {
    const row = 3 * Math.floor(((n + 0.5) * N) / count);
    for (let axis = 0; axis < 3; axis++) points[3 * n + axis] = coords[row + axis] - centroid[axis];
    matter += nearness[(coords[row] * R + coords[row + 1]) * R + coords[row + 2]];
  }
  const [cx, cy, cz] = centroid.map((c) => c + 0.5); // so that truncation rounds
  const likeness = (nx: number, ny: number, nz: number) => {
    let sum = 0;
    for (let n = 0; n < points.length; n += 3) {
      const twice = 2 * (nx * points[n] + ny * points[n + 1] + nz * points[n + 2]);
      const x = Math.floor(points[n] - twice * nx + cx);
      const y = Math.floor(points[n + 1] - twice * ny + cy);
      const z = Math.floor(points[n + 2] - twice * nz + cz);
      if (Math.min(x, y, z) >= 0 && Math.max(x, y, z) < R) sum += nearness[(x * R + y) * R + z];
    }
    return sum / matter;
  };
  for (let i = 0; i < PITCHES.length; i++) {
    const [sin, cos] = [Math.sin(PITCHES[i]), Math.cos(PITCHES[i])];
    let sum = 0;
    for (let plane = 0; plane < PLANES; plane++) {
      const azimuth = (plane * Math.PI) / PLANES;
      const forward = Math.sin(azimuth);
      sum += Math.exp(SHARPNESS * likeness(Math.cos(azimuth), forward * cos, forward * sin));
    }
    mirrors[i] = Math.log(sum / PLANES) / SHARPNESS;
  }
}

/** Occupancy summed over 1 2 3 2 1 along each axis, [R, R, R]: how near matter is. */
function blurred(coords: Int32Array, R: number): Float32Array {
  let grid = new Float32Array(R ** 3);
  for (let row = 0; row < coords.length; row += 3) grid[(coords[row] * R + coords[row + 1]) * R + coords[row + 2]] = 1;
  for (const stride of [1, R, R * R]) {
    const next = new Float32Array(R ** 3);
    for (let i = 0; i < grid.length; i++) {
      if (grid[i] === 0) continue;
      const at = Math.floor(i / stride) % R;
      for (let d = -2; d <= 2; d++) if (at + d >= 0 && at + d < R) next[i + d * stride] += grid[i] * (3 - Math.abs(d));
    }
    grid = next;
  }
  return grid;
}

/** Probability of any bin that a classifier thinks impossible. */
const PRIOR_FLOOR = 1e-3;

/** [36] → [181], not normalized: linear between the middles of the bins, level beyond the outer ones. */
function priorAtPitches(probabilities: ArrayLike<number>): Float64Array {
  const bins = Array.from(probabilities);
  const sum = bins.reduce((a, b) => a + b, 0);
  if (bins.length !== PITCH_BINS)
    throw new RangeError(
      `uprightPitch: pitchProbabilities must be [${PITCH_BINS}], got [${bins.length}]. Pass one picture's, in bins of 5°.`,
    );
  if (!(sum > 0 && sum < Infinity && bins.every((p) => p >= 0)))
    throw new RangeError(
      `uprightPitch: pitchProbabilities must be 0 or more with a positive sum, got ${bins.slice(0, 4).join(', ')}, … ` +
        'Pass them after the softmax.',
    );
  return PITCHES.map((_, i) => {
    const bin = Math.min(PITCH_BINS - 1, Math.max(0, i / 5 - 0.5));
    const low = Math.min(PITCH_BINS - 2, Math.floor(bin));
    return ((low + 1 - bin) * bins[low] + (bin - low) * bins[low + 1]) / sum + PRIOR_FLOOR;
  });
}

/** Degrees by which the likelihoods are smoothed before the highest is taken: a broad hill beats a spike. */
const SMOOTHING = 5;
/** Degrees about the highest over which the pitch is averaged. */
const NEAR = 8;

/** The mean pitch about the highest hill of likelihoods [181]. */
function likeliestPitch(likelihoods: Float64Array): number {
  const smooth = likelihoods.map((_, i) => {
    let sum = 0;
    for (let j = 0; j < likelihoods.length; j++) sum += likelihoods[j] * Math.exp(-0.5 * ((i - j) / SMOOTHING) ** 2);
    return sum;
  });
  const top = smooth.indexOf(smooth.reduce((a, b) => Math.max(a, b)));
  let sum = 0;
  let mean = 0;
  for (let i = Math.max(0, top - NEAR); i <= Math.min(PITCHES.length - 1, top + NEAR); i++) {
    sum += likelihoods[i];
    mean += likelihoods[i] * PITCHES[i];
  }
  return mean / sum;
}
