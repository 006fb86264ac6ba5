import { blurGrid } from '../../representations/index.ts';

/** Mean share over a voxel's neighborhood; of those tried the one whose outlines from aside agree best, at an F-score as large as any (bench/results/structure-sampler.md). */
const SHARE = 0.2;
/** Standard deviation of that neighborhood, in voxels: what one candidate has here another has nearby, and skins become smooth. */
const NEIGHBORHOOD = 1.5;
/** Share of the candidates that is enough for a voxel by itself: what is thin would not survive its neighborhood. */
const ALONE = 0.5;

/**
 * One structure from several that were drawn for the same prompt: a voxel is occupied where the mean of the candidates'
 * probabilities, over its neighborhood, is above `share`, or its own above a half (above `share`, where that is more). What a small model is sure of comes up in most
 * of its samples, what it guesses in few: the first stays, the second averages out.
 * @param candidates  logits [R, R, R] of each; of a single one they are given back as they are
 * @returns logits [R, R, R], occupied above 0
 */
export function consensus(candidates: readonly Float32Array[], share = SHARE): Float32Array {
  if (candidates.length === 0) throw new RangeError('consensus: expected one candidate or more, got none.');
  if (candidates.length === 1) return candidates[0];
  const resolution = Math.round(Math.cbrt(candidates[0].length));
  for (const { length } of candidates)
    if (length !== resolution ** 3)
      throw new RangeError(`consensus: every candidate must be [R, R, R] for the same R, got ${length} values in one.`);
  const mean = new Float32Array(candidates[0].length);
  for (const logits of candidates)
    for (let i = 0; i < mean.length; i++) mean[i] += 1 / (1 + Math.exp(-logits[i])) / candidates.length;
  const around = blurGrid(mean, resolution, NEIGHBORHOOD);
  const threshold = Math.log(share / (1 - share));
  return mean.map((alone, i) => {
    const p = Math.max(around[i], (alone * share) / Math.max(share, ALONE));
    return Math.log((p + FLOOR) / (1 - p + FLOOR)) - threshold;
  });
}

/** Keeps the log-odds of what all candidates agree on finite, and small enough for a surface to lie between voxels. */
const FLOOR = 1e-3;
