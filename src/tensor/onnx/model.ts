import type { Shape } from '../dim.ts';
import type { DType } from '../tensor.ts';
import { Message } from './protobuf.ts';

/** ONNX element types (onnx.proto, TensorProto.DataType). */
export const elementType: Record<DType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 };

export type Attribute = number | { float: number } | { text: string } | readonly number[];

/** Where a weight's bytes lie: in a file beside the model. */
export interface ExternalData {
  location: string;
  offset: number;
  length: number;
}

interface Operation {
  type: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Record<string, Attribute>;
  domain?: string;
}

/** An ONNX graph under construction; `finish` gives the model's bytes (opset 20, com.microsoft 1). */
export class OnnxBuilder {
  private readonly graph = new Message();
  private readonly operations: Operation[] = [];
  private readonly results = new Set<string>();
  /** results of operations that are outputs of the graph, and their names as such */
  private readonly renamed = new Map<string, string>();
  private count = 0;
  private readonly smallConstants = new Map<string, string>();
  private readonly externals = new Set<string>();

  fresh(hint: string): string {
    return `${hint}_${this.count++}`;
  }

  /** Adds an operation and returns the names of its outputs. */
  op(
    type: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    options: { outputs?: number; domain?: string } = {},
  ): string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => this.fresh(type));
    this.operations.push({ type, inputs, outputs, attributes, domain: options.domain });
    for (const name of outputs) this.results.add(name);
    return outputs;
  }

  input(name: string, shape: Shape, dtype: DType): void {
    this.graph.message(11, valueInfo(name, shape, dtype));
  }

  /** Declares an output: a result under another name, or a copy where it is no operation's result, or already an output. */
  output(name: string, from: string, shape: Shape, dtype: DType): void {
    this.graph.message(12, valueInfo(name, shape, dtype));
    if (this.results.has(from) && !this.renamed.has(from)) this.renamed.set(from, name);
    else this.operations.push({ type: 'Identity', inputs: [from], outputs: [name], attributes: {} });
  }

  constant(data: Float32Array | Int32Array | BigInt64Array, dims: readonly number[]): string {
    const key = data.length <= 16 ? `${data.constructor.name}:${[...data].map(bits).join()}:${dims.join()}` : undefined;
    const known = key && this.smallConstants.get(key);
    if (known) return known;
    const name = this.fresh('constant');
    const dtype: DType = data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'int64';
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.graph.message(5, tensorHead(name, dims, dtype).bytes(9, raw));
    if (key) this.smallConstants.set(key, name);
    return name;
  }

  int64(values: readonly number[]): string {
    return this.constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** Declares a weight in a file; once, however often it is asked for. */
  external(name: string, shape: readonly number[], dtype: DType, { location, offset, length }: ExternalData): void {
    if (this.externals.has(name)) return;
    this.externals.add(name);
    const tensor = tensorHead(name, shape, dtype);
    for (const [key, value] of Object.entries({ location, offset, length }))
      tensor.message(13, new Message().text(1, key).text(2, String(value)));
    this.graph.message(5, tensor.integer(14, 1));
  }

  finish(): Uint8Array {
    const called = (name: string) => this.renamed.get(name) ?? name;
    for (const { type, inputs, outputs, attributes, domain } of this.operations) {
      const node = new Message();
      for (const name of inputs) node.text(1, called(name));
      for (const name of outputs) node.text(2, called(name));
      node.text(3, called(outputs[0])).text(4, type);
      for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
      if (domain) node.text(7, domain);
      this.graph.message(1, node);
    }
    this.graph.text(2, 'espalier');
    const opset = (domain: string, version: number) => new Message().text(1, domain).integer(2, version);
    return new Message()
      .integer(1, 9)
      .text(2, 'espalier')
      .message(7, this.graph)
      .message(8, opset('', 20))
      .message(8, opset('com.microsoft', 1))
      .finish();
  }
}

/** Distinguishes values that print alike, such as −0. */
const bits = (v: number | bigint): string => (Object.is(v, -0) ? '-0' : String(v));

function tensorHead(name: string, dims: readonly number[], dtype: DType): Message {
  const tensor = new Message();
  for (const d of dims) tensor.integer(1, d);
  return tensor.integer(2, elementType[dtype]).text(8, name);
}

function valueInfo(name: string, shape: Shape, dtype: DType): Message {
  const dims = new Message();
  for (const d of shape)
    dims.message(1, typeof d === 'number' ? new Message().integer(1, d) : new Message().text(2, d));
  const tensor = new Message().integer(1, elementType[dtype]).message(2, dims);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

function attribute(name: string, value: Attribute): Message {
  const m = new Message().text(1, name);
  if (typeof value === 'number') return m.integer(3, value).integer(20, 2);
  if ('float' in value) return m.float(2, value.float).integer(20, 1);
  if ('text' in value) return m.text(4, value.text).integer(20, 3);
  for (const v of value as readonly number[]) m.integer(8, v);
  return m.integer(20, 7);
}
