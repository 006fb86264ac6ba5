import { node, type Tensor } from '../tensor.ts';
import { axisOf, shapeError } from './check.ts';

interface ReduceOptions {
  /** axes to reduce; all by default */
  axes?: readonly number[];
  keepDims?: boolean;
}

function reduction(op: 'sum' | 'mean' | 'max') {
  return (x: Tensor, { axes, keepDims = false }: ReduceOptions = {}): Tensor => {
    const list = [...new Set((axes ?? x.shape.map((_, i) => i)).map((a) => axisOf(op, x, a)))].sort((a, b) => a - b);
    if (list.length === 0) return x;
    const shape = keepDims
      ? x.shape.map((d, i) => (list.includes(i) ? 1 : d))
      : x.shape.filter((_, i) => !list.includes(i));
    return node(op, [x], { axes: list, keepDims }, shape, x.dtype);
  };
}

export const sum = reduction('sum');
export const mean = reduction('mean');
export const max = reduction('max');

/** Softmax over the last axis. */
export function softmax(x: Tensor): Tensor {
  if (x.shape.length === 0) throw shapeError('softmax', 'at least one axis', x);
  return node('softmax', [x], {}, x.shape, x.dtype);
}

/** 1/√(σ² + eps) over the last axis, biased variance; that axis stays, of size 1. What the gradient of `normalize` needs. */
export function inverseDeviation(x: Tensor, eps: number): Tensor {
  if (x.shape.length === 0) throw shapeError('inverseDeviation', 'at least one axis', x);
  return node('inverseDeviation', [x], { eps }, [...x.shape.slice(0, -1), 1], x.dtype);
}

/** (x − µ)/√(σ² + eps) over the last axis, biased variance: a layer norm without affine parameters. */
export function normalize(x: Tensor, eps: number): Tensor {
  if (x.shape.length === 0) throw shapeError('normalize', 'at least one axis', x);
  return node('normalize', [x], { eps }, x.shape, x.dtype);
}
