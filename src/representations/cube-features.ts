import type { CubeField } from './cube-field.ts';
import { type ExtractedSurface, flexicubes } from './flexicubes.ts';
import { emptyBits, mark, membersOf, type RankedSet, rankedSet, rankOf } from './ranked-set.ts';

/**
 * What the mesh decoder gives for each cube: at each of its corners a distance (8), a deformation (8·3) and, with colors, six
 * attributes (8·6), and 21 weights between: β of 12 edges, α of 8 corners, γ.
 * Source: reference/models.md §5.9.
 */
export interface CubeFeatures {
  /** R, cubes per side of the box [−0.5, 0.5]³ */
  readonly resolution: number;
  /** [Q, 3], in any order */
  readonly coords: Int32Array;
  /** [Q, 53], or [Q, 101] with colors */
  readonly feats: Float32Array;
}

/** Where each kind of number starts in a row of features. */
export const FEATURE_START = { sdf: 0, deformation: 8, weights: 32, attributes: 53 } as const;
export const WIDTH_WITHOUT_COLOR = 53;
export const WIDTH_WITH_COLOR = 101;

/** Edges of a grid of this resolution can still be numbered in 32 bits. */
const MAX_GRID = 512;

/** How far from 1 learned weights go, and how far vertices move: not quite half a cube. */
export const WEIGHT_REACH = 0.99;
export const moveReach = (resolution: number): number => (1 - 1e-8) / (2 * resolution);

/** Corners joined at the vertices of the grid: each vertex takes the mean of all corners that stand there. */
export interface CornerMeans {
  /** channels: distance, deformation, attributes */
  readonly width: number;
  readonly vertices: RankedSet;
  readonly cubes: RankedSet;
  /** [Q] where each cube's weights stand in the field */
  readonly cubeRank: Int32Array;
  /** [Q, 8] vertex of each corner */
  readonly corners: Int32Array;
  /** [V] corners at each vertex */
  readonly counts: Int32Array;
  /** [V, width] means; distances moved by −1/R, so that a fresh decoder's surface is not empty */
  readonly means: Float32Array;
}

/** @throws RangeError when features and coords do not fit each other or the grid, or a cube comes twice */
export function cornerMeans(features: CubeFeatures): CornerMeans {
  const { resolution: R, coords, feats } = features;
  const count = coords.length / 3;
  const row = feats.length / count;
  if (row !== WIDTH_WITHOUT_COLOR && row !== WIDTH_WITH_COLOR)
    throw new RangeError(
      `cornerMeans: feats must be [Q, ${WIDTH_WITHOUT_COLOR}], or [Q, ${WIDTH_WITH_COLOR}] with colors, for coords [${count}, 3]; ` +
        `got ${feats.length} values. They do not come from one decoder.`,
    );
  if (!Number.isInteger(R) || R < 1 || R > MAX_GRID)
    throw new RangeError(`cornerMeans: resolution must be a whole number from 1 to ${MAX_GRID}, got ${R}.`);
  const S = R + 1;
  const vertexBits = emptyBits(S ** 3);
  const cubeBits = emptyBits(R ** 3);
  for (let q = 0; q < count; q++) {
    const [x, y, z] = [coords[3 * q], coords[3 * q + 1], coords[3 * q + 2]];
    if (Math.min(x, y, z) < 0 || Math.max(x, y, z) >= R)
      throw new RangeError(
        `cornerMeans: cube ${q} is (${x}, ${y}, ${z}), expected 0 to ${R - 1} on each axis. The resolution is another.`,
      );
    mark(cubeBits, (x * R + y) * R + z);
    for (let k = 0; k < 8; k++) mark(vertexBits, cornerId(S, x, y, z, k));
  }
  const vertices = rankedSet(vertexBits, S ** 3);
  const cubes = rankedSet(cubeBits, R ** 3);
  if (cubes.count !== count)
    throw new RangeError(`cornerMeans: ${count} cubes, of which only ${cubes.count} are distinct. Remove the copies.`);
  const width = row === WIDTH_WITH_COLOR ? 10 : 4;
  const corners = new Int32Array(8 * count);
  const cubeRank = new Int32Array(count);
  const counts = new Int32Array(vertices.count);
  const sums = new Float64Array(vertices.count * width);
  for (let q = 0; q < count; q++) {
    const [x, y, z] = [coords[3 * q], coords[3 * q + 1], coords[3 * q + 2]];
    cubeRank[q] = rankOf(cubes, (x * R + y) * R + z);
    for (let k = 0; k < 8; k++) {
      const v = rankOf(vertices, cornerId(S, x, y, z, k));
      corners[8 * q + k] = v;
      counts[v]++;
      for (let c = 0; c < width; c++) sums[v * width + c] += feats[row * q + CHANNEL[10 * k + c]];
    }
  }
  const means = new Float32Array(sums.length);
  for (let v = 0; v < vertices.count; v++)
    for (let c = 0; c < width; c++) means[v * width + c] = sums[v * width + c] / counts[v] - (c === 0 ? 1 / R : 0);
  return { width, vertices, cubes, cubeRank, corners, counts, means };
}

const cornerId = (S: number, x: number, y: number, z: number, k: number): number =>
  ((x + (k & 1)) * S + y + ((k >> 1) & 1)) * S + z + (k >> 2);

/** Where channel c (distance, deformation, attributes) of corner k stands in a row of features. */
function channelAt(k: number, c: number): number {
  if (c === 0) return FEATURE_START.sdf + k;
  return c < 4 ? FEATURE_START.deformation + 3 * k + c - 1 : FEATURE_START.attributes + 6 * k + c - 4;
}

/** The same as a table, at 10·k + c, for loops over many cubes. */
export const CHANNEL = Uint8Array.from({ length: 80 }, (_, i) => channelAt(Math.floor(i / 10), i % 10));

/** The field that the means and the weights describe. Source: reference/pipelines.md §12.2. */
export function fieldOfMeans({ resolution: R, feats }: CubeFeatures, joined: CornerMeans): CubeField {
  const { vertices, cubes, cubeRank, means, width } = joined;
  const A = width - 4;
  const S = R + 1;
  const reach = moveReach(R);
  const sdf = new Float32Array(vertices.count);
  const positions = new Float32Array(3 * vertices.count);
  const attributes = new Float32Array(A * vertices.count);
  const ids = membersOf(vertices);
  for (let v = 0; v < vertices.count; v++) {
    const at = v * width;
    sdf[v] = means[at];
    positions[3 * v] = Math.floor(ids[v] / (S * S)) / R - 0.5 + reach * Math.tanh(means[at + 1]);
    positions[3 * v + 1] = (Math.floor(ids[v] / S) % S) / R - 0.5 + reach * Math.tanh(means[at + 2]);
    positions[3 * v + 2] = (ids[v] % S) / R - 0.5 + reach * Math.tanh(means[at + 3]);
    for (let a = 0; a < A; a++) attributes[A * v + a] = sigmoid(means[at + 4 + a]);
  }
  const row = feats.length / cubes.count;
  const beta = new Float32Array(12 * cubes.count);
  const alpha = new Float32Array(8 * cubes.count);
  const gamma = new Float32Array(cubes.count);
  for (let q = 0; q < cubes.count; q++) {
    const from = row * q + FEATURE_START.weights;
    const to = cubeRank[q];
    for (let e = 0; e < 12; e++) beta[12 * to + e] = 1 + WEIGHT_REACH * Math.tanh(feats[from + e]);
    for (let k = 0; k < 8; k++) alpha[8 * to + k] = 1 + WEIGHT_REACH * Math.tanh(feats[from + 12 + k]);
    gamma[to] = 0.005 + WEIGHT_REACH * sigmoid(feats[from + 20]);
  }
  return { resolution: R, vertices, sdf, positions, attributes, attributeWidth: A, cubes, beta, alpha, gamma };
}

export const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

/** The surface that the mesh decoder's features describe; without vertices when nothing is inside. */
export function surfaceOfFeatures(features: CubeFeatures, split: 'diagonal' | 'center' = 'diagonal'): ExtractedSurface {
  return flexicubes(fieldOfMeans(features, cornerMeans(features)), split);
}
