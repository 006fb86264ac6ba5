import { abs, add, div, exp, log, maximum, mean, mul, neg, sigmoid, sub, sum, type Tensor } from '../tensor/index.ts';

/** Reconstruction losses of an occupancy grid from logits; the published one is dice. reference/training.md §9. */
export type OccupancyLoss = 'bce' | 'l1' | 'dice';

/** Mean loss between logits and a 0/1 target of the same shape. Dice sums over the whole micro-batch. */
export function occupancyLoss(kind: OccupancyLoss, logits: Tensor, target: Tensor): Tensor {
  switch (kind) {
    case 'bce': // max(ℓ, 0) − ℓ·s + ln(1 + e^−|ℓ|)
      return mean(add(sub(maximum(logits, 0), mul(logits, target)), log(add(exp(neg(abs(logits))), 1))));
    case 'l1':
      return mean(abs(sub(sigmoid(logits), target)));
    case 'dice': {
      const p = sigmoid(logits);
      const overlap = add(mul(sum(mul(p, target)), 2), 1);
      return sub(1, div(overlap, add(add(sum(p), sum(target)), 1)));
    }
  }
}

/** KL divergence of N(mean, e^logvar) from N(0, 1), averaged over all elements. */
export function klLoss(mu: Tensor, logvar: Tensor): Tensor {
  return mul(0.5, mean(sub(sub(add(mul(mu, mu), exp(logvar)), logvar), 1)));
}

/** Mean squared error. */
export function mseLoss(a: Tensor, b: Tensor): Tensor {
  const d = sub(a, b);
  return mean(mul(d, d));
}
