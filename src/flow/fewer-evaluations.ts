import type { Velocity } from './velocity.ts';

/** Which steps of a run evaluate the network. */
export interface FewerEvaluations {
  /** share of the steps, from noise on, that are all evaluated: there the topology is decided */
  readonly exact: number;
  /** after them one step of so many is evaluated */
  readonly stride: number;
}

/** What `--fast` means; its cost is in docs/models.md. */
export const fastEvaluations: FewerEvaluations = { exact: 0.4, stride: 2 };

/**
 * For each step whether it evaluates the network: the first ones, the last, and one of `stride` between.
 * @throws RangeError when there is no step to leave out
 */
export function evaluatedSteps(steps: number, { exact, stride }: FewerEvaluations = fastEvaluations): boolean[] {
  const first = Math.max(2, Math.ceil(exact * steps)); // a line needs two points
  const evaluated = Array.from(
    { length: steps },
    (_, i) => i < first || i === steps - 1 || (i - first) % stride === stride - 1,
  );
  if (evaluated.every((is) => is))
    throw new RangeError(
      `fast: of ${steps} steps none can be left out, the first ${first} and the last are always evaluated. Take at least ${first + 2} steps, or leave out fast.`,
    );
  return evaluated;
}

/**
 * The velocity with some steps not evaluated: there it goes on along the line through the last two that were. Paths of a
 * rectified flow are almost straight once the shape is decided, so their velocity changes slowly. No training is needed.
 * For one run of a solver that evaluates once per step (Euler): it counts the evaluations.
 * Source: the same idea with residuals of blocks: Liu et al. 2024, "Timestep Embedding Tells: It's Time to Cache for Video
 * Diffusion Model"; with guidance left out as well, whole velocities cost less and need no change of the network.
 */
export function fewerEvaluations(velocity: Velocity, steps: number, plan?: FewerEvaluations): Velocity {
  const evaluated = evaluatedSteps(steps, plan);
  let step = 0;
  let [before, last]: ({ t: number; v: Float32Array } | undefined)[] = [];
  return async (x, t) => {
    if (step >= steps) throw new RangeError(`fewerEvaluations: made for ${steps} steps, asked for one more.`);
    if (evaluated[step++] || !before || !last) {
      const v = await velocity(x, t);
      [before, last] = [last, { t, v: v.slice() }];
      return v;
    }
    const along = (t - last.t) / (last.t - before.t);
    const [older, newer] = [before.v, last.v];
    return newer.map((v, i) => v + along * (v - older[i]));
  };
}
