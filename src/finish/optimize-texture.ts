/**
 * A texture by gradient descent: the textured mesh, drawn from where each picture was taken, comes to look like the picture,
 * while neighboring texels stay alike.
 *
 *   loss = mean |drawn − picture| over the pixels of one view + tvWeight · (mean |Δ rows| + mean |Δ columns|)
 *
 * Source: microsoft/TRELLIS, `trellis/utils/postprocessing_utils.py`, mode 'opt'; reference/pipelines.md §15.6. There the texture begins
 * black and takes 2500 steps; here it begins as the blend of the views.
 */
import type { RgbaPicture } from '../formats/index.ts';
import { drawNearestFaces, emptyNearestFaces } from '../representations/index.ts';
import type { BakeProgress } from './bake-surface.ts';
import { type BakeView, expectSquare, projectInto } from './blend-views.ts';
import { chartTexels } from './chart-texels.ts';
import type { RawMesh } from './raw-mesh.ts';
import {
  emptyPyramid,
  fillPyramid,
  fillPyramidBackward,
  type LookupPlaces,
  lookup,
  lookupBackward,
} from './texture-lookup.ts';
import { turnOfEvents } from './turn-of-events.ts';

export interface OptimizeOptions {
  /** Views looked at, one after the other. */
  steps?: number;
  /** Of the first step, in values of 0 … 1; it falls along a half cosine to a thousandth. */
  learningRate?: number;
  /** Weight of the total variation. */
  tvWeight?: number;
}

export const OPTIMIZE_DEFAULTS: Required<OptimizeOptions> = { steps: 300, learningRate: 1e-2, tvWeight: 1e-2 };

/** Adam's, as published. */
const BETA1 = 0.5;
const BETA2 = 0.9;
const EPSILON = 1e-8;

export interface OptimizedTexture {
  readonly texture: RgbaPicture;
  /** Mean |drawn − picture| over all views, before and after. */
  readonly difference: readonly [number, number];
}

export async function optimizeTexture(
  mesh: RawMesh & { readonly uvs: Float32Array },
  views: readonly BakeView[],
  start: RgbaPicture,
  options: OptimizeOptions & BakeProgress = {},
): Promise<OptimizedTexture> {
  const { steps, learningRate, tvWeight, signal, onProgress } = { ...OPTIMIZE_DEFAULTS, ...options };
  if (!Number.isInteger(steps) || steps < 1)
    throw new RangeError(`optimizeTexture: steps must be a whole number of at least 1, got ${steps}.`);
  if (!(learningRate > 0 && tvWeight >= 0))
    throw new RangeError(
      `optimizeTexture: learningRate must be above 0 and tvWeight at least 0, got ${learningRate} and ${tvWeight}.`,
    );
  const size = start.width;
  const observed: ObservedPixels[] = [];
  for (const [number, view] of views.entries()) {
    expectSquare(number, view.picture);
    await turnOfEvents(signal);
    onProgress?.((0.1 * number) / views.length);
    const pixels = observedPixels(mesh, view, size);
    if (pixels.count > 0) observed.push(pixels);
  }
  const highest = observed.reduce((most, { level }) => level.reduce((a, b) => Math.max(a, b), most), 0);
  const pyramid = emptyPyramid(size, Math.ceil(highest) + 1);
  const gradient = emptyPyramid(size, pyramid.levels.length);
  const texels = pyramid.levels[0];
  for (let at = 0; at < size * size; at++)
    for (let c = 0; c < 3; c++) texels[3 * at + c] = start.data[4 * at + c] / 255;
  const spans = spansInUse(mesh, size);
  const mean = new Float32Array(texels.length);
  const square = new Float32Array(texels.length);
  const drawn = new Float32Array(observed.reduce((most, { count }) => Math.max(most, count), 0) * 3);
  const before = await differenceOf(observed, pyramid, drawn, signal);
  const stride = strideThrough(observed.length);
  for (let step = 0; step < steps; step++) {
    // A step takes some tens of milliseconds.
    if (step % 2 === 0) {
      await turnOfEvents(signal);
      onProgress?.(0.1 + (0.9 * step) / steps);
    }
    const pixels = observed[(step * stride) % observed.length];
    fillPyramid(pyramid);
    lookup(pyramid, pixels, drawn);
    const share = 1 / (3 * pixels.count);
    for (let i = 0; i < 3 * pixels.count; i++) drawn[i] = Math.sign(drawn[i] - pixels.color[i] / 255) * share;
    for (const level of gradient.levels) level.fill(0);
    lookupBackward(gradient, pixels, drawn);
    fillPyramidBackward(gradient);
    addVariationGradient(texels, gradient.levels[0], size, tvWeight, spans);
    const rate = learningRate * (1e-3 + 0.5 * (1 - 1e-3) * (1 + Math.cos((Math.PI * step) / steps)));
    descend(texels, gradient.levels[0], mean, square, rate, step + 1, spans);
  }
  const after = await differenceOf(observed, pyramid, drawn, signal);
  const data = new Uint8Array(size * size * 4).fill(255);
  for (let at = 0; at < size * size; at++)
    for (let c = 0; c < 3; c++) data[4 * at + c] = Math.round(255 * Math.min(1, Math.max(0, texels[3 * at + c])));
  return { texture: { width: size, height: size, data }, difference: [before, after] };
}

/** The pixels of a view that show the mesh. */
export interface ObservedPixels extends LookupPlaces {
  readonly color: Uint8Array; // [n, 3], sRGB
}

/** Fainter pixels are mixed with what is behind the object. */
const LEAST_ALPHA = 250;

/** @param size  texels per side of the texture, for the level of each lookup */
export function observedPixels(
  mesh: RawMesh & { readonly uvs: Float32Array },
  { picture, camera }: BakeView,
  size: number,
): ObservedPixels {
  const side = picture.width;
  const screen = new Float64Array(mesh.positions.length);
  projectInto(camera, mesh.positions, screen, side);
  const nearest = emptyNearestFaces(side);
  drawNearestFaces(screen, mesh.indices, nearest);
  const rows: number[] = [];
  for (let at = 0; at < side * side; at++)
    if (nearest.faces[at] >= 0 && picture.data[4 * at + 3] >= LEAST_ALPHA) rows.push(at);
  const count = rows.length;
  const uv = new Float32Array(count * 2);
  const level = new Float32Array(count);
  const color = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const at = rows[i];
    const f = nearest.faces[at];
    const [va, vb, vc] = [mesh.indices[3 * f], mesh.indices[3 * f + 1], mesh.indices[3 * f + 2]];
    const [ax, ay] = [screen[3 * va], screen[3 * va + 1]];
    const [bx, by] = [screen[3 * vb] - ax, screen[3 * vb + 1] - ay];
    const [cx, cy] = [screen[3 * vc] - ax, screen[3 * vc + 1] - ay];
    const twiceArea = bx * cy - by * cx;
    const dx = (at % side) + 0.5 - ax;
    const dy = Math.floor(at / side) + 0.5 - ay;
    const wb = (dx * cy - dy * cx) / twiceArea;
    const wc = (bx * dy - by * dx) / twiceArea;
    // u/z, v/z and 1/z are linear over the picture.
    const [bX, bY, cX, cY] = [cy / twiceArea, -cx / twiceArea, -by / twiceArea, bx / twiceArea];
    const [ia, ib, ic] = [screen[3 * va + 2], screen[3 * vb + 2], screen[3 * vc + 2]];
    const inverse = ia + wb * (ib - ia) + wc * (ic - ia);
    const inverseX = bX * (ib - ia) + cX * (ic - ia);
    const inverseY = bY * (ib - ia) + cY * (ic - ia);
    const slopes = [0, 0, 0, 0]; // ∂u/∂x, ∂u/∂y, ∂v/∂x, ∂v/∂y in texels per pixel
    for (let c = 0; c < 2; c++) {
      const a = mesh.uvs[2 * va + c] * ia;
      const b = mesh.uvs[2 * vb + c] * ib - a;
      const d = mesh.uvs[2 * vc + c] * ic - a;
      const value = (a + wb * b + wc * d) / inverse;
      uv[2 * i + c] = value;
      slopes[2 * c] = (size * (bX * b + cX * d - value * inverseX)) / inverse;
      slopes[2 * c + 1] = (size * (bY * b + cY * d - value * inverseY)) / inverse;
    }
    // The longer axis of the pixel's footprint: the larger singular value of the slopes.
    const [ux, uy, vx, vy] = slopes;
    const half = (ux * ux + uy * uy + vx * vx + vy * vy) / 2;
    const determinant = ux * vy - uy * vx;
    const longest = half + Math.sqrt(Math.max(0, half * half - determinant * determinant));
    level[i] = Math.max(0, 0.5 * Math.log2(Math.max(longest, 1e-12)));
    for (let c = 0; c < 3; c++) color[3 * i + c] = picture.data[4 * at + c];
  }
  return { count, uv, level, color };
}

async function differenceOf(
  observed: readonly ObservedPixels[],
  pyramid: ReturnType<typeof emptyPyramid>,
  drawn: Float32Array,
  signal?: AbortSignal,
): Promise<number> {
  fillPyramid(pyramid);
  let sum = 0;
  let count = 0;
  for (const [number, pixels] of observed.entries()) {
    if (number % 4 === 0) await turnOfEvents(signal);
    lookup(pyramid, pixels, drawn);
    for (let i = 0; i < 3 * pixels.count; i++) sum += Math.abs(drawn[i] - pixels.color[i] / 255);
    count += 3 * pixels.count;
  }
  return count > 0 ? sum / count : 0;
}

/** Rows of texels [from, to) that charts cover or that filtering at their borders reads: the others keep their values. */
export type Spans = Uint32Array; // [n, 2]

const MARGIN = 2; // texels around the charts

function spansInUse(mesh: RawMesh & { readonly uvs: Float32Array }, size: number): Spans {
  const { faces } = chartTexels(mesh.uvs, mesh.indices, size);
  const spans: number[] = [];
  const near = new Uint8Array(size);
  for (let y = 0; y < size; y++) {
    near.fill(0);
    for (let row = Math.max(0, y - MARGIN); row <= Math.min(size - 1, y + MARGIN); row++)
      for (let x = 0; x < size; x++)
        if (faces[row * size + x] >= 0) near.fill(1, Math.max(0, x - MARGIN), Math.min(size, x + MARGIN + 1));
    for (let x = 0; x < size; x++)
      if (near[x] && (x === 0 || !near[x - 1])) {
        let end = x;
        while (end < size && near[end]) end++;
        spans.push(y * size + x, y * size + end);
      }
  }
  return Uint32Array.from(spans);
}

/**
 * Adds weight · ∂(mean |Δ rows| + mean |Δ columns|) of a texture [T, T, 3] for the differences to the right and down of the
 * texels in `spans`; the derivative of |0| is 0.
 */
export function addVariationGradient(
  texels: Float32Array,
  gradient: Float32Array,
  size: number,
  weight: number,
  spans: Spans,
): void {
  if (weight === 0 || size < 2) return;
  const share = weight / (3 * size * (size - 1));
  const row = 3 * size;
  for (let n = 0; n < spans.length; n += 2) {
    const end = 3 * spans[n + 1];
    const hasRight = spans[n + 1] % size === 0 ? end - 3 : end; // the last column has nothing to its right
    const hasDown = end + row <= texels.length;
    for (let i = 3 * spans[n]; i < end; i++) {
      const here = texels[i];
      if (i < hasRight) {
        const step = texels[i + 3] - here;
        const g = step > 0 ? share : step < 0 ? -share : 0;
        gradient[i + 3] += g;
        gradient[i] -= g;
      }
      if (hasDown) {
        const step = texels[i + row] - here;
        const g = step > 0 ? share : step < 0 ? -share : 0;
        gradient[i + row] += g;
        gradient[i] -= g;
      }
    }
  }
}

/** A step of Adam. Source: Kingma & Ba 2015, algorithm 1. */
function descend(
  texels: Float32Array,
  gradient: Float32Array,
  mean: Float32Array,
  square: Float32Array,
  rate: number,
  step: number,
  spans: Spans,
): void {
  const unbiased = rate / (1 - BETA1 ** step);
  const root = 1 / Math.sqrt(1 - BETA2 ** step);
  for (let n = 0; n < spans.length; n += 2)
    for (let i = 3 * spans[n]; i < 3 * spans[n + 1]; i++) {
      const g = gradient[i];
      const m = BETA1 * mean[i] + (1 - BETA1) * g;
      const v = BETA2 * square[i] + (1 - BETA2) * g * g;
      mean[i] = m;
      square[i] = v;
      texels[i] -= (unbiased * m) / (Math.sqrt(v) * root + EPSILON);
    }
}

/** A stride that visits all of n in n steps, and neighbors far apart in time. */
function strideThrough(n: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let stride = Math.max(1, Math.round(0.618 * n));
  while (divisor(n, stride) !== 1) stride++;
  return stride;
}
