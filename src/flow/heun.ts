import { integrate, type SolverOptions, stepAlong } from './solver.ts';
import type { Velocity } from './velocity.ts';

/**
 * Heun's method, order 2: an Euler step, then again with the mean of the velocities at both of its ends. Two
 * evaluations per step, but one in a step that ends at t = 0: networks are not trained there.
 * @param noise  x at times[0], [n]; not changed
 * @param times  descending, see `schedule`
 * @returns x at the last time, [n]
 * Source: Heun 1900; for diffusion Karras et al. 2022, algorithm 1, where the last step is Euler's as well.
 */
export function heun(
  velocity: Velocity,
  noise: Float32Array,
  times: readonly number[],
  options: SolverOptions = {},
): Promise<Float32Array> {
  const { signal } = options;
  return integrate(
    async (x, t, next) => {
      const start = await velocity(x, t);
      const predicted = stepAlong(x, start, t, next);
      if (next === 0) return predicted;
      signal?.throwIfAborted();
      const end = await velocity(predicted, next);
      return stepAlong(
        x,
        start.map((v, i) => (v + end[i]) / 2),
        t,
        next,
      );
    },
    noise,
    times,
    options,
  );
}
