/**
 * A shape held against the outline of its picture, in the frame `view`: the camera stands on −y and looks along +y, so the
 * picture lies over the shape but for perspective. What shows beside the outline is taken away, what it shows and the shape
 * lacks is added. The camera is not known; it is found from what the frame says of it, and from the shape.
 */
import { PICTURE_MARGIN } from '../0-condition/index.ts';
import { logitsToCoords } from './coords.ts';
import { squaredDistanceTransform } from './distance-transform.ts';

/** The pixels of a prepared picture that show the object: mask [size, size], 1 or 0, row 0 at the top. */
export interface Outline {
  readonly size: number;
  readonly mask: Uint8Array;
}

/** A camera at (0, −distance, 0), the square it sees given in tangents: lengths at a depth of 1. */
export interface ViewCamera {
  /** from the middle of the cube, > 0.5 */
  readonly distance: number;
  /** side of the picture */
  readonly span: number;
  /** middle of the picture: to the right, down */
  readonly center: readonly [number, number];
}

/**
 * Logits made to agree with an outline: a voxel whose picture lies beside it is emptied; where the outline shows something and
 * no voxel does, the likeliest place of that line of sight is occupied, nearness to the shape counted in, at a depth like those about it.
 * @param logits   [R, R, R], occupied above 0, in the frame `view`; given back as they are when nothing is occupied
 * @param outline  of the same object; an empty one says nothing, and the logits are given back as they are
 * @param camera   where it is known; found from shape and outline where not
 * @throws RangeError when a size is not that of its data
 */
export function agreeWithOutline(
  logits: Float32Array,
  resolution: number,
  outline: Outline,
  camera?: ViewCamera,
): Float32Array {
  expectSizes('agreeWithOutline', logits, resolution, outline);
  if (!outline.mask.some(Boolean) || !logits.some((v) => v > 0)) return logits;
  const seen = sight(camera ?? cameraOfOutline(logits, resolution, outline), resolution, outline.size);
  const out = logits.slice();
  emptyBeside(out, seen, outline);
  occupyMissing(out, seen, outline);
  return out;
}

/**
 * The camera from which the shape fills the outline best, not far from a usual one. A shape that fits tells its camera well, a
 * poor one badly: so the logarithm of the misfit is weighed against the distance from the usual camera.
 * F-scores at 1 and 2 voxels of a small model's consensus, 54 views: before .350/.477, after .367/.501; with the true camera
 * .394/.534; framed by the shape as it is, .362/.494; searched without the second term, .357/.487.
 */
export function cameraOfOutline(logits: Float32Array, resolution: number, outline: Outline): ViewCamera {
  expectSizes('cameraOfOutline', logits, resolution, outline);
  const coords = logitsToCoords(logits, resolution);
  const mask = resized(outline, SEARCH_SIZE);
  const cost = (pose: Pose) => {
    const shown = silhouette(coords, sight(cameraOf(pose), resolution, SEARCH_SIZE));
    return Math.log(LEAST_MISFIT + 1 - pixelIou(shown, mask)) + PRIOR_WEIGHT * strangeness(pose);
  };
  let [best, least] = [USUAL, cost(USUAL)];
  const attempt = (pose: Pose): boolean => {
    const value = cost(pose);
    if (!(value < least)) return false;
    [best, least] = [pose, value];
    return true;
  };
  if (coords.length === 0) return cameraOf(best);
  for (const logWidth of [-0.1, -0.2, -0.35, -0.5, -0.7]) attempt([logWidth, 0, 0, 0]);
  for (const step of [1, 0.5, 0.25])
    for (let round = 0; round < 2; round++)
      for (const [axis, size] of STEPS.entries())
        attempt(moved(best, axis, size * step)) || attempt(moved(best, axis, -size * step));
  return cameraOf(best);
}

/**
 * Logarithm of the longer of the shape's width and height, which is 1 unless it is deepest; the middle of the picture, right and
 * down, in spans; logarithm of the distance over the usual one.
 */
type Pose = readonly [number, number, number, number];

const USUAL: Pose = [0, 0, 0, 0];
const STEPS = [0.06, 0.02, 0.02, 0.5];

/** How far the poses of the condition views are scattered, 150 of them; of the distance .45, and more so that far ones are found. */
const SPREAD = [0.1, 0.025, 0.035, 0.7];
/** The same for shapes wider than 1, which only perspective makes them. */
const SPREAD_ABOVE = 0.05;

/** Of the middle of a cube, the median of those views. */
const USUAL_DISTANCE = 2;
/** Width in the picture over what it is at the depth of the cube's middle, the median: the widest part is in front of it. */
const NEARNESS = 1.04;

/** True shapes keep .99 of their voxels at every field of view; at 0.12 .986 from 60° on, for .001 more of a poor one's F-score. */
const PRIOR_WEIGHT = 0.08;
/** Share of the pixels by which even the true shape misses: voxels are coarser than pixels. */
const LEAST_MISFIT = 0.03;
/** Pixels per side of the outline in the search: about one per voxel. */
const SEARCH_SIZE = 64;

function cameraOf([logWidth, right, down, logDistance]: Pose): ViewCamera {
  const distance = USUAL_DISTANCE * Math.exp(logDistance);
  const span = (PICTURE_MARGIN * NEARNESS * Math.exp(logWidth)) / distance;
  return { distance, span, center: [right * span, down * span] };
}

function strangeness(pose: Pose): number {
  const spread = (axis: number) => (axis === 0 && pose[0] > 0 ? SPREAD_ABOVE : SPREAD[axis]);
  return pose.reduce((sum, value, axis) => sum + (value / spread(axis)) ** 2, 0);
}

function moved(pose: Pose, axis: number, by: number): Pose {
  const [a, b, c, d] = pose.map((value, i) => (i === axis ? value + by : value));
  return [a, b, c, d];
}

/** Where voxel (x, y, z) is seen: pixel right + (x + ½ − R/2)·pixels[y] from the left, down − (z + ½ − R/2)·pixels[y] from the top. */
interface Sight {
  readonly resolution: number;
  readonly size: number;
  readonly right: number;
  readonly down: number;
  /** width of a voxel, by its depth */
  readonly pixels: Float64Array;
}

function sight({ distance, span, center }: ViewCamera, resolution: number, size: number): Sight {
  const depth = (y: number) => Math.max(NEAREST, distance + (y + 0.5) / resolution - 0.5);
  return {
    resolution,
    size,
    right: (0.5 - center[0] / span) * size,
    down: (0.5 - center[1] / span) * size,
    pixels: Float64Array.from({ length: resolution }, (_, y) => size / span / depth(y) / resolution),
  };
}

/** Depth of what is nearer still, behind the camera even. */
const NEAREST = 0.05;

/** The pixels, first and last, whose middles are within `reach` of `at`; one at least, perhaps outside the picture. */
const firstPixel = (at: number, reach: number) => Math.ceil(at - Math.max(reach, 0.5) - 0.5);
const lastPixel = (at: number, reach: number) => Math.floor(at + Math.max(reach, 0.5) - 0.5);

/** Calls `visit` with each voxel's index and the pixels [x0, x1] × [y0, y1] within `reach` of its middle, in voxels. */
function eachVoxel(
  { resolution: R, right, down, pixels }: Sight,
  reach: number,
  visit: (index: number, x0: number, x1: number, y0: number, y1: number) => void,
): void {
  for (let x = 0, index = 0; x < R; x++)
    for (let y = 0; y < R; y++) {
      const [u, near] = [right + (x + 0.5 - R / 2) * pixels[y], reach * pixels[y]];
      const [x0, x1] = [firstPixel(u, near), lastPixel(u, near)];
      for (let z = 0; z < R; z++, index++) {
        const v = down - (z + 0.5 - R / 2) * pixels[y];
        visit(index, x0, x1, firstPixel(v, near), lastPixel(v, near));
      }
    }
}

/**
 * How far, in voxels, the middle of a voxel may lie beside the outline: half of its width, and what the camera may be off. True
 * shapes keep .996 of their voxels (of 100 views; about .003 less at 1), poor ones gain .002 less of F-score than at 1.
 */
const TOLERANCE = 1.25;
/** How far from its middle an occupied voxel counts as seen: as far, so that what nearly agrees is left alone. */
const COVER = 1.25;

/** Logits of what is taken away and of what is added. */
const EMPTIED = -2;
const ADDED = 1;

function emptyBeside(logits: Float32Array, seen: Sight, { size, mask }: Outline): void {
  const sums = summedArea(mask, size);
  const clamped = (value: number) => Math.min(size, Math.max(0, value));
  eachVoxel(seen, TOLERANCE, (index, x0, x1, y0, y1) => {
    if (!(logits[index] > EMPTIED)) return;
    const [left, right] = [clamped(x0), clamped(x1 + 1)];
    const [top, bottom] = [clamped(y0) * (size + 1), clamped(y1 + 1) * (size + 1)];
    const shown = sums[bottom + right] - sums[bottom + left] - sums[top + right] + sums[top + left];
    if (shown === 0) logits[index] = EMPTIED;
  });
}

/** Log-odds that a voxel which is added loses for each voxel it lies away from the shape: parts hang together. */
const APART = 1;

function occupyMissing(logits: Float32Array, seen: Sight, { size, mask }: Outline): void {
  const missing = mask.slice();
  eachVoxel(seen, COVER, (index, x0, x1, y0, y1) => {
    if (!(logits[index] > 0)) return;
    for (let y = Math.max(0, y0); y <= Math.min(size - 1, y1); y++)
      missing.fill(0, y * size + Math.max(0, x0), y * size + Math.max(0, Math.min(size, x1 + 1)));
  });
  if (!missing.some(Boolean)) return;
  const squared = squaredDistanceTransform(
    Uint8Array.from(logits, (v) => Number(v > 0)),
    seen.resolution,
  );
  const most = new Float32Array(size * size).fill(-Infinity);
  const likeliest = new Int32Array(size * size).fill(-1);
  eachVoxel(seen, 0.5, (index, x0, x1, y0, y1) => {
    for (let y = Math.max(0, y0); y <= Math.min(size - 1, y1); y++)
      for (let x = Math.max(0, x0), k = y * size + x; x <= Math.min(size - 1, x1); x++, k++)
        if (missing[k]) {
          const likeness = logits[index] - APART * Math.sqrt(squared[index]);
          if (!(likeness > most[k])) continue;
          most[k] = likeness;
          likeliest[k] = index;
        }
  });
  const R = seen.resolution;
  for (const index of smoothed(likeliest, seen)) {
    if (index < 0) continue;
    const y = Math.floor(index / R) % R;
    for (let d = Math.max(-DEEPER, -y); d <= Math.min(DEEPER, R - 1 - y); d++)
      logits[index + d * R] = Math.max(ADDED, logits[index + d * R]);
  }
}

/** Voxels of the line of sight, before and behind the one that is added, that are occupied with it: handles hold. */
const DEEPER = 1;
/** Pixels to each side over which the depth of what is added is the median: depths of single pixels would stand out as spikes. */
const SMOOTHED = 4;

/** For each pixel a voxel in its line of sight, or −1: the same at the median depth of those about it. */
function smoothed(voxels: Int32Array, { resolution: R, size, right, down, pixels }: Sight): Int32Array {
  const depth = (voxel: number) => Math.floor(voxel / R) % R;
  return voxels.map((voxel, k) => {
    if (voxel < 0) return -1;
    const [px, py] = [k % size, Math.floor(k / size)];
    const depths: number[] = [];
    for (let y = Math.max(0, py - SMOOTHED); y <= Math.min(size - 1, py + SMOOTHED); y++)
      for (let x = Math.max(0, px - SMOOTHED); x <= Math.min(size - 1, px + SMOOTHED); x++)
        if (voxels[y * size + x] >= 0) depths.push(depth(voxels[y * size + x]));
    const y = depths.sort((a, b) => a - b)[depths.length >> 1];
    const x = Math.floor((px + 0.5 - right) / pixels[y] + R / 2);
    const z = Math.floor((down - py - 0.5) / pixels[y] + R / 2);
    return Math.min(x, z) >= 0 && Math.max(x, z) < R ? (x * R + y) * R + z : voxel;
  });
}

/** Sums over the pixels above and to the left of each corner: [size + 1, size + 1]. */
function summedArea(mask: Uint8Array, size: number): Int32Array {
  const sums = new Int32Array((size + 1) ** 2);
  for (let y = 0, k = size + 2; y < size; y++, k++)
    for (let x = 0, row = 0; x < size; x++, k++) {
      row += mask[y * size + x];
      sums[k] = sums[k - size - 1] + row;
    }
  return sums;
}

/** The pixels that show one of the voxels, coords [N, 3], each as a square of its width. */
function silhouette(coords: Int32Array, { resolution, size, right, down, pixels }: Sight): Uint8Array {
  const shown = new Uint8Array(size * size);
  for (let i = 0; i < coords.length; i += 3) {
    const width = pixels[coords[i + 1]];
    const u = right + (coords[i] + 0.5 - resolution / 2) * width;
    const v = down - (coords[i + 2] + 0.5 - resolution / 2) * width;
    const [x0, x1] = [Math.max(0, firstPixel(u, width / 2)), Math.min(size - 1, lastPixel(u, width / 2))];
    const [y0, y1] = [Math.max(0, firstPixel(v, width / 2)), Math.min(size - 1, lastPixel(v, width / 2))];
    for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) shown[y * size + x] = 1;
  }
  return shown;
}

function pixelIou(a: Uint8Array, b: Uint8Array): number {
  let [both, either] = [0, 0];
  for (let k = 0; k < a.length; k++) {
    both += a[k] & b[k];
    either += a[k] | b[k];
  }
  return either === 0 ? 1 : both / either;
}

/** The mask with as many pixels per side as asked, each as the outline has it in its middle. */
function resized({ size, mask }: Outline, to: number): Uint8Array {
  const from = (i: number) => Math.floor(((i + 0.5) * size) / to);
  return Uint8Array.from({ length: to * to }, (_, k) => mask[from(Math.floor(k / to)) * size + from(k % to)]);
}

function expectSizes(caller: string, logits: Float32Array, resolution: number, { size, mask }: Outline): void {
  if (logits.length !== resolution ** 3)
    throw new RangeError(
      `${caller}: logits must be [${resolution}, ${resolution}, ${resolution}], ${resolution ** 3} values, got ${logits.length}. ` +
        'Pass one grid without batch and channel axes, and its resolution.',
    );
  if (mask.length !== size * size)
    throw new RangeError(
      `${caller}: outline.mask must be [${size}, ${size}], ${size * size} pixels, got ${mask.length}. ` +
        'Pass one byte per pixel of a prepared picture, which is square.',
    );
}
