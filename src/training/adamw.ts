import { add, div, input, minimum, mul, sqrt, sub, sum, type Tensor } from '../tensor/index.ts';

export interface AdamWOptions {
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
  /** decay of the running average of the weights; none without it */
  emaRate?: number;
}

export interface OptimizerGraph {
  /** global norm of the gradients before clipping */
  gradNorm: Tensor;
  /** successor of every state, by state name */
  updates: Record<string, Tensor>;
}

/** Names under which the moments of a weight's gradients live in the session. */
export const momentNames = (weight: string) => [`adam.m/${weight}`, `adam.v/${weight}`] as const;

/** Name of a weight's running average. */
export const averageName = (weight: string) => `ema/${weight}`;

/** What changes from step to step: fed as scalars under these names. */
export const stepInputs = {
  lr: input('lr', []),
  maxNorm: input('maxNorm', []),
  correction1: input('correction1', []),
  correction2: input('correction2', []),
} as const;

/** The scalars of update number `step` (from 1): learning rate, clipping limit, 1/(1 − βᵏ) of both moments. */
export function stepScalars(
  step: number,
  lr: number,
  maxNorm: number,
  [b1, b2]: readonly [number, number] = [0.9, 0.999],
): Record<keyof typeof stepInputs, number> {
  return { lr, maxNorm, correction1: 1 / (1 - b1 ** step), correction2: 1 / (1 - b2 ** step) };
}

/**
 * AdamW with global-norm clipping, as graph:
 *   g ← g·min(1, M/(‖g‖ + 1e-6));  m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;
 *   θ ← θ − lr·λ·θ − lr·m̂/(√v̂ + ε);  ema ← r·ema + (1 − r)·θ.
 * Every update waits for every gradient through the norm, so states may be overwritten in place.
 * @param gradNorm  the norm to clip by, when it is that of more gradients than these
 * Source: Loshchilov & Hutter 2019; reference/training.md §5.4–5.6.
 */
export function adamW(
  weights: ReadonlyMap<string, Tensor>,
  grads: readonly Tensor[],
  options: AdamWOptions = {},
  gradNorm: Tensor = globalNorm(grads),
): OptimizerGraph {
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0, emaRate } = options;
  const { lr, correction1, correction2 } = stepInputs;
  const clip = clipFactor(gradNorm);
  const clip1 = mul(clip, 1 - b1);
  const clip2 = mul(clip, Math.sqrt(1 - b2)); // squared with the gradient
  const root2 = sqrt(correction2);
  const kept = sub(1, mul(lr, weightDecay));
  const rate = div(mul(lr, correction1), root2);
  const floor = div(eps, root2);
  const updates: Record<string, Tensor> = {};
  for (const [i, [name, theta]] of [...weights].entries()) {
    const [mName, vName] = momentNames(name);
    // Scalars are gathered where they cost nothing: each line more is a pass over all weights.
    const m = add(mul(input(mName, theta.shape), b1), mul(grads[i], clip1));
    const s = mul(grads[i], clip2);
    const v = add(mul(input(vName, theta.shape), b2), mul(s, s));
    const step = div(mul(m, rate), add(sqrt(v), floor)); // m̂/(√v̂ + ε), both divided by √correction2
    const next = sub(weightDecay ? mul(theta, kept) : theta, step);
    updates[name] = next;
    updates[mName] = m;
    updates[vName] = v;
    if (emaRate !== undefined) updates[averageName(name)] = average(name, next, emaRate);
  }
  return { gradNorm, updates };
}

/** The square root of the sum of all squares. */
export const globalNorm = (grads: readonly Tensor[]): Tensor =>
  sqrt(grads.map((g) => sum(mul(g, g))).reduce((a, b) => add(a, b)));

/** What every gradient is multiplied by: min(1, M/(‖g‖ + 1e-6)). */
export const clipFactor = (gradNorm: Tensor): Tensor => minimum(div(stepInputs.maxNorm, add(gradNorm, 1e-6)), 1);

/** ema ← r·ema + (1 − r)·θ. */
export const average = (weight: string, next: Tensor, rate: number): Tensor =>
  add(mul(input(averageName(weight), next.shape), rate), mul(next, 1 - rate));
