/** Share of the candidates that a voxel must be in; the largest F-score of those tried (bench/results/candidates.md). */
const SHARE = 0.2;

/**
 * One structure from several that were drawn for the same prompt: a voxel is occupied where the mean of the candidates'
 * probabilities is above `share`. What a small model is sure of comes up in most of its samples, what it guesses in few: the
 * first stays, the second averages out.
 * @param candidates  logits [R, R, R] of each; of a single one they are given back as they are
 * @returns logits [R, R, R], occupied above 0
 */
export function consensus(candidates: readonly Float32Array[], share = SHARE): Float32Array {
  if (candidates.length === 0) throw new RangeError('consensus: expected one candidate or more, got none.');
  if (candidates.length === 1) return candidates[0];
  const mean = new Float32Array(candidates[0].length);
  for (const logits of candidates)
    for (let i = 0; i < mean.length; i++) mean[i] += 1 / (1 + Math.exp(-logits[i])) / candidates.length;
  const threshold = Math.log(share / (1 - share));
  return mean.map((p) => Math.log((p + FLOOR) / (1 - p + FLOOR)) - threshold);
}

/** Keeps the log-odds of what all candidates agree on finite, and small enough for a surface to lie between voxels. */
const FLOOR = 1e-3;
