import {
  CHANNEL,
  type CornerMeans,
  type CubeFeatures,
  cornerMeans,
  FEATURE_START,
  fieldOfMeans,
  moveReach,
  sigmoid,
  WEIGHT_REACH,
} from './cube-features.ts';
import type { CubeField } from './cube-field.ts';
import { type ExtractedSurface, flexicubes } from './flexicubes.ts';
import { flexicubesGradient } from './flexicubes-gradient.ts';

/**
 * The surface of the mesh decoder's features as training needs it: differentiable in all of them, with the terms that keep
 * them well-behaved. Source: reference/training.md §12.1, §18.
 */
export interface TrainingSurface {
  readonly features: CubeFeatures;
  readonly joined: CornerMeans;
  /** also the distances and positions at the grid's vertices that the TSDF loss compares */
  readonly field: CubeField;
  readonly surface: ExtractedSurface;
  /** corners that share a vertex agree + ½ mean deviation + 0.2 mean |weight| */
  readonly regularization: number;
}

/** Gradients of a loss in a training surface. */
export interface TrainingSurfaceGradient {
  /** [V + K, 3] vertices, then centers */
  readonly positions?: Float32Array;
  /** [V + K, A] */
  readonly attributes?: Float32Array;
  readonly regularization?: number;
  /** in `field.positions` and `field.sdf` */
  readonly gridPositions?: Float32Array;
  readonly gridSdf?: Float32Array;
}

const DEVIATION = 0.5;
const MAGNITUDE = 0.2;
/** β and α; γ is left alone */
const HELD_WEIGHTS = 20;

export function trainingSurface(features: CubeFeatures): TrainingSurface {
  const joined = cornerMeans(features);
  const field = fieldOfMeans(features, joined);
  const surface = flexicubes(field, 'center');
  const { feats } = features;
  const count = joined.cubes.count;
  const row = feats.length / count;
  let disagreement = 0;
  let magnitude = 0;
  const apart = cornersApart(features, joined);
  for (let i = 0; i < apart.length; i++) disagreement += apart[i] * apart[i];
  for (let q = 0; q < count; q++)
    for (let i = 0; i < HELD_WEIGHTS; i++) magnitude += Math.abs(feats[row * q + FEATURE_START.weights + i]);
  const { deviations } = surface;
  const deviation = deviations.length === 0 ? 0 : deviations.reduce((s, v) => s + v, 0) / deviations.length;
  const regularization =
    disagreement / (count * 8 * joined.width) +
    DEVIATION * deviation +
    (MAGNITUDE * magnitude) / (count * HELD_WEIGHTS);
  return { features, joined, field, surface, regularization };
}

/** Adjoint of `trainingSurface`: the gradient in the features, [Q, 53] or [Q, 101]. */
export function trainingSurfaceGradient(result: TrainingSurface, g: TrainingSurfaceGradient): Float32Array {
  const { features, joined, field, surface } = result;
  const { feats, resolution } = features;
  const { width, counts, corners, cubeRank, means } = joined;
  const { regularization = 0 } = g;
  const entries = surface.deviations.length;
  const inner = flexicubesGradient(field, surface, {
    positions: g.positions ?? new Float32Array(surface.positions.length),
    attributes: g.attributes ?? new Float32Array(surface.attributes.length),
    deviations: new Float32Array(entries).fill(entries === 0 ? 0 : (regularization * DEVIATION) / entries),
  });
  const reach = moveReach(resolution);
  const A = field.attributeWidth;
  const gMeans = new Float64Array(means.length);
  for (let v = 0; v < counts.length; v++) {
    gMeans[v * width] = inner.sdf[v] + (g.gridSdf?.[v] ?? 0);
    for (let axis = 0; axis < 3; axis++) {
      const t = Math.tanh(means[v * width + 1 + axis]);
      const gPosition = inner.positions[3 * v + axis] + (g.gridPositions?.[3 * v + axis] ?? 0);
      gMeans[v * width + 1 + axis] = gPosition * reach * (1 - t * t);
    }
    for (let a = 0; a < A; a++) {
      const s = field.attributes[A * v + a];
      gMeans[v * width + 4 + a] = inner.attributes[A * v + a] * s * (1 - s);
    }
  }
  const out = new Float32Array(feats.length);
  const count = cubeRank.length;
  const row = feats.length / count;
  const apart = cornersApart(features, joined);
  const pull = (2 * regularization) / (count * 8 * width);
  for (let q = 0; q < count; q++) {
    for (let k = 0; k < 8; k++) {
      const v = corners[8 * q + k];
      for (let c = 0; c < width; c++)
        out[row * q + CHANNEL[10 * k + c]] = gMeans[v * width + c] / counts[v] + pull * apart[(8 * q + k) * width + c];
    }
    const from = row * q + FEATURE_START.weights;
    const to = cubeRank[q];
    for (let i = 0; i < HELD_WEIGHTS; i++) {
      const t = Math.tanh(feats[from + i]);
      const gWeight = i < 12 ? inner.beta[12 * to + i] : inner.alpha[8 * to + i - 12];
      out[from + i] =
        gWeight * WEIGHT_REACH * (1 - t * t) +
        (regularization * MAGNITUDE * Math.sign(feats[from + i])) / (count * HELD_WEIGHTS);
    }
    const s = sigmoid(feats[from + 20]);
    out[from + 20] = inner.gamma[to] * WEIGHT_REACH * s * (1 - s);
  }
  return out;
}

/** [Q, 8, width]: how far each channel at each corner of each cube is from the mean of its vertex. */
function cornersApart({ feats, resolution }: CubeFeatures, joined: CornerMeans): Float64Array {
  const { width, corners, means, cubeRank } = joined;
  const row = feats.length / cubeRank.length;
  const out = new Float64Array(corners.length * width);
  for (let i = 0; i < corners.length; i++) {
    const from = row * (i >> 3);
    const mean = corners[i] * width;
    const channels = 10 * (i & 7);
    out[i * width] = feats[from + CHANNEL[channels]] - 1 / resolution - means[mean];
    for (let c = 1; c < width; c++) out[i * width + c] = feats[from + CHANNEL[channels + c]] - means[mean + c];
  }
  return out;
}
