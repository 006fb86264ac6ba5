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

/** Names under which the optimiser's states live in the session. */
export const stateNames = (weight: string) => ({ m: `adam.m/${weight}`, v: `adam.v/${weight}`, ema: `ema/${weight}` });

/** What changes from step to step: fed as scalars under these names. */
export const stepInputs = ['lr', 'maxNorm', 'correction1', 'correction2'] as const;

/** The scalars of update number `step` (from 1): learning rate, clipping limit, 1/(1 − βᵏ) of both moments. */
export function stepScalars(
  step: number,
  lr: number,
  maxNorm: number,
  [b1, b2]: readonly [number, number] = [0.9, 0.999],
): Record<(typeof stepInputs)[number], number> {
  return { lr, maxNorm, correction1: 1 / (1 - b1 ** step), correction2: 1 / (1 - b2 ** step) };
}

/**
 * AdamW with global-norm clipping, as graph:
 *   g ← g·min(1, M/(‖g‖ + 1e-6));  m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;
 *   θ ← θ − lr·λ·θ − lr·m̂/(√v̂ + ε);  ema ← r·ema + (1 − r)·θ.
 * Every update waits for every gradient through the norm, so states may be overwritten in place.
 * Source: Loshchilov & Hutter 2019; reference/training.md §5.4–5.6.
 */
export function adamW(
  weights: ReadonlyMap<string, Tensor>,
  grads: readonly Tensor[],
  options: AdamWOptions = {},
): OptimizerGraph {
  const { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0, emaRate } = options;
  const [lr, maxNorm, correction1, correction2] = stepInputs.map((name) => input(name, []));
  const gradNorm = sqrt(grads.map((g) => sum(mul(g, g))).reduce((a, b) => add(a, b)));
  const clip = minimum(div(maxNorm, add(gradNorm, 1e-6)), 1);
  const kept = sub(1, mul(lr, weightDecay));
  const rate = mul(lr, correction1);
  const updates: Record<string, Tensor> = {};
  for (const [i, [name, theta]] of [...weights].entries()) {
    const names = stateNames(name);
    const g = mul(grads[i], clip);
    const m = add(mul(input(names.m, theta.shape), b1), mul(g, 1 - b1));
    const v = add(mul(input(names.v, theta.shape), b2), mul(mul(g, g), 1 - b2));
    const step = div(mul(m, rate), add(sqrt(mul(v, correction2)), eps));
    const next = sub(weightDecay ? mul(theta, kept) : theta, step);
    updates[name] = next;
    updates[names.m] = m;
    updates[names.v] = v;
    if (emaRate !== undefined)
      updates[names.ema] = add(mul(input(names.ema, theta.shape), emaRate), mul(next, 1 - emaRate));
  }
  return { gradNorm, updates };
}
