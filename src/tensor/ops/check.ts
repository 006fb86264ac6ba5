import { type Dim, type Shape, showShape } from '../dim.ts';
import type { Tensor } from '../tensor.ts';

/** An error that names the operation, what it expected and what it got. */
export function shapeError(op: string, expected: string, ...got: readonly Tensor[]): Error {
  const shapes = got.map((t) => `${t.dtype} ${showShape(t.shape)}`).join(' and ');
  return new Error(`${op}: expected ${expected}, got ${shapes}.`);
}

/** The shape two operands broadcast to, by NumPy's rules. A named size only meets itself or 1. */
export function broadcastShapes(op: string, a: Tensor, b: Tensor): Shape {
  const rank = Math.max(a.shape.length, b.shape.length);
  const at = (t: Tensor, i: number): Dim => t.shape[i - (rank - t.shape.length)] ?? 1;
  return Array.from({ length: rank }, (_, i) => {
    const x = at(a, i);
    const y = at(b, i);
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw shapeError(op, 'shapes that broadcast (equal sizes or 1, aligned at the last axis)', a, b);
  });
}

/** Axis counted from the front; negative axes count from the back. */
export function axisOf(op: string, t: Tensor, axis: number): number {
  const a = axis < 0 ? axis + t.shape.length : axis;
  if (!Number.isInteger(a) || a < 0 || a >= t.shape.length)
    throw shapeError(op, `an axis in [-${t.shape.length}, ${t.shape.length - 1}] (asked for ${axis})`, t);
  return a;
}
