/**
 * The limit on the gradient norm: fixed, or following the norms seen so far.
 * Clipping itself is g ← g · min(1, limit / (‖g‖ + 1e-6)), see `clipFactor`.
 * Source: the `AdaptiveGradClipper` of the official TRELLIS trainer.
 */

/** A clipper at rest: plain JSON, so that a checkpoint can hold it. */
export interface ClipperState {
  /** The limit in force; null when there is none. */
  readonly limit: number | null;
  /** The norms remembered, oldest first. */
  readonly norms: readonly number[];
}

export interface Clipper {
  /** Largest gradient norm allowed in this step; Infinity when there is no limit. */
  limit(): number;
  /** Remembers the norm of a gradient before clipping. */
  record(norm: number): void;
  state(): ClipperState;
  restore(state: ClipperState): void;
}

export interface AdaptiveClipperOptions {
  /** The limit until the buffer is full, and its cap afterwards; Infinity for none. */
  readonly maxNorm: number;
  /** Percentile of the remembered norms that becomes the limit, 0 … 100. Default 95. */
  readonly clipPercentile?: number;
  /** How many finite norms are remembered. Default 1000. */
  readonly bufferSize?: number;
}

/** Clips to a percentile of the last norms, once there are enough of them. Norms that are not finite are not remembered. */
export function adaptiveClipper({ maxNorm, clipPercentile = 95, bufferSize = 1000 }: AdaptiveClipperOptions): Clipper {
  if (!(maxNorm > 0)) throw new RangeError(`adaptiveClipper: maxNorm must be above 0, got ${maxNorm}.`);
  if (!(clipPercentile >= 0 && clipPercentile <= 100))
    throw new RangeError(`adaptiveClipper: clipPercentile must be in 0 … 100, got ${clipPercentile}.`);
  if (!Number.isInteger(bufferSize) || bufferSize < 1)
    throw new RangeError(`adaptiveClipper: bufferSize must be a whole number above 0, got ${bufferSize}.`);
  let limit = maxNorm;
  let norms: number[] = []; // oldest first
  return {
    limit: () => limit,
    record(norm) {
      if (Number.isFinite(norm)) {
        norms.push(norm);
        if (norms.length > bufferSize) norms.shift();
      }
      if (norms.length === bufferSize) limit = Math.min(maxNorm, percentile(norms, clipPercentile));
    },
    state: () => ({ limit: Number.isFinite(limit) ? limit : null, norms: [...norms] }),
    restore(state) {
      limit = state.limit ?? Number.POSITIVE_INFINITY;
      norms = state.norms.slice(-bufferSize);
    },
  };
}

/** Clips to the same norm in every step. */
export function fixedClipper(maxNorm: number): Clipper {
  if (!(maxNorm > 0)) throw new RangeError(`fixedClipper: maxNorm must be above 0, got ${maxNorm}.`);
  return {
    limit: () => maxNorm,
    record() {},
    state: () => ({ limit: Number.isFinite(maxNorm) ? maxNorm : null, norms: [] }),
    restore() {}, // the recipe decides, also after a resume
  };
}

/** A fixed norm (Infinity for none), or the options of the adaptive clipper. */
export type GradClip = number | AdaptiveClipperOptions;

export const clipperOf = (clip: GradClip): Clipper =>
  typeof clip === 'number' ? fixedClipper(clip) : adaptiveClipper(clip);

/** What to multiply a gradient of this norm by. */
export function clipFactor(norm: number, limit: number): number {
  return Math.min(1, limit / (norm + 1e-6));
}

/** Linear interpolation between order statistics, as `numpy.percentile`. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(rank);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (rank - below);
}
