import type { Velocity } from './velocity.ts';

/**
 * How several prompts of one object, such as pictures from several sides, lead one sample:
 * - 'stochastic': step k follows prompt k mod n; costs nothing more, and needs at least n steps
 * - 'multidiffusion': every step follows the mean of all velocities, at n times the evaluations
 * Source: reference/pipelines.md §8.3; the mean: Bar-Tal et al. 2023, "MultiDiffusion".
 */
export type PromptMix = 'stochastic' | 'multidiffusion';

/**
 * One velocity out of the prompts'. For one run of a solver that evaluates once per step (Euler): 'stochastic' counts
 * its evaluations.
 * @throws RangeError when there is no velocity
 */
export function mixed(velocities: readonly Velocity[], mix: PromptMix): Velocity {
  if (velocities.length === 0) throw new RangeError('mixed: expected the velocity of one prompt or more, got none.');
  if (velocities.length === 1) return velocities[0];
  switch (mix) {
    case 'stochastic': {
      let step = 0;
      return (x, t) => velocities[step++ % velocities.length](x, t);
    }
    case 'multidiffusion':
      return async (x, t) => {
        const sum = new Float32Array(x.length);
        for (const velocity of velocities) {
          const v = await velocity(x, t);
          for (let i = 0; i < sum.length; i++) sum[i] += v[i];
        }
        return sum.map((v) => v / velocities.length);
      };
    default:
      return mix satisfies never;
  }
}
