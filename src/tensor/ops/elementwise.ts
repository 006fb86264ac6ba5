import { node, type Tensor } from '../tensor.ts';
import { broadcastShapes, shapeError } from './check.ts';
import { constant } from './leaf.ts';

type Operand = Tensor | number;

const lift = (x: Operand): Tensor => (typeof x === 'number' ? constant([x], []) : x);

function float(op: string, x: Tensor): void {
  if (x.dtype !== 'float32' && x.dtype !== 'float16') throw shapeError(op, 'a float tensor', x);
}

function unary(op: 'neg' | 'exp' | 'log' | 'sqrt' | 'reciprocal' | 'sigmoid' | 'tanh' | 'erf' | 'sin' | 'cos' | 'abs') {
  return (x: Tensor): Tensor => {
    float(op, x);
    return node(op, [x], {}, x.shape, x.dtype);
  };
}

function binary(op: 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum') {
  return (a: Operand, b: Operand): Tensor => {
    const [x, y] = [lift(a), lift(b)];
    if (x.dtype !== y.dtype) throw shapeError(op, 'operands of one dtype (use cast)', x, y);
    return node(op, [x, y], {}, broadcastShapes(op, x, y), x.dtype);
  };
}

function comparison(op: 'greater' | 'less' | 'equal') {
  return (a: Operand, b: Operand): Tensor => {
    const [x, y] = [lift(a), lift(b)];
    if (x.dtype !== y.dtype) throw shapeError(op, 'operands of one dtype (use cast)', x, y);
    return node(op, [x, y], {}, broadcastShapes(op, x, y), 'bool');
  };
}

export const neg = unary('neg');
export const exp = unary('exp');
export const log = unary('log');
export const sqrt = unary('sqrt');
export const reciprocal = unary('reciprocal');
export const sigmoid = unary('sigmoid');
export const tanh = unary('tanh');
export const erf = unary('erf');
export const sin = unary('sin');
export const cos = unary('cos');
export const abs = unary('abs');
export const add = binary('add');
export const sub = binary('sub');
export const mul = binary('mul');
export const div = binary('div');
export const maximum = binary('maximum');
export const minimum = binary('minimum');
export const greater = comparison('greater');
export const less = comparison('less');
export const equal = comparison('equal');

/** a where `condition`, else b. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  if (condition.dtype !== 'bool') throw shapeError('where', 'a bool condition', condition);
  const [x, y] = [lift(a), lift(b)];
  if (x.dtype !== y.dtype) throw shapeError('where', 'branches of one dtype (use cast)', x, y);
  const both = node('add', [x, y], {}, broadcastShapes('where', x, y), x.dtype);
  return node('where', [condition, x, y], {}, broadcastShapes('where', condition, both), x.dtype);
}

/** x·σ(x). */
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));

/** Gaussian error linear unit; `tanh` is the approximation of TRELLIS's feed-forwards, `none` the exact erf form. */
export function gelu(x: Tensor, approximate: 'tanh' | 'none' = 'tanh'): Tensor {
  float('gelu', x);
  return node('gelu', [x], { approximate }, x.shape, x.dtype);
}

/** ln(1 + eˣ), without overflow: max(x, 0) + ln(1 + e^−|x|). */
export const softplus = (x: Tensor): Tensor => add(maximum(x, 0), log(add(exp(neg(abs(x))), 1)));

export const square = (x: Tensor): Tensor => mul(x, x);
