import { type Dim, product, quotient, type Shape, sameShape, showShape, sum as sumDims } from '../dim.ts';
import { type DType, node, type Tensor } from '../tensor.ts';
import { axisOf, shapeError } from './check.ts';

/** Same values in another shape. One size may be -1: it takes what is left. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const total = product(x.shape);
  const open = shape.indexOf(-1);
  if (shape.indexOf(-1, open + 1) > 0 && open >= 0)
    throw shapeError('reshape', `one size of -1 at most, not ${showShape(shape)}`, x);
  let target = shape;
  if (open >= 0) {
    const rest = quotient(total, product(shape.filter((_, i) => i !== open)));
    if (rest === undefined) throw shapeError('reshape', `a size divisible into ${showShape(shape)}`, x);
    target = shape.map((d, i) => (i === open ? rest : d));
  }
  if (product(target) !== total) throw shapeError('reshape', `as many values as in ${showShape(target)}`, x);
  if (sameShape(target, x.shape)) return x;
  return node('reshape', [x], {}, target, x.dtype);
}

/** Axes reordered: axis i of the result is axis perm[i] of x. */
export function transpose(x: Tensor, perm: readonly number[]): Tensor {
  const valid = perm.length === x.shape.length && new Set(perm).size === perm.length && perm.every((p) => p in x.shape);
  if (!valid) throw shapeError('transpose', `a tensor of rank ${perm.length} for permutation [${perm}]`, x);
  if (perm.every((p, i) => p === i)) return x;
  return node(
    'transpose',
    [x],
    { perm },
    perm.map((p) => x.shape[p]),
    x.dtype,
  );
}

/** Entries start … end−1 of one axis (size known), every `step`-th. A step of −1 reverses the whole axis. */
export function slice(x: Tensor, axis: number, start: number, end: number, step = 1): Tensor {
  const a = axisOf('slice', x, axis);
  const size = x.shape[a];
  if (typeof size !== 'number') throw shapeError('slice', `a known size on axis ${a}`, x);
  if (step === -1) return node('slice', [x], { axis: a, start: size - 1, end: -size - 1, step }, x.shape, x.dtype);
  if (!(start >= 0 && start < end && end <= size && step >= 1))
    throw shapeError('slice', `0 ≤ start < end ≤ ${size}, step ≥ 1 (asked for ${start}:${end}:${step})`, x);
  const length = Math.ceil((end - start) / step);
  if (length === size) return x;
  const shape = x.shape.map((d, i) => (i === a ? length : d));
  return node('slice', [x], { axis: a, start, end, step }, shape, x.dtype);
}

/** `parts` equal pieces along an axis of known size. */
export function split(x: Tensor, parts: number, axis = -1): Tensor[] {
  const a = axisOf('split', x, axis);
  const size = x.shape[a];
  if (typeof size !== 'number' || size % parts !== 0)
    throw shapeError('split', `a size divisible by ${parts} on axis ${a}`, x);
  const each = size / parts;
  return Array.from({ length: parts }, (_, i) => slice(x, a, i * each, (i + 1) * each));
}

/** Tensors joined along an axis; all other sizes agree. */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  if (parts.length === 1) return parts[0];
  const [first, ...rest] = parts;
  const a = axisOf('concat', first, axis);
  let size: Dim = first.shape[a];
  for (const part of rest) {
    const fits =
      part.shape.length === first.shape.length && part.shape.every((d, i) => i === a || d === first.shape[i]);
    if (!fits || part.dtype !== first.dtype) throw shapeError('concat', `shapes equal but for axis ${a}`, first, part);
    size = sumDims(size, part.shape[a]);
  }
  return node(
    'concat',
    parts,
    { axis: a },
    first.shape.map((d, i) => (i === a ? size : d)),
    first.dtype,
  );
}

/** The pieces that `sizes` cut an axis into, named sizes included: the inverse of `concat`. */
export function parts(x: Tensor, sizes: Shape, axis: number): Tensor[] {
  const a = axisOf('parts', x, axis);
  const whole = sizes.reduce(sumDims);
  if (whole !== x.shape[a]) throw shapeError('parts', `axis ${a} to be the sum of ${showShape(sizes)}`, x);
  return sizes.map((size, index) =>
    node(
      'part',
      [x],
      { axis: a, sizes, index },
      x.shape.map((d, i) => (i === a ? size : d)),
      x.dtype,
    ),
  );
}

/** Zeros before and after each axis (sizes of padded axes are known). */
export function pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  const shape = x.shape.map((d, i) => {
    const extra = before[i] + after[i];
    if (extra === 0) return d;
    if (typeof d !== 'number') throw shapeError('pad', `a known size on axis ${i}`, x);
    return d + extra;
  });
  return node('pad', [x], { before, after }, shape, x.dtype);
}

/** x repeated to `shape` by the broadcasting rules. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const lead = shape.length - x.shape.length;
  const fits = lead >= 0 && x.shape.every((d, i) => d === 1 || d === shape[i + lead]);
  if (!fits) throw shapeError('expand', `sizes of 1 or those of ${showShape(shape)}`, x);
  return sameShape(x.shape, shape) ? x : node('expand', [x], {}, shape, x.dtype);
}

export function cast(x: Tensor, to: DType): Tensor {
  return x.dtype === to ? x : node('cast', [x], { to }, x.shape, to);
}

/** The same value, through which no gradient flows. */
export const stopGradient = (x: Tensor): Tensor => node('stopGradient', [x], {}, x.shape, x.dtype);

/**
 * x, but computed only once `dependency` exists. Recomputed blocks use it, so that the runtime neither computes them
 * early nor merges them with the first computation; updates use it as a barrier.
 */
export const after = (x: Tensor, dependency: Tensor): Tensor => node('after', [x, dependency], {}, x.shape, x.dtype);
