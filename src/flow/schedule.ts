export interface ScheduleOptions {
  /** r ≥ 1 spends more steps near noise; 1 is even spacing, 3 what the published pipelines use. */
  readonly rescale?: number;
}

/**
 * Times of a sampling run, descending from 1 (noise) to 0 (data), in double precision:
 *   u = 1 − i·(1/steps),   t = r·u / (1 + (r − 1)·u).
 * Doubles matter: a guidance interval is compared without tolerance, and t = 0.5 must come out exact.
 * @param steps  integer ≥ 1
 * @returns steps + 1 times
 * Source: the shift of Esser et al. 2024, eq. 23.
 */
export function schedule(steps: number, { rescale = 1 }: ScheduleOptions = {}): number[] {
  if (!Number.isInteger(steps) || steps < 1)
    throw new RangeError(`schedule: steps must be an integer ≥ 1, got ${steps}.`);
  if (!(rescale > 0 && rescale < Number.POSITIVE_INFINITY))
    throw new RangeError(`schedule: rescale must be > 0, got ${rescale}; 1 leaves the times evenly spaced.`);
  return Array.from({ length: steps + 1 }, (_, i) => {
    // 1 − i·(1/steps) and not 1 − i/steps: rounded as the reference does, to the last bit.
    const u = i === steps ? 0 : 1 - i * (1 / steps);
    return (rescale * u) / (1 + (rescale - 1) * u);
  });
}
