import { quotient, type Shape, sum } from '../dim.ts';
import type { OpName, Tensor } from '../tensor.ts';
import { conv3d, conv3dWeightGrad } from './convolution.ts';
import { type ExternalData, elementType, type OnnxBuilder } from './model.ts';

/** What an operation needs to write itself down. */
export interface Emit {
  builder: OnnxBuilder;
  device: 'cpu' | 'webgpu' | 'cuda';
  fusedAttention: boolean;
  name(t: Tensor): string;
  /** what `write` writes, written once for one key: an operator with several results serves several tensors */
  once(key: string, write: () => readonly string[]): readonly string[];
  /** where the codes and scales of an 8-bit weight lie */
  int8(t: Tensor): { codes: ExternalData; scales: ExternalData } | undefined;
  /** int64 shape tensors: `exact`, or with a single named size left `open` as −1 (enough for Reshape) */
  shape(shape: Shape): { exact: () => string; open: () => string };
}

type Lowering<K extends OpName> = (t: Tensor<K>, emit: Emit) => string;

const same =
  (type: string): Lowering<OpName> =>
  (t, e) =>
    e.builder.op(type, t.inputs.map(e.name))[0];

const fed: Lowering<OpName> = () => {
  throw new Error('internal: inputs and weights are declared, not computed');
};

const reduce =
  (type: string): Lowering<'sum' | 'mean' | 'max'> =>
  (t, e) =>
    e.builder.op(type, [e.name(t.inputs[0]), e.builder.int64(t.attributes.axes)], {
      keepdims: t.attributes.keepDims ? 1 : 0,
    })[0];

function reshaped(e: Emit, name: string, shape: Shape): string {
  return e.builder.op('Reshape', [name, e.shape(shape).open()])[0];
}

/** How each operation is written in ONNX; the formulations that won are in reference/engine-measurements.md. */
export const lowerings: { [K in OpName]: Lowering<K> } = {
  input: fed,
  parameter: fed,
  constant: (t, e) => e.builder.constant(t.attributes.data, t.shape as number[]),
  neg: same('Neg'),
  exp: same('Exp'),
  log: same('Log'),
  sqrt: same('Sqrt'),
  reciprocal: same('Reciprocal'),
  sigmoid: same('Sigmoid'),
  tanh: same('Tanh'),
  erf: same('Erf'),
  sin: same('Sin'),
  cos: same('Cos'),
  abs: same('Abs'),
  gelu: (t, e) => e.builder.op('Gelu', [e.name(t.inputs[0])], { approximate: { text: t.attributes.approximate } })[0],
  add: same('Add'),
  sub: same('Sub'),
  mul: same('Mul'),
  div: same('Div'),
  maximum: same('Max'),
  minimum: same('Min'),
  greater: same('Greater'),
  less: same('Less'),
  equal: same('Equal'),
  where: same('Where'),
  matmul: (t, e) => {
    const [a, b] = t.inputs;
    const { transA, transB } = t.attributes;
    const [x, y] = [e.name(a), e.name(b)];
    if (!transA && !transB) return e.builder.op('MatMul', [x, y])[0];
    if (a.shape.length === 2)
      return e.builder.op('Gemm', [x, y], { transA: Number(transA), transB: Number(transB) })[0];
    if (e.device === 'cpu')
      return e.builder.op(
        'FusedMatMul',
        [x, y],
        { transA: Number(transA), transB: Number(transB) },
        { domain: 'com.microsoft' },
      )[0];
    const flip = (name: string, rank: number) => e.builder.op('Transpose', [name], { perm: lastTwoSwapped(rank) })[0];
    return e.builder.op('MatMul', [transA ? flip(x, a.shape.length) : x, transB ? flip(y, b.shape.length) : y])[0];
  },
  linear: (t, e) => {
    const [x, w, bias] = t.inputs;
    const flat = x.shape.length === 2 ? e.name(x) : reshaped(e, e.name(x), openRows(x.shape));
    const y = e.int8(w)
      ? linearInt8(t, e, flat)
      : e.builder.op('Gemm', [flat, e.name(w), ...(bias ? [e.name(bias)] : [])], { transB: 1 })[0];
    return x.shape.length === 2 ? y : reshaped(e, y, t.shape);
  },
  sum: reduce('ReduceSum'),
  mean: reduce('ReduceMean'),
  max: reduce('ReduceMax'),
  softmax: (t, e) => softmaxed(e, e.name(t.inputs[0]), t.shape),
  normalize: (t, e) => layerNormalization(t, e)[0],
  inverseDeviation,
  conv3d,
  conv3dWeightGrad,
  sparseConv: (t, e) => (t.attributes.taps === 'pairs' ? convolvePairs(t, e) : convolveTable(t, e)),
  sparseConvWeightGrad,
  resizeNearest: (t, e) => {
    const f = t.attributes.factor;
    const scales = e.builder.constant(Float32Array.of(1, 1, f, f, f), [5]);
    const options = {
      mode: { text: 'nearest' },
      nearest_mode: { text: 'floor' },
      coordinate_transformation_mode: { text: 'asymmetric' },
    };
    return e.builder.op('Resize', [e.name(t.inputs[0]), '', scales], options)[0];
  },
  reshape: (t, e) => reshaped(e, e.name(t.inputs[0]), t.shape),
  transpose: (t, e) => e.builder.op('Transpose', [e.name(t.inputs[0])], { perm: t.attributes.perm })[0],
  slice: (t, e) => {
    const { axis, start, end, step } = t.attributes;
    return sliced(e, e.name(t.inputs[0]), axis, start, end, step);
  },
  concat: (t, e) => e.builder.op('Concat', t.inputs.map(e.name), { axis: t.attributes.axis })[0],
  part: (t, e) => {
    const { axis, sizes, index } = t.attributes;
    const start = sizes.slice(0, index).reduce(sum, 0);
    const [from, to] = [start, sum(start, sizes[index])].map((d) => e.shape([d]).exact());
    return e.builder.op('Slice', [e.name(t.inputs[0]), from, to, e.builder.int64([axis])])[0];
  },
  pad: (t, e) =>
    e.builder.op('Pad', [e.name(t.inputs[0]), e.builder.int64([...t.attributes.before, ...t.attributes.after])])[0],
  expand: (t, e) => e.builder.op('Expand', [e.name(t.inputs[0]), e.shape(t.shape).exact()])[0],
  gather: (t, e) => e.builder.op('Gather', t.inputs.map(e.name), { axis: t.attributes.axis })[0],
  scatterAdd: (t, e) => {
    const [updates, index] = t.inputs;
    const zero = e.builder.constant(
      Float32Array.of(0),
      t.shape.map(() => 1),
    );
    const base = e.builder.op('Expand', [zero, e.shape(t.shape).exact()])[0];
    return e.builder.op('ScatterND', [base, rowIndices(e, index), e.name(updates)], { reduction: { text: 'add' } })[0];
  },
  attention: (t, e) => {
    const isMasked = t.inputs.length > 3; // WebGPU's fused operator has no key_padding_mask
    return e.fusedAttention && !(isMasked && e.device === 'webgpu') ? attentionFused(t, e) : attentionApart(t, e);
  },
  cast: (t, e) => e.builder.op('Cast', [e.name(t.inputs[0])], { to: elementType[t.attributes.to] })[0],
  stopGradient: (t, e) => e.name(t.inputs[0]),
  after: (t, e) => {
    // x + 0·token: a dependency that no optimiser removes. The token is cut first, so that an infinity elsewhere stays there.
    const [x, token] = t.inputs;
    const flat = e.builder.op('Reshape', [e.name(token), e.builder.int64([-1])])[0];
    const first = sliced(e, flat, 0, 0, 1, 1);
    const nothing = e.builder.op('Mul', [first, e.builder.constant(Float32Array.of(0), [1])])[0];
    const finite = e.builder.op('Where', [
      e.builder.op('IsNaN', [nothing])[0],
      e.builder.constant(Float32Array.of(0), [1]),
      nothing,
    ])[0];
    const added = e.builder.op('Add', [e.name(x), finite])[0];
    return x.shape.length === 0 ? reshaped(e, added, []) : added;
  },
};

/** Normalised values, mean, 1/deviation: one operator, whichever of them are asked for. */
function layerNormalization(t: Tensor<'normalize' | 'inverseDeviation'>, e: Emit): readonly string[] {
  const [x] = t.inputs;
  const { eps } = t.attributes;
  return e.once(`normalize ${x.id} ${eps}`, () => {
    const width = x.shape[x.shape.length - 1] as number;
    const scale = e.builder.constant(new Float32Array(width).fill(1), [width]);
    const options = { axis: -1, epsilon: { float: eps } };
    const outputs = e.device === 'webgpu' ? 1 : 3;
    return e.builder.op('LayerNormalization', [e.name(x), scale], options, { outputs });
  });
}

/**
 * On WebGPU from the values themselves: there the runtime fuses a normalisation with the sum before it into an operator that has
 * no such result, and a graph that reads it fails when it is run.
 */
function inverseDeviation(t: Tensor<'inverseDeviation'>, e: Emit): string {
  if (e.device !== 'webgpu') return layerNormalization(t, e)[2];
  const x = e.name(t.inputs[0]);
  const mean = (name: string) => e.builder.op('ReduceMean', [name, e.builder.int64([-1])], { keepdims: 1 })[0];
  const away = e.builder.op('Sub', [x, mean(x)])[0];
  const variance = mean(e.builder.op('Mul', [away, away])[0]);
  const eps = e.builder.constant(Float32Array.of(t.attributes.eps), [1]);
  return e.builder.op('Reciprocal', [e.builder.op('Sqrt', [e.builder.op('Add', [variance, eps])[0]])[0]])[0];
}

function lastTwoSwapped(rank: number): number[] {
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return perm;
}

/** x·Wᵀ + b with 8-bit weights in blocks; inputs are quantised on the way (accuracy level 4), which is where the speed is. */
function linearInt8(t: Tensor<'linear'>, e: Emit, rows: string): string {
  const [, w, bias] = t.inputs as readonly Tensor<'parameter'>[];
  const [out, inputs] = w.shape as readonly number[];
  const { codes, scales } = e.int8(w) as { codes: ExternalData; scales: ExternalData };
  const blocks = scales.length / 4 / out;
  const block = codes.length / out / blocks;
  const [q, s] = [`${w.attributes.name}.codes`, `${w.attributes.name}.scales`];
  e.builder.external(q, [out, blocks, block], 'uint8', codes);
  e.builder.external(s, [out, blocks], 'float32', scales);
  const options = { K: inputs, N: out, bits: 8, block_size: block, accuracy_level: 4 };
  const y = e.builder.op('MatMulNBits', [rows, q, s], options, { domain: 'com.microsoft' })[0];
  return bias ? e.builder.op('Add', [y, e.name(bias)])[0] : y;
}

/** [.., C] flattened to rows; one named size at most stays open. */
function openRows(shape: Shape): Shape {
  return [-1, shape[shape.length - 1]];
}

function sliced(e: Emit, x: string, axis: number, start: number, end: number, step: number): string {
  const i = (v: number) => e.builder.int64([v]);
  return e.builder.op('Slice', [x, i(start), i(end), i(axis), i(step)])[0];
}

/** Softmax over the last axis. WebGPU refuses one of no rows (a bucket without windows): there it gets a row more. */
function softmaxed(e: Emit, x: string, shape: Shape): string {
  const softmax = (name: string) => e.builder.op('Softmax', [name], { axis: -1 })[0];
  const width = shape[shape.length - 1];
  if (e.device !== 'webgpu' || typeof shape[0] === 'number' || typeof width !== 'number') return softmax(x);
  const rows = e.builder.op('Reshape', [x, e.builder.int64([-1, width])])[0];
  const zeros = e.builder.constant(new Float32Array(width), [1, width]);
  const more = softmax(e.builder.op('Concat', [rows, zeros], { axis: 0 })[0]);
  return e.builder.op('Reshape', [sliced(e, more, 0, 0, -1, 1), e.shape(shape).exact()])[0];
}

function attentionFused(t: Tensor<'attention'>, e: Emit): string {
  const [q, k, v, ...keys] = t.inputs.map(e.name);
  return e.builder.op(
    'MultiHeadAttention',
    [q, k, v, ...keys.flatMap((name) => ['', name])],
    { num_heads: t.attributes.heads },
    { domain: 'com.microsoft' },
  )[0];
}

/** The same in separate steps, for devices whose fused operator is missing or wrong (see runtime/attention-self-test.ts). */
function attentionApart(t: Tensor<'attention'>, e: Emit): string {
  const { heads } = t.attributes;
  const d = (t.shape[2] as number) / heads;
  const apart = (x: Tensor, perm: number[]) => e.builder.op('Transpose', [reshaped4(e, x, heads, d)], { perm })[0];
  const [q, k, v, keys] = t.inputs;
  const scaled = e.builder.op('Mul', [
    apart(q, [0, 2, 1, 3]),
    e.builder.constant(Float32Array.of(1 / Math.sqrt(d)), [1]),
  ])[0];
  let scores = e.builder.op('MatMul', [scaled, apart(k, [0, 2, 3, 1])])[0];
  if (keys) {
    const l = k.shape[1] as number;
    const positions = e.builder.constant(
      Int32Array.from({ length: l }, (_, i) => i),
      [1, 1, 1, l],
    );
    const counts = e.builder.op('Less', [positions, reshaped(e, e.name(keys), [-1, 1, 1, 1])])[0];
    const beyond = [0, -1e9].map((v) => e.builder.constant(Float32Array.of(v), [1]));
    scores = e.builder.op('Add', [scores, e.builder.op('Where', [counts, ...beyond])[0]])[0];
  }
  const mixed = e.builder.op('MatMul', [
    softmaxed(e, scores, [t.shape[0], heads, q.shape[1], k.shape[1]]),
    apart(v, [0, 2, 1, 3]),
  ])[0];
  return e.builder.op('Reshape', [
    e.builder.op('Transpose', [mixed], { perm: [0, 2, 1, 3] })[0],
    e.shape(t.shape).exact(),
  ])[0];
}

function reshaped4(e: Emit, x: Tensor, heads: number, d: number): string {
  return e.builder.op('Reshape', [e.name(x), e.builder.int64([0, 0, heads, d])])[0];
}

/** Gather[N, K·in], one product. */
function convolveTable(t: Tensor<'sparseConv'>, e: Emit): string {
  const [x, w, table, bias] = t.inputs;
  const [cout, k, cin] = w.shape as readonly number[];
  const flat = e.builder.op('Reshape', [e.name(w), e.builder.int64([cout, k * cin])])[0];
  const operands = [neighborsSideBySide(e, x, table), flat, ...(bias ? [e.name(bias)] : [])];
  return e.builder.op('Gemm', operands, { transB: 1 })[0];
}

/** The rows that a table names, tap after tap: [N, K·in]. A row of zeros stands in for missing neighbors. */
function neighborsSideBySide(e: Emit, x: Tensor, table: Tensor): string {
  const [, cin] = x.shape as readonly number[];
  const zeros = e.builder.constant(new Float32Array(cin), [1, cin]);
  const withZeros = e.builder.op('Concat', [e.name(x), zeros], { axis: 0 })[0];
  const gathered = e.builder.op('Gather', [withZeros, e.name(table)], { axis: 0 })[0];
  return e.builder.op('Reshape', [gathered, e.builder.int64([0, (table.shape[1] as number) * cin])])[0];
}

/**
 * Tap after tap, scattered into one result that starts as the bias. Where the target has several rows for each of the
 * source's (a subdivision), products come first, on the fewer rows; where it has fewer, sums come first: 8 times less work.
 */
function convolvePairs(t: Tensor<'sparseConv'>, e: Emit): string {
  const [x, w, src, dst, sizes, bias] = t.inputs;
  const [cout, k, cin] = w.shape as readonly number[];
  const { rows } = t.attributes;
  const grows = Number(quotient(rows, x.shape[0]) ?? 1) > 1;
  const shrinks = Number(quotient(x.shape[0], rows) ?? 1) > 1;
  const tapsFirst = e.builder.op('Transpose', [e.name(w)], { perm: [1, 0, 2] })[0]; // [K, out, in]
  const lengths = e.builder.op('Cast', [e.name(sizes)], { to: elementType.int64 })[0];
  const from = runs(e, e.name(src), lengths, k);
  const to = runs(e, rowIndices(e, dst), lengths, k);
  const filled = (value: string, width: number) => e.builder.op('Expand', [value, e.shape([rows, width]).exact()])[0];
  const zero = (width: number) => e.builder.constant(new Float32Array(width), [1, width]);
  const weights = from.map((_, i) =>
    e.builder.op('Reshape', [sliced(e, tapsFirst, 0, i, i + 1, 1), e.builder.int64([cout, cin])]),
  );
  const product = (a: string, i: number, ...plus: string[]) =>
    e.builder.op('Gemm', [a, ...weights[i], ...plus], { transB: 1 })[0];
  const picked = (a: string, i: number) => e.builder.op('Gather', [a, from[i]], { axis: 0 })[0];
  const added = (onto: string, a: string, i: number) =>
    e.builder.op('ScatterND', [onto, to[i], a], { reduction: { text: 'add' } })[0];
  // What each tap adds is written down before any is added: the runtime goes back from the last node written, so it then
  // adds each as soon as it exists. The other way round all 27 are alive at once (2.1 GB instead of 0.7 at 177 000 rows).
  const parts = from.map((_, i) => {
    if (grows) return picked(product(e.name(x), i), i);
    if (shrinks) return added(filled(zero(cin), cin), picked(e.name(x), i), i);
    return product(picked(e.name(x), i), i);
  });
  const start = filled(bias ? e.name(bias) : zero(cout), cout);
  return parts.reduce((y, part, i) => (shrinks ? product(part, i, y) : added(y, part, i)), start);
}

/** dW[:, k, :] = dyᵀ·x over the pairs of tap k. */
function sparseConvWeightGrad(t: Tensor<'sparseConvWeightGrad'>, e: Emit): string {
  const [cout, k, cin] = t.shape as readonly number[];
  const [x, dy, ...plan] = t.inputs;
  if (t.attributes.taps === 'table') {
    const product = e.builder.op('Gemm', [e.name(dy), neighborsSideBySide(e, x, plan[0])], { transA: 1 })[0];
    return e.builder.op('Reshape', [product, e.builder.int64([cout, k, cin])])[0];
  }
  const [src, dst, sizes] = plan;
  const lengths = e.builder.op('Cast', [e.name(sizes)], { to: elementType.int64 })[0];
  const from = runs(e, e.name(src), lengths, k);
  const to = runs(e, e.name(dst), lengths, k);
  const taps = from.map((_, i) => {
    const rows = [
      e.builder.op('Gather', [e.name(dy), to[i]], { axis: 0 })[0],
      e.builder.op('Gather', [e.name(x), from[i]], { axis: 0 })[0],
    ];
    const product = e.builder.op('Gemm', rows, { transA: 1 })[0]; // [out, in]
    return e.builder.op('Reshape', [product, e.builder.int64([cout, 1, cin])])[0];
  });
  return e.builder.op('Concat', taps, { axis: 1 })[0];
}

/** A list of pairs cut into those of each tap. WebGPU's Split has no room for so many parts: it takes slices. */
function runs(e: Emit, list: string, lengths: string, k: number): string[] {
  if (e.device !== 'webgpu') return e.builder.op('Split', [list, lengths], { axis: 0 }, { outputs: k });
  const ends = e.builder.op('CumSum', [lengths, e.builder.int64([0])])[0];
  const starts = e.builder.op('Sub', [ends, lengths])[0];
  return Array.from({ length: k }, (_, i) => {
    const [from, to] = [starts, ends].map((name) => sliced(e, name, 0, i, i + 1, 1));
    return e.builder.op('Slice', [list, from, to, e.builder.int64([0])])[0];
  });
}

/** int32 [P] → int64 [P, 1], as ScatterND takes rows. */
function rowIndices(e: Emit, index: Tensor): string {
  const wide = e.builder.op('Cast', [e.name(index)], { to: elementType.int64 })[0];
  return e.builder.op('Unsqueeze', [wide, e.builder.int64([1])])[0];
}
