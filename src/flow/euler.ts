import { integrate, type SolverOptions, stepAlong } from './solver.ts';
import type { Velocity } from './velocity.ts';

/**
 * Euler's method, order 1, one evaluation per step: the sampler of the published pipelines. Exact on straight paths.
 * @param noise  x at times[0], [n]; not changed
 * @param times  descending, see `schedule`
 * @returns x at the last time, [n]
 * Source: Euler 1768; for flows Lipman et al. 2023.
 */
export function euler(
  velocity: Velocity,
  noise: Float32Array,
  times: readonly number[],
  options: SolverOptions = {},
): Promise<Float32Array> {
  return integrate(async (x, t, next) => stepAlong(x, await velocity(x, t), t, next), noise, times, options);
}
