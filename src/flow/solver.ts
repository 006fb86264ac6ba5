/** What every solver of dx/dt = velocity shares: its options, and the loop over the steps of a schedule. */

/** State after a step. */
export interface SolverStep {
  /** Steps done, 1 … `of`. */
  readonly step: number;
  readonly of: number;
  /** Time reached. */
  readonly t: number;
  /** The sample at `t`; valid until the next step, copy to keep. */
  readonly x: Float32Array;
}

export interface SolverOptions {
  /** Called after each step; awaited, so that a slow listener slows the run instead of piling up. */
  readonly onStep?: (step: SolverStep) => void | Promise<void>;
  /** Stops the run before the next evaluation, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Carries `noise` along `times` by `advance(x, t, next)`, one call per pair of neighboring times.
 * @throws RangeError when `times` has fewer than two entries or does not descend within [0, 1]
 */
export async function integrate(
  advance: (x: Float32Array, t: number, next: number) => Promise<Float32Array>,
  noise: Float32Array,
  times: readonly number[],
  { onStep, signal }: SolverOptions,
): Promise<Float32Array> {
  expectTimes(times);
  let x: Float32Array = noise.slice();
  const of = times.length - 1;
  for (let i = 0; i < of; i++) {
    signal?.throwIfAborted();
    x = await advance(x, times[i], times[i + 1]);
    await onStep?.({ step: i + 1, of, t: times[i + 1], x });
  }
  return x;
}

/** x + (next − t)·v, checking that the network returned one value per value. */
export function stepAlong(x: Float32Array, velocity: Float32Array, t: number, next: number): Float32Array {
  if (velocity.length !== x.length)
    throw new RangeError(`solver: the velocity must have ${x.length} values like x, got ${velocity.length}.`);
  const dt = t - next;
  return x.map((value, i) => value - dt * velocity[i]);
}

function expectTimes(times: readonly number[]): void {
  const descends = times.every((t, i) => t >= 0 && t <= 1 && (i === 0 || t < times[i - 1]));
  if (times.length < 2 || !descends)
    throw new RangeError(
      `solver: times must descend within [0, 1], at least two of them, got [${times}]. Use schedule(steps).`,
    );
}
