import { type Dim, namesOf, type Shape, summands } from '../dim.ts';
import { is, type OpName, type Tensor, topological } from '../tensor.ts';
import { type ExternalData, elementType, OnnxBuilder } from './model.ts';
import { type Emit, lowerings } from './operators.ts';

export interface LowerOptions {
  device: 'cpu' | 'webgpu' | 'cuda';
  /** attention as one operator of the runtime, where its results can be trusted; everywhere but on WebGPU by default */
  fusedAttention?: boolean;
  /** where a weight's bytes lie; weights without a place become inputs of the model, under their own name */
  external?: (name: string) => ExternalData | undefined;
  /** weights whose bytes are halves: widened where the graph begins, so that all that follows is float32 */
  halves?: (name: string) => boolean;
  /** of weights that only linear layers read: where their 8-bit codes and scales lie */
  int8?: (name: string) => { codes: ExternalData; scales: ExternalData } | undefined;
}

export interface LoweredModel {
  bytes: Uint8Array;
  /** names of what must be fed: inputs and weights without an external place */
  inputs: readonly Tensor<'input'>[];
  parameters: readonly Tensor<'parameter'>[];
}

/** The graph below `outputs` as an ONNX model, in memory. Weights are never in its bytes. */
export function lower(
  outputs: Readonly<Record<string, Tensor>>,
  { device, external, int8, halves, fusedAttention = device !== 'webgpu' }: LowerOptions,
): LoweredModel {
  const builder = new OnnxBuilder();
  const names = new Map<Tensor, string>();
  const inputs: Tensor<'input'>[] = [];
  const parameters: Tensor<'parameter'>[] = [];
  const sizes = new Map<string, string>();
  const shared = new Map<string, readonly string[]>();
  const emit: Emit = {
    builder,
    device,
    fusedAttention,
    name: (t) => names.get(t) as string,
    once(key, write) {
      const written = shared.get(key) ?? write();
      shared.set(key, written);
      return written;
    },
    int8: (t) => (is('parameter', t) ? int8?.(t.attributes.name) : undefined),
    shape: (shape) => shapeOf(builder, sizes, shape),
  };
  const fedTwice = new Map<string, Tensor>();
  const order = topological(Object.values(outputs));
  // What is fed comes first: any operation may need a size that is read off an input.
  for (const t of order) {
    if (!is('input', t) && !is('parameter', t)) continue;
    const { name } = t.attributes;
    if (fedTwice.has(name))
      throw new Error(`lower: two different tensors are named "${name}". Give each input and weight its own name.`);
    fedTwice.set(name, t);
    if (emit.int8(t)) {
      names.set(t, name); // declared by the layers that read it, as codes and scales
      continue;
    }
    const place = is('parameter', t) ? external?.(name) : undefined;
    const isHalf = is('parameter', t) && halves?.(name);
    const dtype = isHalf ? 'float16' : t.dtype;
    if (place) builder.external(name, t.shape as number[], dtype, place);
    else builder.input(name, t.shape, dtype);
    names.set(t, isHalf ? builder.op('Cast', [name], { to: elementType.float32 })[0] : name);
    if (is('input', t)) {
      inputs.push(t);
      declareSizes(builder, sizes, name, t.shape);
    } else if (!place) parameters.push(t as Tensor<'parameter'>);
  }
  for (const t of order) if (!names.has(t)) names.set(t, lowerings[t.op as OpName](t as never, emit));
  for (const name of Object.keys(outputs))
    if (fedTwice.has(name)) throw new Error(`lower: output "${name}" has the name of an input. Give it its own.`);
  for (const [name, t] of Object.entries(outputs)) builder.output(name, emit.name(t), t.shape, t.dtype);
  return { bytes: builder.finish(), inputs, parameters };
}

/** Remembers how to read each named size off an input, as int64 [1]. */
function declareSizes(builder: OnnxBuilder, sizes: Map<string, string>, input: string, shape: Shape): void {
  for (const [axis, dim] of shape.entries()) {
    if (typeof dim === 'number' || sizes.has(dim)) continue;
    sizes.set(dim, builder.op('Shape', [input], { start: axis, end: axis + 1 })[0]);
  }
}

/** A shape as an int64 tensor: constant but for named sizes, of which a single one may stay open (−1). */
function shapeOf(
  builder: OnnxBuilder,
  sizes: Map<string, string>,
  shape: Shape,
): { exact: () => string; open: () => string } {
  const named = shape.filter((d) => typeof d === 'string');
  const fixed = (dims: Shape) => builder.int64(dims as number[]);
  const exact = () => (named.length === 0 ? fixed(shape) : builder.op('Concat', shape.map(piece), { axis: 0 })[0]);
  const piece = (dim: Dim): string => {
    if (typeof dim === 'number') return fixed([dim]);
    const direct = sizes.get(dim);
    if (direct) return direct;
    const { coefficient, names } = namesOf(dim);
    const parts = names.map((n) => {
      const known =
        sizes.get(n) ??
        summands(n)
          ?.map(piece)
          .reduce((a, b) => builder.op('Add', [a, b])[0]);
      if (!known)
        throw new Error(
          `lower: the size "${n}" is on no input, so it cannot be known at run time. Feed an input that has it.`,
        );
      return known;
    });
    if (coefficient !== 1) parts.unshift(fixed([coefficient]));
    return parts.reduce((a, b) => builder.op('Mul', [a, b])[0]);
  };
  return {
    exact,
    open: () => (named.length === 1 ? fixed(shape.map((d) => (typeof d === 'string' ? -1 : d))) : exact()),
  };
}
