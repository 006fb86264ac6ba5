import type { Shape } from '../dim.ts';
import { type DType, node, type Tensor } from '../tensor.ts';

/** A value fed at every run. Sizes may be names: `input('x', ['N', 64])`. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Tensor<'input'> {
  return node('input', [], { name }, shape, dtype);
}

/** A small value stored in the graph itself; large ones belong into weights or inputs. */
export function constant(
  values: readonly number[] | Float32Array | Int32Array,
  shape: readonly number[],
): Tensor<'constant'> {
  const data = values instanceof Int32Array || values instanceof Float32Array ? values : Float32Array.from(values);
  const size = shape.reduce((a, b) => a * b, 1);
  if (data.length !== size)
    throw new Error(`constant: expected ${size} values for [${shape.join(', ')}], got ${data.length}.`);
  return node('constant', [], { data }, shape, data instanceof Int32Array ? 'int32' : 'float32');
}
