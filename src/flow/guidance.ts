import type { Velocity } from './velocity.ts';

export interface GuidanceOptions {
  /** Strength w ≥ 0; 0 is no guidance. The published pipelines use 7.5 for structure and 3 for the latent. */
  readonly w: number;
  /** [from, to] of t in which guidance acts, both ends inclusive; default [0, 1]. */
  readonly interval?: readonly [number, number];
}

/**
 * Classifier-free guidance: a velocity built from two velocities,
 *   v(x, t) = (1 + w)·v(x, t, cond) − w·v(x, t, uncond).
 * Outside `interval`, and at w = 0, the second is not evaluated.
 * @throws RangeError when w is negative, or `interval` is empty or leaves [0, 1]
 * Source: Ho & Salimans 2022, eq. 6; the interval: Kynkäänniemi et al. 2024.
 */
export function guided(cond: Velocity, uncond: Velocity, options: GuidanceOptions): Velocity {
  return guidedAtOnce(cond, async (x, t) => [await cond(x, t), await uncond(x, t)], options);
}

/** Velocities with the prompt and with the empty one, at the same place. */
export type VelocityPair = (x: Float32Array, t: number) => Promise<readonly [cond: Float32Array, uncond: Float32Array]>;

/** As `guided`, from a network that gives both velocities in one evaluation; `cond` is asked where there is no guidance. */
export function guidedAtOnce(cond: Velocity, both: VelocityPair, { w, interval = [0, 1] }: GuidanceOptions): Velocity {
  const [from, to] = interval;
  if (!(w >= 0 && w < Number.POSITIVE_INFINITY))
    throw new RangeError(`guided: w must be ≥ 0, got ${w}; 0 turns guidance off.`);
  if (!(from >= 0 && from <= to && to <= 1))
    throw new RangeError(
      `guided: interval must be [from, to] with 0 ≤ from ≤ to ≤ 1, got [${from}, ${to}]. To turn guidance off set w to 0.`,
    );
  return async (x, t) => {
    if (w === 0 || t < from || t > to) return cond(x, t);
    const [towards, away] = await both(x, t);
    if (away.length !== towards.length)
      throw new RangeError(
        `guided: the two velocities must have the same length, got ${towards.length} and ${away.length}.`,
      );
    return towards.map((v, i) => (1 + w) * v - w * away[i]);
  };
}
