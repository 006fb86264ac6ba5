/**
 * The straight path between data (t = 0) and noise (t = 1), and the conversions along it, elementwise:
 *   x(t) = (1 − t)·x0 + σ(t)·noise,   σ(t) = sigmaMin + (1 − sigmaMin)·t,
 *   v    = dx/dt = (1 − sigmaMin)·noise − x0.
 * Source: Lipman et al. 2023, "Flow Matching for Generative Modeling", §4.1, with time reversed; Xiang et al. 2024, §3.3.
 */

/** Smallest noise scale of the published models. */
export const SIGMA_MIN = 1e-5;

/** The sample at time `t`. x0 [n], noise [n] → [n]. */
export function xAt(x0: Float32Array, noise: Float32Array, t: number, sigmaMin = SIGMA_MIN): Float32Array {
  expectSameLength('xAt', x0, noise);
  const sigma = sigmaMin + (1 - sigmaMin) * t;
  return x0.map((value, i) => (1 - t) * value + sigma * noise[i]);
}

/** What a velocity network learns to predict; the same at every `t`. x0 [n], noise [n] → [n]. */
export function velocityTarget(x0: Float32Array, noise: Float32Array, sigmaMin = SIGMA_MIN): Float32Array {
  expectSameLength('velocityTarget', x0, noise);
  return x0.map((value, i) => (1 - sigmaMin) * noise[i] - value);
}

/** The data that `velocity` at `x` points back to. x [n], velocity [n] → [n]. */
export function x0FromVelocity(x: Float32Array, velocity: Float32Array, t: number, sigmaMin = SIGMA_MIN): Float32Array {
  expectSameLength('x0FromVelocity', x, velocity);
  const sigma = sigmaMin + (1 - sigmaMin) * t;
  return x.map((value, i) => (1 - sigmaMin) * value - sigma * velocity[i]);
}

/**
 * The velocity at `x` that points back to the data x0; t > 0. x [n], x0 [n] → [n].
 *   v = α·x − β·x0,   α = (1 − sigmaMin)/σ(t),   β = 1 + α·(1 − t).
 */
export function velocityFromX0(x: Float32Array, x0: Float32Array, t: number, sigmaMin = SIGMA_MIN): Float32Array {
  expectSameLength('velocityFromX0', x, x0);
  const alpha = (1 - sigmaMin) / (sigmaMin + (1 - sigmaMin) * t);
  const beta = velocityPerX0(t, sigmaMin);
  return x.map((value, i) => alpha * value - beta * x0[i]);
}

/** β: by how much an error in x0 is larger in the velocity. About 1/t. */
export const velocityPerX0 = (t: number, sigmaMin = SIGMA_MIN): number =>
  1 + ((1 - sigmaMin) * (1 - t)) / (sigmaMin + (1 - sigmaMin) * t);

/** The noise that `velocity` at `x` comes from. x [n], velocity [n] → [n]. */
export function noiseFromVelocity(x: Float32Array, velocity: Float32Array, t: number): Float32Array {
  expectSameLength('noiseFromVelocity', x, velocity);
  return x.map((value, i) => (1 - t) * velocity[i] + value);
}

function expectSameLength(where: string, a: Float32Array, b: Float32Array): void {
  if (a.length !== b.length)
    throw new RangeError(`${where}: both arrays must have the same length, got ${a.length} and ${b.length}.`);
}
