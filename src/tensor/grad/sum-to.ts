import { type Shape, sameShape } from '../dim.ts';
import { sum } from '../ops/reduce.ts';
import { reshape } from '../ops/shape.ts';
import type { Tensor } from '../tensor.ts';

/** The adjoint of broadcasting: `g` summed over the axes that were repeated, in the operand's `shape`. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g;
  const lead = g.shape.length - shape.length;
  const axes = g.shape.flatMap((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : []));
  return reshape(axes.length > 0 ? sum(g, { axes }) : g, shape);
}
