import type { Dim } from '../dim.ts';
import { add, cos, div, equal, exp, greater, less, mul, neg, sigmoid, sin, sub, where } from '../ops/elementwise.ts';
import { constant } from '../ops/leaf.ts';
import { affine, gather, matmul, scatterAdd } from '../ops/product.ts';
import { inverseDeviation, mean, normalize, sum } from '../ops/reduce.ts';
import { cast, concat, expand, pad, parts, reshape, slice, transpose } from '../ops/shape.ts';
import { conv3d } from '../ops/volume.ts';
import { node, type OpName, type Tensor } from '../tensor.ts';
import { attentionGradient } from './attention.ts';
import { sumTo } from './sum-to.ts';

/**
 * Adjoint of one operation: given the operation `y` and the gradient `g` of a scalar with respect to it, the gradients
 * with respect to each input; undefined where nothing flows.
 */
export type Rule<K extends OpName> = (y: Tensor<K>, g: Tensor) => (Tensor | undefined)[];

const none = () => [];

/** For operands that may have been broadcast: each gradient is summed back to its operand's shape. */
const back = (y: Tensor, ...grads: (Tensor | undefined)[]) => grads.map((g, i) => g && sumTo(g, y.inputs[i].shape));

/** The reduced axes put back as size 1, so that the value broadcasts over the input again. */
function kept(y: Tensor<'sum' | 'mean' | 'max'>, value: Tensor): Tensor {
  const { axes } = y.attributes;
  return reshape(
    value,
    y.inputs[0].shape.map((d, i) => (axes.includes(i) ? 1 : d)),
  );
}

/** The table is total: an operation without a rule does not compile. Derivations: reference/training.md §20. */
export const rules: { [K in OpName]: Rule<K> } = {
  input: none,
  parameter: none,
  constant: none,
  greater: none,
  less: none,
  equal: none,
  stopGradient: none,
  neg: (_, g) => [neg(g)],
  exp: (y, g) => [mul(g, y)],
  log: (y, g) => [div(g, y.inputs[0])],
  sqrt: (y, g) => [div(mul(g, 0.5), y)],
  reciprocal: (y, g) => [neg(mul(g, mul(y, y)))],
  sigmoid: (y, g) => [mul(g, mul(y, sub(1, y)))],
  tanh: (y, g) => [mul(g, sub(1, mul(y, y)))],
  erf: (y, g) => [mul(g, mul(2 / Math.sqrt(Math.PI), exp(neg(mul(y.inputs[0], y.inputs[0])))))],
  sin: (y, g) => [mul(g, cos(y.inputs[0]))],
  cos: (y, g) => [neg(mul(g, sin(y.inputs[0])))],
  abs: (y, g) => [where(less(y.inputs[0], 0), neg(g), g)],
  gelu: (y, g) => [mul(g, geluSlope(y))],
  add: (y, g) => back(y, g, g),
  sub: (y, g) => back(y, g, neg(g)),
  mul: (y, g) => back(y, mul(g, y.inputs[1]), mul(g, y.inputs[0])),
  div: (y, g) => {
    const [, b] = y.inputs;
    const ga = div(g, b);
    return back(y, ga, neg(mul(ga, y)));
  },
  maximum: (y, g) => {
    const [a, b] = y.inputs;
    const first = cast(greater(a, b), 'float32');
    return back(y, mul(g, first), mul(g, sub(1, first)));
  },
  minimum: (y, g) => {
    const [a, b] = y.inputs;
    const first = cast(less(a, b), 'float32');
    return back(y, mul(g, first), mul(g, sub(1, first)));
  },
  where: (y, g) => {
    const [condition] = y.inputs;
    return back(y, undefined, where(condition, g, 0), where(condition, 0, g));
  },
  matmul: (y, g) => {
    const [a, b] = y.inputs;
    const { transA, transB } = y.attributes;
    const ga = transA ? matmul(b, g, { transA: transB, transB: true }) : matmul(g, b, { transB: !transB });
    const gb = transB ? matmul(g, a, { transA: true, transB: transA }) : matmul(a, g, { transA: !transA });
    return [ga, gb];
  },
  linear: (y, g) => {
    const [x, w, bias] = y.inputs;
    const rows = (t: Tensor) => reshape(t, [-1, t.shape[t.shape.length - 1]]);
    const gx = reshape(affine(rows(g), transpose(w, [1, 0])), x.shape);
    const gw = matmul(rows(g), rows(x), { transA: true });
    return [gx, gw, bias && sum(rows(g), { axes: [0] })];
  },
  sum: (y, g) => [expand(kept(y, g), y.inputs[0].shape)],
  mean: (y, g) => {
    // The number of averaged values may be a named size: 1/n is the mean's own derivative, read off mean and sum of ones.
    const [x] = y.inputs;
    const count = x.shape.reduce<number | undefined>(
      (n, d, i) => (y.attributes.axes.includes(i) ? (typeof d === 'number' && n !== undefined ? n * d : undefined) : n),
      1,
    );
    const spread = expand(kept(y, g), x.shape);
    if (count !== undefined) return [mul(spread, 1 / count)];
    const ones = expand(
      constant(
        [1],
        x.shape.map(() => 1),
      ),
      x.shape,
    );
    return [div(spread, sum(ones, { axes: y.attributes.axes, keepDims: true }))];
  },
  max: (y, g) => {
    const [x] = y.inputs;
    const hit = cast(equal(x, kept(y, y)), 'float32');
    const ties = sum(hit, { axes: y.attributes.axes, keepDims: true });
    return [mul(div(hit, ties), kept(y, g))];
  },
  softmax: (y, g) => {
    const inner = sum(mul(g, y), { axes: [-1], keepDims: true });
    return [mul(y, sub(g, inner))];
  },
  normalize: (y, g) => {
    // y = (x − µ)/s. With g: dx = (g − mean(g) − y·mean(g·y))/s
    const inverse = inverseDeviation(y.inputs[0], y.attributes.eps);
    const meanG = mean(g, { axes: [-1], keepDims: true });
    const meanGy = mean(mul(g, y), { axes: [-1], keepDims: true });
    return [mul(sub(sub(g, meanG), mul(y, meanGy)), inverse)];
  },
  inverseDeviation: (y, g) => {
    // r = (σ² + eps)^−½: dr = −r³·(x − µ)/n = −r²·x̂/n
    const [x] = y.inputs;
    const width = x.shape[x.shape.length - 1] as number;
    return [mul(mul(g, mul(mul(y, y), -1 / width)), normalize(x, y.attributes.eps))];
  },
  conv3d: (y, g) => {
    const [x, w, bias] = y.inputs;
    const { stride, padding } = y.attributes;
    const k = w.shape[2] as number;
    const gw = node('conv3dWeightGrad', [x, g], { stride, padding, kernel: k }, w.shape);
    return [convInputGradient(x, w, g, stride, padding), gw, bias && sum(g, { axes: [0, 2, 3, 4] })];
  },
  conv3dWeightGrad: (y, g) => {
    const [x, dy] = y.inputs;
    const { stride, padding } = y.attributes;
    return [convInputGradient(x, g, dy, stride, padding), conv3d(x, g, undefined, { stride, padding })];
  },
  sparseConv: (y, g) => {
    const [x, w, ...rest] = y.inputs;
    const { taps } = y.attributes;
    const plan = rest.slice(0, taps === 'pairs' ? 3 : 1);
    const gw = node('sparseConvWeightGrad', [x, g, ...plan], { taps }, w.shape);
    const grads = [sparseConvAdjoint(w, g, taps, plan, x.shape[0]), gw, ...plan.map(() => undefined)];
    return rest.length > plan.length ? [...grads, sum(g, { axes: [0] })] : grads;
  },
  sparseConvWeightGrad: (y, g) => {
    const [x, dy, ...plan] = y.inputs;
    const { taps } = y.attributes;
    return [
      sparseConvAdjoint(g, dy, taps, plan, x.shape[0]),
      node('sparseConv', [x, g, ...plan], { taps, rows: dy.shape[0] }, dy.shape),
    ];
  },
  resizeNearest: (y, g) => {
    const [x] = y.inputs;
    const r = y.attributes.factor;
    const [b, c, X, Y, Z] = x.shape;
    return [sum(reshape(g, [b, c, X, r, Y, r, Z, r]), { axes: [3, 5, 7] })];
  },
  reshape: (y, g) => [reshape(g, y.inputs[0].shape)],
  transpose: (y, g) => [
    transpose(
      g,
      y.attributes.perm.map((_, i) => y.attributes.perm.indexOf(i)),
    ),
  ],
  slice: (y, g) => {
    const [x] = y.inputs;
    const { axis, start, end, step } = y.attributes;
    if (step === -1) return [slice(g, axis, 0, 0, -1)];
    const size = x.shape[axis] as number;
    if (step === 1) return [padAxis(g, axis, start, size - end)];
    return [padAxis(spreadAxis(g, axis, step, end - start), axis, start, size - end)];
  },
  concat: (y, g) => {
    const { axis } = y.attributes;
    return parts(
      g,
      y.inputs.map((part) => part.shape[axis]),
      axis,
    );
  },
  part: (y, g) => {
    const { axis, sizes, index } = y.attributes;
    const zeros = (size: Dim) => {
      const shape = g.shape.map((d, i) => (i === axis ? size : d));
      return expand(
        constant(
          [0],
          shape.map(() => 1),
        ),
        shape,
      );
    };
    return [
      concat(
        sizes.map((size, i) => (i === index ? g : zeros(size))),
        axis,
      ),
    ];
  },
  pad: (y, g) => {
    const { before, after } = y.attributes;
    return [
      before.reduce((t, b, i) => (b + after[i] === 0 ? t : slice(t, i, b, (t.shape[i] as number) - after[i])), g),
    ];
  },
  expand: (y, g) => [sumTo(g, y.inputs[0].shape)],
  gather: (y, g) => {
    const [x, index] = y.inputs;
    const { axis } = y.attributes;
    if (axis !== 0) throw new Error(`gradient of gather: expected axis 0, got ${axis}. Transpose first.`);
    const flat = reshape(index, [-1]);
    const updates = reshape(g, [flat.shape[0], ...x.shape.slice(1)]);
    return [scatterAdd(updates, flat, x.shape[0])];
  },
  scatterAdd: (y, g) => [gather(g, y.inputs[1])],
  attention: attentionGradient,
  cast: (y, g) => [y.inputs[0].dtype.startsWith('float') ? cast(g, y.inputs[0].dtype) : undefined],
  after: (_, g) => [g],
};

/** d gelu(x)/dx. */
function geluSlope(y: Tensor<'gelu'>): Tensor {
  const [x] = y.inputs;
  if (y.attributes.approximate === 'none') {
    const density = mul(1 / Math.sqrt(2 * Math.PI), exp(mul(-0.5, mul(x, x))));
    const cdf = mul(0.5, add(1, node('erf', [mul(x, Math.SQRT1_2)], {}, x.shape)));
    return add(cdf, mul(x, density));
  }
  // y = x·σ(2u), u = √(2/π)(x + 0.044715x³): slope = σ + x·σ(1 − σ)·2u' = σ·(1 + (x − y)·2u')
  const c = 2 * Math.sqrt(2 / Math.PI);
  const xx = mul(x, x);
  const s = sigmoid(mul(x, add(mul(xx, c * 0.044715), c)));
  return mul(s, add(1, mul(sub(x, y), add(mul(xx, 3 * c * 0.044715), c))));
}

/**
 * A convolution's adjoint in its input: the gradient, spread by the stride and padded, convolved with the mirrored
 * kernel (ConvTranspose is 3–10 times slower on CPUs and missing in 3-D on WebGPU).
 */
function convInputGradient(x: Tensor, w: Tensor, g: Tensor, stride: number, padding: number): Tensor {
  const k = w.shape[2] as number;
  if (stride === k && padding === 0 && x.shape.slice(2).every((d) => (d as number) % k === 0))
    return patchInputGradient(x, w, g, k);
  let mirrored = transpose(w, [1, 0, 2, 3, 4]);
  for (const axis of [2, 3, 4]) if (k > 1) mirrored = slice(mirrored, axis, 0, 0, -1);
  let spread = g;
  for (const axis of [2, 3, 4]) {
    const size = g.shape[axis] as number;
    const full = (x.shape[axis] as number) + 2 * padding - k + 1;
    if (stride > 1) spread = spreadAxis(spread, axis, stride, (size - 1) * stride + 1);
    const edge = k - 1 - padding;
    spread = padAxis(spread, axis, Math.max(edge, 0), Math.max(edge, 0) + full - (spread.shape[axis] as number));
  }
  const crop = Math.max(padding - (k - 1), 0);
  let dx = conv3d(spread, mirrored, undefined, { stride: 1, padding: 0 });
  if (crop > 0) for (const axis of [2, 3, 4]) dx = slice(dx, axis, crop, (dx.shape[axis] as number) - crop);
  return dx;
}

/**
 * A sparse convolution's adjoint in its input. Pairs are read the other way; a table is its own mirror image, so there the
 * taps are reversed.
 */
function sparseConvAdjoint(w: Tensor, g: Tensor, taps: 'pairs' | 'table', plan: readonly Tensor[], rows: Dim): Tensor {
  const turned = transpose(w, [2, 1, 0]); // [in, K, out]
  const shape = [rows, w.shape[2]];
  if (taps === 'table') return node('sparseConv', [g, slice(turned, 1, 0, 0, -1), ...plan], { taps, rows }, shape);
  const [src, dst, sizes] = plan;
  return node('sparseConv', [g, turned, dst, src, sizes], { taps, rows }, shape);
}

/** The same for non-overlapping patches (kernel = stride): one matrix product, then the patches put in place. */
function patchInputGradient(x: Tensor, w: Tensor, g: Tensor, k: number): Tensor {
  const [b, cin] = x.shape;
  const [, cout, X, Y, Z] = g.shape;
  const rows = reshape(transpose(g, [0, 2, 3, 4, 1]), [-1, cout]);
  const patches = matmul(rows, reshape(w, [cout, -1]));
  const split = reshape(patches, [b, X, Y, Z, cin, k, k, k]);
  return reshape(transpose(split, [0, 4, 1, 5, 2, 6, 3, 7]), x.shape);
}

function padAxis(x: Tensor, axis: number, before: number, after: number): Tensor {
  if (before === 0 && after === 0) return x;
  const at = (n: number) => x.shape.map((_, i) => (i === axis ? n : 0));
  return pad(x, at(before), at(after));
}

/** step − 1 zeros after each entry along an axis, cut to `length`. */
function spreadAxis(x: Tensor, axis: number, step: number, length: number): Tensor {
  const size = x.shape[axis] as number;
  const split = reshape(x, [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)]);
  const filled = reshape(
    padAxis(split, axis + 1, 0, step - 1),
    x.shape.map((d, i) => (i === axis ? size * step : d)),
  );
  if (size * step === length) return filled;
  return size * step > length ? slice(filled, axis, 0, length) : padAxis(filled, axis, 0, length - size * step);
}
