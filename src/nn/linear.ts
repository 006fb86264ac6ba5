import { affine, type Initializer, type Scope, type Tensor, xavier, zeros } from '../tensor/index.ts';

/** x·Wᵀ + b over the last axis. Declares `weight` [out, in] and `bias` [out]. */
export function linear(p: Scope, x: Tensor, out: number, init: Initializer = xavier): Tensor {
  const inSize = x.shape[x.shape.length - 1];
  return affine(x, p.weight('weight', [out, inSize], init), p.weight('bias', [out], zeros));
}
