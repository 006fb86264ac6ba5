import type { Dim, Shape } from './dim.ts';
import type { Initializer } from './init.ts';

export type DType = 'float32' | 'float16' | 'int32' | 'int64' | 'bool' | 'uint8';

/** What each operation carries besides its inputs. The keys are the engine's whole vocabulary. */
export interface OpAttributes {
  input: { name: string };
  parameter: { name: string; init: Initializer };
  constant: { data: Float32Array | Int32Array };
  neg: object;
  exp: object;
  log: object;
  sqrt: object;
  reciprocal: object;
  sigmoid: object;
  tanh: object;
  erf: object;
  sin: object;
  cos: object;
  abs: object;
  gelu: { approximate: 'tanh' | 'none' };
  add: object;
  sub: object;
  mul: object;
  div: object;
  maximum: object;
  minimum: object;
  greater: object;
  less: object;
  equal: object;
  where: object;
  matmul: { transA: boolean; transB: boolean };
  linear: object;
  sum: { axes: readonly number[]; keepDims: boolean };
  mean: { axes: readonly number[]; keepDims: boolean };
  max: { axes: readonly number[]; keepDims: boolean };
  softmax: object;
  normalize: { eps: number };
  inverseDeviation: { eps: number };
  conv3d: { stride: number; padding: number };
  conv3dWeightGrad: { stride: number; padding: number; kernel: number };
  sparseConv: { taps: 'pairs' | 'table'; rows: Dim };
  sparseConvWeightGrad: { taps: 'pairs' | 'table' };
  resizeNearest: { factor: number };
  reshape: object;
  transpose: { perm: readonly number[] };
  slice: { axis: number; start: number; end: number; step: number };
  concat: { axis: number };
  part: { axis: number; sizes: readonly Dim[]; index: number };
  pad: { before: readonly number[]; after: readonly number[] };
  expand: object;
  gather: { axis: number };
  scatterAdd: { rows: Dim };
  attention: { heads: number };
  cast: { to: DType };
  stopGradient: object;
  after: object;
}

export type OpName = keyof OpAttributes;

/** A value that will exist when the graph runs: an operation, its inputs, its shape. Pure data, never mutated. */
export interface Tensor<K extends OpName = OpName> {
  readonly id: number;
  readonly op: K;
  readonly inputs: readonly Tensor[];
  readonly attributes: OpAttributes[K];
  readonly shape: Shape;
  readonly dtype: DType;
}

let nextId = 0;

export function node<K extends OpName>(
  op: K,
  inputs: readonly Tensor[],
  attributes: OpAttributes[K],
  shape: Shape,
  dtype: DType = 'float32',
): Tensor<K> {
  return { id: nextId++, op, inputs, attributes, shape, dtype };
}

export const is = <K extends OpName>(op: K, t: Tensor): t is Tensor<K> => t.op === op;

/** Every tensor that `roots` depend on, inputs before their users. */
export function topological(roots: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = [];
  const state = new Map<Tensor, 'open' | 'done'>();
  const stack: Tensor[] = [...roots].reverse();
  while (stack.length > 0) {
    const t = stack[stack.length - 1];
    const seen = state.get(t);
    if (seen === 'done') {
      stack.pop();
    } else if (seen === 'open') {
      state.set(t, 'done');
      order.push(t);
      stack.pop();
    } else {
      state.set(t, 'open');
      for (let i = t.inputs.length - 1; i >= 0; i--) if (!state.has(t.inputs[i])) stack.push(t.inputs[i]);
    }
  }
  return order;
}
