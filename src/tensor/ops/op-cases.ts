/** One table of small uses of every operation, for the tests of values and of gradients. */
import { torchGenerator } from '../random.ts';
import type { Tensor } from '../tensor.ts';
import * as elementwise from './elementwise.ts';
import { constant, input } from './leaf.ts';
import { affine, attention, gather, matmul, scatterAdd } from './product.ts';
import { inverseDeviation, max, mean, normalize, softmax, sum } from './reduce.ts';
import { after, cast, concat, expand, pad, parts, reshape, slice, split, stopGradient, transpose } from './shape.ts';
import { sparseConv } from './sparse.ts';
import type { Array64 } from './twin.ts';
import { conv3d, patchify, pixelShuffle3d, resizeNearest, unpatchify } from './volume.ts';

/** Shape of a normal input; `positive` ones lie in [0.5, 1.5); `index` holds the values of an int32 input [P]. */
type Spec =
  | readonly number[]
  | { positive: readonly number[] }
  | { index: readonly number[]; shape?: readonly number[] };

export interface OpCase {
  name: string;
  inputs: readonly Spec[];
  build: (...x: Tensor[]) => Tensor;
}

/** A plain object, so that operations can be picked by name. */
const e = { ...elementwise };

const use = (name: string, inputs: readonly Spec[], build: OpCase['build']): OpCase => ({ name, inputs, build });

const unary = [
  ...(['neg', 'exp', 'sigmoid', 'tanh', 'erf', 'sin', 'cos', 'abs', 'silu', 'softplus', 'square'] as const).map((op) =>
    use(op, [[3, 5]], (x) => e[op](x)),
  ),
  ...(['log', 'sqrt', 'reciprocal'] as const).map((op) => use(op, [{ positive: [3, 5] }], (x) => e[op](x))),
  use('gelu tanh', [[4, 5]], (x) => e.gelu(x, 'tanh')),
  use('gelu erf', [[4, 5]], (x) => e.gelu(x, 'none')),
];

const shapePairs: readonly [readonly number[], readonly number[]][] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [[], [2, 2]],
  [
    [2, 3],
    [1, 1],
  ],
];

const binary = (['add', 'sub', 'mul', 'div', 'maximum', 'minimum'] as const).flatMap((op) =>
  shapePairs.map(([a, b]) => use(`${op} [${a}] [${b}]`, [a, { positive: b }], (x, y) => e[op](x, y))),
);

const comparisons = [
  ...(['greater', 'less'] as const).map((op) => use(op, [[2, 3], [3]], (x, y) => e.where(e[op](x, y), e.mul(x, 2), y))),
  use('equal', [[2, 3]], (x) => e.where(e.equal(x, max(x)), e.mul(x, 3), x)),
  use('equal of integers', [[4], { index: [1, 2, 1, 0] }], (x, i) =>
    e.where(e.equal(i, constant(Int32Array.of(1), [])), x, 0),
  ),
  use('where, broadcast branches', [[2, 1, 3], [2, 3], [1]], (c, a, b) => e.add(e.where(e.greater(c, 0), a, b), c)),
  use('where, a number', [[2, 3]], (x) => e.where(e.less(x, 0), e.mul(x, 0.1), 5)),
];

const products = [
  ...[[], [2], [2, 3]].flatMap((batch) =>
    [false, true].flatMap((transA) =>
      [false, true].map((transB) =>
        use(
          `matmul rank ${batch.length + 2}${transA ? ' aᵀ' : ''}${transB ? ' bᵀ' : ''}`,
          [
            [...batch, ...(transA ? [4, 3] : [3, 4])],
            [...batch, ...(transB ? [5, 4] : [4, 5])],
          ],
          (a, b) => matmul(a, b, { transA, transB }),
        ),
      ),
    ),
  ),
  use(
    'linear rank 2',
    [
      [3, 4],
      [5, 4],
    ],
    (x, w) => affine(x, w),
  ),
  use('linear rank 2 with bias', [[3, 4], [5, 4], [5]], (x, w, b) => affine(x, w, b)),
  use(
    'linear rank 3',
    [
      [2, 3, 4],
      [5, 4],
    ],
    (x, w) => affine(x, w),
  ),
  use('linear rank 3 with bias', [[2, 3, 4], [5, 4], [5]], (x, w, b) => affine(x, w, b)),
  use('gather', [[4, 3], { index: [2, 0, 2, 2, 3] }], (x, i) => gather(x, i)),
  use('gather, index of rank 2', [[4, 3], { index: [2, 0, 2, 3], shape: [2, 2] }], (x, i) => gather(x, i)),
  use('gather, a vector', [[4], { index: [3, 3, 1] }], (x, i) => gather(x, i)),
  use('scatterAdd', [[5, 3], { index: [2, 0, 2, 2, 3] }], (x, i) => scatterAdd(x, i, 6)),
  use('scatterAdd, many to one', [[400, 2], { index: Array.from({ length: 400 }, (_, i) => i % 3) }], (x, i) =>
    scatterAdd(x, i, 3),
  ),
  use(
    'attention to itself',
    [
      [2, 3, 4],
      [2, 3, 4],
      [2, 3, 4],
    ],
    (q, k, v) => attention(q, k, v, 2),
  ),
  use(
    'attention to others',
    [
      [2, 3, 6],
      [2, 5, 6],
      [2, 5, 6],
    ],
    (q, k, v) => attention(q, k, v, 3),
  ),
  use(
    'attention, one head',
    [
      [1, 4, 3],
      [1, 2, 3],
      [1, 2, 3],
    ],
    (q, k, v) => attention(q, k, v, 1),
  ),
  use('attention, one tensor thrice', [[2, 3, 4]], (x) => attention(x, x, x, 2)),
];

/** Three taps: the row before, the row itself, the row after; rows 2 and 3 are no neighbors. */
const line = {
  table: { index: [5, 0, 1, 0, 1, 2, 1, 2, 5, 5, 3, 4, 3, 4, 5], shape: [5, 3] },
  src: { index: [0, 1, 3, 0, 1, 2, 3, 4, 1, 2, 4] },
  dst: { index: [1, 2, 4, 0, 1, 2, 3, 4, 0, 1, 3] },
  sizes: { index: [3, 5, 3] },
};
/** Each of 2 rows to 4 rows below it, with a tap that joins nothing. */
const toFiner = {
  src: { index: [0, 1, 1, 0, 0, 1] },
  dst: { index: [0, 4, 7, 3, 0, 5] },
  sizes: { index: [3, 0, 3] },
};

/** Rows in varying number: neighbors, sequences of several lengths, parts. Last, so that other cases keep their seeds. */
const irregular = [
  use('attention to the first keys only', [[3, 2, 4], [3, 4, 4], [3, 4, 4], { index: [4, 1, 3] }], (q, k, v, keys) =>
    attention(q, k, v, 2, keys),
  ),
  use('concat of one twice', [[2, 3]], (a) => concat([a, a], -2)),
  use('parts', [[2, 7]], (x) => {
    const [a, , c] = parts(x, [2, 3, 2], 1);
    return e.mul(a, c);
  }),

  use('sparseConv, a table', [[5, 2], [4, 3, 2], line.table], (x, w, table) =>
    sparseConv(x, w, undefined, { kind: 'table', table }, 5),
  ),
  use('sparseConv, a table, bias', [[5, 2], [4, 3, 2], [4], line.table], (x, w, b, table) =>
    sparseConv(x, w, b, { kind: 'table', table }, 5),
  ),
  use('sparseConv, pairs', [[5, 2], [4, 3, 2], line.src, line.dst, line.sizes], (x, w, src, dst, sizes) =>
    sparseConv(x, w, undefined, { kind: 'pairs', src, dst, sizes }, 5),
  ),
  use('sparseConv, pairs, bias', [[5, 2], [4, 3, 2], [4], line.src, line.dst, line.sizes], (x, w, b, src, dst, sizes) =>
    sparseConv(x, w, b, { kind: 'pairs', src, dst, sizes }, 5),
  ),
  use(
    'sparseConv, pairs to finer rows',
    [[2, 2], [4, 3, 2], [4], toFiner.src, toFiner.dst, toFiner.sizes],
    (x, w, b, src, dst, sizes) => sparseConv(x, w, b, { kind: 'pairs', src, dst, sizes }, 8),
  ),
  use(
    'sparseConv, pairs to coarser rows',
    [[8, 2], [4, 3, 2], [4], toFiner.dst, toFiner.src, toFiner.sizes],
    (x, w, b, src, dst, sizes) => sparseConv(x, w, b, { kind: 'pairs', src, dst, sizes }, 2),
  ),
];

const reductions = [
  ...Object.entries({ sum, mean, max }).flatMap(([op, f]) => [
    use(`${op} of all`, [[2, 3, 4]], (x) => f(x)),
    use(`${op} of the last axis`, [[2, 3, 4]], (x) => f(x, { axes: [-1] })),
    use(`${op} of two axes, kept`, [[2, 3, 4]], (x) => f(x, { axes: [2, 0], keepDims: true })),
    use(`${op} of the middle axis`, [[2, 3, 4]], (x) => f(x, { axes: [1] })),
    use(`${op} of an axis named twice`, [[2, 3]], (x) => f(x, { axes: [1, -1] })),
    use(`${op} of a scalar`, [[]], (x) => f(e.mul(x, 2))),
  ]),
  use('softmax', [[3, 5]], (x) => softmax(x)),
  use('softmax rank 3', [[2, 3, 4]], (x) => softmax(x)),
  use('normalize', [[3, 6]], (x) => normalize(x, 1e-6)),
  use('inverseDeviation', [[3, 6]], (x) => inverseDeviation(x, 1e-6)),
  use('inverseDeviation beside normalize', [[2, 3, 4]], (x) => e.mul(inverseDeviation(x, 0.1), normalize(x, 0.1))),
  use('normalize rank 3, large eps', [[2, 3, 4]], (x) => normalize(x, 0.1)),
];

const volumes = [
  ...[
    { k: 3, stride: 1, padding: 1, size: [3, 4, 5] },
    { k: 3, stride: 1, padding: 0, size: [3, 4, 3] },
    { k: 2, stride: 2, padding: 0, size: [4, 2, 4] },
    { k: 2, stride: 2, padding: 0, size: [5, 4, 3] },
    { k: 1, stride: 1, padding: 0, size: [2, 3, 2] },
    { k: 1, stride: 1, padding: 1, size: [2, 3, 2] },
    { k: 1, stride: 2, padding: 0, size: [4, 3, 2] },
    { k: 3, stride: 2, padding: 1, size: [4, 5, 4] },
    { k: 3, stride: 2, padding: 1, size: [6, 6, 3] },
    { k: 2, stride: 3, padding: 1, size: [5, 4, 6] },
  ].flatMap(({ k, stride, padding, size }) => {
    const name = `conv3d k ${k} stride ${stride} padding ${padding} of ${size}`;
    const shapes = [
      [2, 2, ...size],
      [3, 2, k, k, k],
    ];
    return [
      use(name, shapes, (x, w) => conv3d(x, w, undefined, { stride, padding })),
      use(`${name}, bias`, [...shapes, [3]], (x, w, b) => conv3d(x, w, b, { stride, padding })),
    ];
  }),
  use('resizeNearest', [[2, 2, 2, 1, 3]], (x) => resizeNearest(x, 2)),
  use('resizeNearest by 3', [[1, 2, 2, 1, 2]], (x) => resizeNearest(x, 3)),
  use('pixelShuffle3d', [[2, 16, 1, 2, 3]], (x) => pixelShuffle3d(x, 2)),
  use('patchify', [[2, 2, 2, 4, 2]], (x) => patchify(x, 2)),
  use('unpatchify', [[1, 8, 2, 1, 1]], (x) => unpatchify(x, 2)),
];

const shapes = [
  use('reshape', [[2, 6]], (x) => reshape(x, [3, -1])),
  use('reshape to a scalar', [[1, 1]], (x) => reshape(x, [])),
  use('transpose', [[2, 3, 4]], (x) => transpose(x, [2, 0, 1])),
  use('slice', [[5, 3]], (x) => slice(x, 0, 1, 4)),
  use('slice, every second', [[3, 7]], (x) => slice(x, 1, 1, 6, 2)),
  use('slice, every third to the end', [[8, 2]], (x) => slice(x, 0, 0, 8, 3)),
  use('slice, reversed', [[4, 3]], (x) => slice(x, 0, 0, 0, -1)),
  use('split', [[2, 6]], (x) => e.mul(split(x, 3)[0], split(x, 3)[2])),
  use(
    'concat',
    [
      [2, 1],
      [2, 3],
      [2, 2],
    ],
    (a, b, c) => concat([a, b, c], 1),
  ),
  use('pad', [[2, 3]], (x) => pad(x, [0, 1], [2, 3])),
  use('expand', [[3, 1]], (x) => expand(x, [2, 3, 4])),
  use('expand a scalar', [[]], (x) => expand(x, [2, 2])),
  use('cast to half and back', [[2, 3]], (x) => e.mul(cast(cast(e.mul(x, x), 'float16'), 'float32'), x)),
  use('cast to integers', [[2, 3]], (x) => e.mul(cast(cast(e.mul(x, 3), 'int32'), 'float32'), x)),
  use('cast from bool', [[2, 3]], (x) => e.mul(cast(e.greater(x, 0), 'float32'), x)),
  use('after', [[2, 3], [4]], (x, y) => e.add(after(x, y), sum(y))),
  use('after, a scalar', [[], [4]], (x, y) => e.mul(after(x, y), sum(y))),
  use('one tensor on several ways', [[3, 3]], (x) => e.add(matmul(x, x), e.mul(x, matmul(x, x, { transB: true })))),
];

/** Not differentiable as a whole, or only in part; held to the twin in values. */
export const valueOnlyCases: readonly OpCase[] = [
  use('stopGradient', [[2, 3]], (x) => stopGradient(e.mul(x, 2))),
  use('cast to int32', [[2, 3]], (x) => cast(e.mul(x, 3), 'int32')),
  use('comparison', [[2, 3], [3]], (x, y) => e.less(x, y)),
  use('gather along the second axis', [[2, 4], { index: [3, 1] }], (x, i) => gather(x, i, 1)),
  use('gather along the last axis', [[2, 4], { index: [3, 1] }], (x, i) => gather(x, i, -1)),
];

export const opCases: readonly OpCase[] = [
  unary,
  binary,
  comparisons,
  products,
  reductions,
  volumes,
  shapes,
  irregular,
].flat();

/** A case with its inputs declared, their values, and the result. */
export function instantiate({ name, inputs, build }: OpCase, seed: number) {
  const rng = torchGenerator(seed);
  const feeds = new Map<string, Array64>();
  const declared = inputs.map((spec, i) => {
    const key = `${name}/${i}`;
    if ('index' in spec) {
      const shape = spec.shape ?? [spec.index.length];
      feeds.set(key, { shape, data: Float64Array.from(spec.index) });
      return input(key, shape, 'int32');
    }
    const shape = 'positive' in spec ? spec.positive : spec;
    const n = shape.reduce((a, b) => a * b, 1);
    const values = 'positive' in spec ? rng.uniform(n).map((v) => v + 0.5) : rng.normal(n);
    feeds.set(key, { shape, data: Float64Array.from(values) });
    return input(key, shape);
  });
  return { declared, feeds, result: build(...declared) };
}
