/**
 * Distributions of flow time in training: where on the path from data (0) to noise (1) the network practices.
 * Source: Esser et al. 2024, "Scaling Rectified Flow Transformers", §3.1.
 */
import type { Generator } from '../tensor/index.ts';

/** `n` times in (0, 1), drawn from `rng`. */
export type TimeDistribution = (rng: Generator, n: number) => Float32Array;

/**
 * Sigmoid of a normal. TRELLIS trains with mean 1, std 1: more weight on high noise, where structure is decided.
 * @param std  > 0
 */
export function logitNormal(mean: number, std: number): TimeDistribution {
  if (!Number.isFinite(mean) || !(std > 0 && std < Number.POSITIVE_INFINITY))
    throw new RangeError(`logitNormal: expected a finite mean and std > 0, got mean ${mean}, std ${std}.`);
  return (rng, n) => rng.normal(n).map((z) => 1 / (1 + Math.exp(-(z * std + mean))));
}

/** Every time alike. */
export const uniform: TimeDistribution = (rng, n) => rng.uniform(n);
