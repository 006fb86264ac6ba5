import { squaredDistanceTransform } from './distance-transform.ts';

/**
 * Intersection over union of two occupancies [R, R, R], 0 or 1; 1 when both are empty.
 */
export function occupancyIou(predicted: Uint8Array, truth: Uint8Array): number {
  expectSameSize('occupancyIou', predicted, truth);
  let both = 0;
  let either = 0;
  for (let i = 0; i < truth.length; i++) {
    both += predicted[i] & truth[i];
    either += predicted[i] | truth[i];
  }
  return either === 0 ? 1 : both / either;
}

export interface OccupancyScore {
  /** Share of the predicted voxels that have a true one within the distance. */
  precision: number;
  /** Share of the true voxels that have a predicted one within the distance. */
  recall: number;
  /** Harmonic mean of the two. */
  fScore: number;
}

export interface OccupancyComparison {
  iou: number;
  /** One per asked distance, in its order. */
  scores: OccupancyScore[];
  /** Mean distance from predicted to true plus that from true to predicted, in voxels; Infinity if just one is empty. */
  chamfer: number;
}

/**
 * How near two occupancies [R, R, R] are. A voxel is matched at distance d when a voxel of the other lies within d
 * between centers (Euclidean, in voxels). Two empty grids agree fully; an empty one against a filled one scores 0.
 */
export function compareOccupancies(
  predicted: Uint8Array,
  truth: Uint8Array,
  resolution: number,
  distances: readonly number[] = [1, 2],
): OccupancyComparison {
  expectSameSize('compareOccupancies', predicted, truth);
  if (truth.length !== resolution ** 3) {
    throw new Error(
      `compareOccupancies: the grids have ${truth.length} voxels, expected ${resolution}³ = ${resolution ** 3}. ` +
        'Pass their resolution.',
    );
  }
  const precision = coverage(predicted, squaredDistanceTransform(truth, resolution), distances);
  const recall = coverage(truth, squaredDistanceTransform(predicted, resolution), distances);
  const iou = occupancyIou(predicted, truth);
  if (precision.count === 0 && recall.count === 0) {
    return { iou, scores: distances.map(() => ({ precision: 1, recall: 1, fScore: 1 })), chamfer: 0 };
  }
  const scores = distances.map((_, k) => {
    const [p, r] = [precision.shares[k], recall.shares[k]];
    return { precision: p, recall: r, fScore: p + r === 0 ? 0 : (2 * p * r) / (p + r) };
  });
  const isOneEmpty = precision.count === 0 || recall.count === 0;
  return { iou, scores, chamfer: isOneEmpty ? Infinity : precision.meanDistance + recall.meanDistance };
}

/** Of the voxels of `from`, the share within each distance of the other grid, whose squared distances are given. */
function coverage(from: Uint8Array, squared: Float32Array, distances: readonly number[]) {
  const limits = distances.map((d) => d * d + 1e-6);
  const within = distances.map(() => 0);
  let count = 0;
  let sum = 0;
  for (let i = 0; i < from.length; i++) {
    if (!from[i]) continue;
    count++;
    sum += Math.sqrt(squared[i]);
    for (let k = 0; k < limits.length; k++) if (squared[i] <= limits[k]) within[k]++;
  }
  return { count, shares: within.map((n) => (count === 0 ? 0 : n / count)), meanDistance: sum / count };
}

function expectSameSize(caller: string, predicted: Uint8Array, truth: Uint8Array): void {
  if (predicted.length === truth.length) return;
  throw new Error(
    `${caller}: the predicted grid has ${predicted.length} voxels, expected ${truth.length} as in the true one. ` +
      'Bring both to the same resolution.',
  );
}
