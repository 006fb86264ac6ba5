import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { readSafetensors, toFloat32 } from '../src/formats/safetensors.ts';
import { type Voxels, voxels } from '../src/sparse/index.ts';
import {
  compile,
  type Device,
  floats,
  input,
  type Scope,
  type Tensor,
  topological,
  type Value,
} from '../src/tensor/index.ts';

export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Golden {
  // biome-ignore lint/suspicious/noExplicitAny: the constructor arguments of whatever network the file holds
  readonly config: any;
  readonly note: string;
  readonly tensors: ReadonlyMap<string, GoldenTensor>;
  /** The tensor of that full name, "in.x". */
  get(name: string): GoldenTensor;
  /** The tensors below `prefix` ("model."), by the rest of their name. */
  below(prefix: string): Record<string, GoldenTensor>;
}

/** test/golden/<name>.safetensors, every tensor as floats (integers stay exact below 2²⁴). */
export function golden(name: string): Golden {
  const file = readSafetensors(readFileSync(new URL(`./golden/${name}.safetensors`, import.meta.url)));
  const tensors = new Map([...file.tensors].map(([key, t]) => [key, { shape: t.shape, data: toFloat32(t) }]));
  return {
    config: JSON.parse(file.metadata.config ?? '{}'),
    note: file.metadata.note ?? '',
    tensors,
    get(key) {
      const found = tensors.get(key);
      if (!found) throw new Error(`golden ${name}: no tensor "${key}".`);
      return found;
    },
    below: (prefix) =>
      Object.fromEntries(
        [...tensors].filter(([key]) => key.startsWith(prefix)).map(([key, t]) => [key.slice(prefix.length), t]),
      ),
  };
}

/** max |actual − expected| ≤ relativeToMax · max |expected|, and no value is missing or not a number. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  relativeToMax = 1e-4,
  name = 'tensor',
): void {
  expect(actual.length, `${name}: number of values`).toBe(expected.length);
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= worst)) worst = error;
    if (Number.isNaN(error)) break;
  }
  expect(worst, `${name}: largest error, of values up to ${largest}`).toBeLessThanOrEqual(relativeToMax * largest);
}

/** The scope declares exactly these weights, with these shapes. */
export function expectWeights(p: Scope, weights: Record<string, GoldenTensor>): void {
  const shapes = (entries: Iterable<[string, { shape: readonly (number | string)[] }]>) =>
    Object.fromEntries([...entries].map(([name, t]) => [name, [...t.shape]]));
  expect(shapes(p.parameters)).toEqual(shapes(Object.entries(weights)));
}

export const inputOf = (name: string, { shape }: GoldenTensor): Tensor => input(name, shape);

/** Voxels of the golden coords [N, 4] of that full name. */
export const voxelsOf = (file: Golden, name: string): Voxels => voxels(Int32Array.from(file.get(name).data));

/** Runs a graph once and gives its outputs with their shapes; `plan` holds what a sparse grid is fed besides. */
export async function evaluate(
  outputs: Record<string, Tensor>,
  weights: Record<string, GoldenTensor>,
  feeds: Record<string, GoldenTensor> = {},
  { device = 'cpu', plan = {} }: { device?: Device; plan?: Record<string, Value> } = {},
): Promise<Record<string, GoldenTensor>> {
  const state = Object.fromEntries(Object.entries(weights).map(([name, t]) => [name, t.data]));
  const program = await compile(outputs, { device, threads: 1, state });
  try {
    const values = await program.run({
      ...plan,
      ...Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, floats(t.data, t.shape)])),
    });
    return Object.fromEntries(
      Object.entries(values).map(([name, v]) => [name, { shape: v.dims, data: v.data as Float32Array }]),
    );
  } finally {
    await program.dispose();
  }
}

/** Every tensor of `actual` equals the golden one of the same name, in shape and values. */
export function expectGolden(actual: Record<string, GoldenTensor>, file: Golden, relativeToMax = 1e-4): void {
  for (const [name, t] of Object.entries(actual)) {
    const expected = file.get(name);
    expect([...t.shape], `${name}: shape`).toEqual([...expected.shape]);
    expectClose(t.data, expected.data, relativeToMax, name);
  }
}

/** A value inside a network: the one `steps` uses downstream of the weight `name`. */
export function downstream(root: Tensor, name: string, steps: number): Tensor {
  const order = topological([root]);
  let at = order.find((t) => t.op === 'parameter' && 'name' in t.attributes && t.attributes.name === name);
  for (let i = 0; i < steps; i++) at = order.find((t) => at && t.inputs.includes(at));
  if (!at) throw new Error(`downstream: no value ${steps} uses after "${name}".`);
  return at;
}
