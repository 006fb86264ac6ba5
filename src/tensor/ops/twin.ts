/**
 * The engine's slow twin: every operation written out in loops over float64, for tests. Nothing here is fast, and
 * nothing here shares code with the lowering.
 */
import { type Dim, resolve } from '../dim.ts';
import { is, type OpName, type Tensor, topological } from '../tensor.ts';

/** A concrete value: row-major float64, whatever the dtype. */
export interface Array64 {
  shape: readonly number[];
  data: Float64Array;
}

export type Feeds = ReadonlyMap<string, Array64>;

/** The values of `roots` when inputs and weights are `feeds`, by name. */
export function evaluate(roots: readonly Tensor[], feeds: Feeds): Array64[] {
  const values = new Map<Tensor, Array64>();
  const sizes = new Map<string, number>();
  const size = (d: Dim): number => resolve(d, (name) => sizes.get(name) as number);
  for (const t of topological(roots)) {
    if (is('input', t) || is('parameter', t)) {
      const fed = feeds.get(t.attributes.name) as Array64;
      for (const [i, d] of t.shape.entries()) if (typeof d === 'string') sizes.set(d, fed.shape[i]);
      values.set(t, fed);
      continue;
    }
    const inputs = t.inputs.map((i) => values.get(i) as Array64);
    values.set(t, (twins[t.op] as Twin<OpName>)(t, inputs, t.shape.map(size), size));
  }
  return roots.map((r) => values.get(r) as Array64);
}

/** The value of an operation, from those of its inputs; `shape` is the result's, `size` gives the number behind a name. */
type Twin<K extends OpName> = (
  t: Tensor<K>,
  inputs: Array64[],
  shape: readonly number[],
  size: (d: Dim) => number,
) => Array64;

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Position of `index` in row-major order. */
const flat = (shape: readonly number[], index: readonly number[]): number =>
  index.reduce((at, i, axis) => at * shape[axis] + i, 0);

/** Fills an array by asking for the value at each index. */
function fill(shape: readonly number[], value: (index: readonly number[]) => number): Array64 {
  const data = new Float64Array(count(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = value(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, data };
}

const at = (x: Array64, index: readonly number[]): number => x.data[flat(x.shape, index)];

/** Read by the rules of broadcasting: missing axes and axes of size 1 repeat. */
const broadcastAt = (x: Array64, index: readonly number[]): number =>
  at(
    x,
    x.shape.map((d, i) => (d === 1 ? 0 : index[index.length - x.shape.length + i])),
  );

const each =
  (f: (...values: number[]) => number): Twin<OpName> =>
  (_, inputs, shape) =>
    fill(shape, (index) => f(...inputs.map((x) => broadcastAt(x, index))));

/** Values of `x` that fall together when `axes` are reduced, for each place of the result. */
function reduced(f: (values: number[]) => number): Twin<'sum' | 'mean' | 'max'> {
  return (t, [x], shape) => {
    const { axes } = t.attributes;
    const keptShape = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
    const groups = Array.from({ length: count(keptShape) }, (): number[] => []);
    fill(x.shape, (index) =>
      groups[
        flat(
          keptShape,
          index.map((v, i) => (axes.includes(i) ? 0 : v)),
        )
      ].push(at(x, index)),
    );
    return { shape, data: Float64Array.from(groups, f) };
  };
}

/** Each row along the last axis replaced by `f` of it. */
function rowwise(x: Array64, f: (row: Float64Array) => Float64Array): Array64 {
  const width = x.shape[x.shape.length - 1];
  const data = new Float64Array(x.data.length);
  for (let i = 0; i < data.length; i += width) data.set(f(x.data.subarray(i, i + width)), i);
  return { shape: x.shape, data };
}

const total = (values: Iterable<number>): number => {
  let s = 0;
  for (const v of values) s += v;
  return s;
};

const softmaxRow = (row: Float64Array): Float64Array => {
  const top = Math.max(...row);
  const e = row.map((v) => Math.exp(v - top));
  const s = total(e);
  return e.map((v) => v / s);
};

/** erf by its series, Σ (−1)ⁿ·2x²ⁿ⁺¹ / (√π·n!·(2n + 1)); exact to 1e-10 for |x| < 4. */
function erf(x: number): number {
  let term = x;
  let s = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    s += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * s;
}

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

const same: Twin<OpName> = (_, [x], shape) => ({ shape, data: x.data });

const fed: Twin<OpName> = () => {
  throw new Error('twin: inputs and weights are fed');
};

/** Every (tap, source row, target row) of a sparse convolution. */
function eachPair(
  taps: 'pairs' | 'table',
  plan: readonly Array64[],
  rows: number,
  visit: (k: number, src: number, dst: number) => void,
): void {
  if (taps === 'table') {
    const [table] = plan;
    fill(table.shape, ([n, k]) => {
      const m = at(table, [n, k]);
      if (m < rows) visit(k, m, n);
      return 0;
    });
    return;
  }
  const [src, dst, sizes] = plan;
  let pair = 0;
  for (const [k, size] of sizes.data.entries())
    for (let i = 0; i < size; i++, pair++) visit(k, src.data[pair], dst.data[pair]);
}

const twins: { [K in OpName]: Twin<K> } = {
  input: fed,
  parameter: fed,
  constant: (t, _, shape) => ({ shape, data: Float64Array.from(t.attributes.data) }),
  neg: each((a) => -a),
  exp: each(Math.exp),
  log: each(Math.log),
  sqrt: each(Math.sqrt),
  reciprocal: each((a) => 1 / a),
  sigmoid: each(sigmoid),
  tanh: each(Math.tanh),
  erf: each(erf),
  sin: each(Math.sin),
  cos: each(Math.cos),
  abs: each(Math.abs),
  gelu: (t, inputs, shape) => {
    const exact = (v: number) => 0.5 * v * (1 + erf(v / Math.SQRT2));
    const approximate = (v: number) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
    return each(t.attributes.approximate === 'none' ? exact : approximate)(t, inputs, shape, Number);
  },
  add: each((a, b) => a + b),
  sub: each((a, b) => a - b),
  mul: each((a, b) => a * b),
  div: each((a, b) => a / b),
  maximum: each(Math.max),
  minimum: each(Math.min),
  greater: each((a, b) => Number(a > b)),
  less: each((a, b) => Number(a < b)),
  equal: each((a, b) => Number(a === b)),
  where: each((c, a, b) => (c ? a : b)),
  matmul: (t, [a, b], shape) => {
    const { transA, transB } = t.attributes;
    const inner = a.shape[a.shape.length - (transA ? 2 : 1)];
    return fill(shape, (index) => {
      const batch = index.slice(0, -2);
      const [m, n] = index.slice(-2);
      let s = 0;
      for (let k = 0; k < inner; k++)
        s += at(a, [...batch, ...(transA ? [k, m] : [m, k])]) * at(b, [...batch, ...(transB ? [n, k] : [k, n])]);
      return s;
    });
  },
  linear: (_, [x, w, bias], shape) =>
    fill(shape, (index) => {
      const o = index[index.length - 1];
      let s = bias ? bias.data[o] : 0;
      for (let i = 0; i < w.shape[1]; i++) s += at(x, [...index.slice(0, -1), i]) * at(w, [o, i]);
      return s;
    }),
  sum: reduced(total),
  mean: reduced((values) => total(values) / values.length),
  max: reduced((values) => Math.max(...values)),
  softmax: (_, [x]) => rowwise(x, softmaxRow),
  normalize: (t, [x]) =>
    rowwise(x, (row) => {
      const mean = total(row) / row.length;
      const variance = total(row.map((v) => (v - mean) ** 2)) / row.length;
      return row.map((v) => (v - mean) / Math.sqrt(variance + t.attributes.eps));
    }),
  inverseDeviation: (t, [x], shape) =>
    fill(shape, (index) => {
      const row = Array.from({ length: x.shape[x.shape.length - 1] }, (_, i) => at(x, [...index.slice(0, -1), i]));
      const mean = total(row) / row.length;
      return 1 / Math.sqrt(total(row.map((v) => (v - mean) ** 2)) / row.length + t.attributes.eps);
    }),
  conv3d: (t, [x, w, bias], shape) => {
    const { stride, padding } = t.attributes;
    return fill(shape, ([b, o, X, Y, Z]) => {
      let s = bias ? bias.data[o] : 0;
      fill(w.shape.slice(1), ([c, i, j, k]) => {
        const p = [X * stride + i - padding, Y * stride + j - padding, Z * stride + k - padding];
        if (p.every((v, a) => v >= 0 && v < x.shape[a + 2])) s += at(x, [b, c, ...p]) * at(w, [o, c, i, j, k]);
        return 0;
      });
      return s;
    });
  },
  conv3dWeightGrad: (t, [x, dy], shape) => {
    const { stride, padding } = t.attributes;
    return fill(shape, ([o, c, i, j, k]) => {
      let s = 0;
      fill([dy.shape[0], ...dy.shape.slice(2)], ([b, X, Y, Z]) => {
        const p = [X * stride + i - padding, Y * stride + j - padding, Z * stride + k - padding];
        if (p.every((v, a) => v >= 0 && v < x.shape[a + 2])) s += at(x, [b, c, ...p]) * at(dy, [b, o, X, Y, Z]);
        return 0;
      });
      return s;
    });
  },
  sparseConv: (t, [x, w, ...rest], shape) => {
    const { taps } = t.attributes;
    const bias = rest[taps === 'pairs' ? 3 : 1];
    const y = fill(shape, ([, o]) => (bias ? bias.data[o] : 0));
    eachPair(taps, rest, x.shape[0], (k, src, dst) => {
      for (let o = 0; o < shape[1]; o++)
        for (let c = 0; c < x.shape[1]; c++) y.data[flat(shape, [dst, o])] += at(w, [o, k, c]) * at(x, [src, c]);
    });
    return y;
  },
  sparseConvWeightGrad: (t, [x, dy, ...plan], shape) => {
    const w = fill(shape, () => 0);
    eachPair(t.attributes.taps, plan, x.shape[0], (k, src, dst) => {
      for (let o = 0; o < shape[0]; o++)
        for (let c = 0; c < shape[2]; c++) w.data[flat(shape, [o, k, c])] += at(dy, [dst, o]) * at(x, [src, c]);
    });
    return w;
  },
  resizeNearest: (t, [x], shape) =>
    fill(shape, ([b, c, ...p]) => at(x, [b, c, ...p.map((v) => Math.floor(v / t.attributes.factor))])),
  reshape: same,
  transpose: (t, [x], shape) => {
    const { perm } = t.attributes;
    return fill(shape, (index) =>
      at(
        x,
        perm.map((_, axis) => index[perm.indexOf(axis)]),
      ),
    );
  },
  slice: (t, [x], shape) => {
    const { axis, start, step } = t.attributes;
    return fill(shape, (index) =>
      at(
        x,
        index.map((v, i) => (i === axis ? start + v * step : v)),
      ),
    );
  },
  concat: (t, inputs, shape) => {
    const { axis } = t.attributes;
    return fill(shape, (index) => {
      let part = 0;
      let v = index[axis];
      while (v >= inputs[part].shape[axis]) v -= inputs[part++].shape[axis];
      return at(
        inputs[part],
        index.map((w, i) => (i === axis ? v : w)),
      );
    });
  },
  part: (t, [x], shape, size) => {
    const { axis, sizes, index } = t.attributes;
    const before = total(sizes.slice(0, index).map(size));
    return fill(shape, (p) =>
      at(
        x,
        p.map((v, i) => (i === axis ? before + v : v)),
      ),
    );
  },
  pad: (t, [x], shape) =>
    fill(shape, (index) => {
      const p = index.map((v, i) => v - t.attributes.before[i]);
      return p.every((v, i) => v >= 0 && v < x.shape[i]) ? at(x, p) : 0;
    }),
  expand: each((a) => a),
  gather: (t, [x, rows], shape) => {
    const { axis } = t.attributes;
    const rank = rows.shape.length;
    return fill(shape, (index) =>
      at(x, [...index.slice(0, axis), at(rows, index.slice(axis, axis + rank)), ...index.slice(axis + rank)]),
    );
  },
  scatterAdd: (_, [updates, rows], shape) => {
    const result = fill(shape, () => 0);
    fill(updates.shape, (index) => {
      result.data[flat(shape, [rows.data[index[0]], ...index.slice(1)])] += at(updates, index);
      return 0;
    });
    return result;
  },
  attention: (t, [q, k, v, keys], shape) => {
    const { heads } = t.attributes;
    const d = q.shape[2] / heads;
    const out = fill(shape, () => 0);
    fill([shape[0], heads, shape[1]], ([b, h, s]) => {
      const scores = Float64Array.from({ length: keys ? keys.data[b] : k.shape[1] }, (_, l) => {
        let dot = 0;
        for (let c = h * d; c < (h + 1) * d; c++) dot += at(q, [b, s, c]) * at(k, [b, l, c]);
        return dot / Math.sqrt(d);
      });
      for (const [l, p] of softmaxRow(scores).entries())
        for (let c = h * d; c < (h + 1) * d; c++) out.data[flat(shape, [b, s, c])] += p * at(v, [b, l, c]);
      return 0;
    });
    return out;
  },
  cast: (t, inputs, shape) => {
    const { to } = t.attributes;
    if (to === 'bool') return each((v) => Number(v !== 0))(t, inputs, shape, Number);
    return to.startsWith('float') ? same(t, inputs, shape, Number) : each(Math.trunc)(t, inputs, shape, Number);
  },
  stopGradient: same,
  after: same,
};
