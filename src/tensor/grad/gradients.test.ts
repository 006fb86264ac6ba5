import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add, exp, mul, sigmoid, sub, tanh } from '../ops/elementwise.ts';
import { constant, input } from '../ops/leaf.ts';
import { instantiate, opCases } from '../ops/op-cases.ts';
import { affine, attention, matmul } from '../ops/product.ts';
import { mean, normalize, softmax, sum } from '../ops/reduce.ts';
import { cast, expand, stopGradient } from '../ops/shape.ts';
import { type Array64, evaluate, type Feeds } from '../ops/twin.ts';
import { torchGenerator } from '../random.ts';
import { compile, type Program } from '../runtime/program.ts';
import type { Value } from '../runtime/protocol.ts';
import type { Tensor } from '../tensor.ts';
import { attentionGradient } from './attention.ts';
import { checkpoint, gradients } from './gradients.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (!process.env.VK_ICD_FILENAMES && existsSync(SWIFTSHADER)) process.env.VK_ICD_FILENAMES = SWIFTSHADER;

/** Skipped without a Vulkan driver: WebGPU needs one, and none is named in VK_ICD_FILENAMES or lies with Chromium. */
const devices = [
  { device: 'cpu', present: true },
  { device: 'webgpu', present: Boolean(process.env.VK_ICD_FILENAMES) },
] as const;

/** Rounding has no slope: its gradient is the straight one, which central differences cannot see. */
const smooth = opCases.filter((c) => c.name !== 'cast to integers');

const cases = smooth.map((c, i) => {
  const { declared, feeds, result } = instantiate(c, i);
  const n = result.shape.reduce<number>((a, d) => a * Number(d), 1);
  const seed = constant(torchGenerator(1000 + i).normal(n), result.shape as number[]);
  const loss = sum(mul(result, seed));
  const wrt = declared.filter((t) => t.dtype === 'float32');
  return { name: c.name, declared, feeds, loss, wrt, grads: gradients(loss, wrt) };
});

const onDevice = { cpu: cases, webgpu: cases.filter((c) => !c.name.includes('half')) };

describe.each(devices)('gradients against central differences on $device', ({ device, present }) => {
  describe.skipIf(!present)('with a driver', () => {
    const cases = onDevice[device];
    let program: Program;
    let got: Record<string, Value>;

    beforeAll(async () => {
      program = await compile(Object.fromEntries(cases.flatMap((c) => c.grads.map((g, i) => [`${c.name} d${i}`, g]))), {
        device,
      });
      got = await program.run(Object.assign({}, ...cases.map((c) => wire(c.feeds, c.declared))));
    }, 300_000);

    afterAll(() => program?.dispose());

    it.each(cases)('$name', ({ name, feeds, loss, wrt }) => {
      for (const [i, t] of wrt.entries()) {
        const value = got[`${name} d${i}`];
        expect(value.dims).toEqual(t.shape);
        const differences = centralDifferences(loss, feeds, t.attributes.name);
        const largest = Math.max(0.1, ...differences.map(({ slope }) => Math.abs(slope)));
        const worst = Math.max(...differences.map(({ at, slope }) => Math.abs(slope - Number(value.data[at]))));
        // Sine and cosine of WGSL are good to 2⁻¹¹, absolute; what passes through a half keeps 11 bits.
        const isCoarse = device === 'webgpu' && /^(sin|cos)$/.test(name);
        expect(worst / largest).toBeLessThan(isCoarse ? 2e-3 : name.includes('half') ? 2 ** -11 : 1e-4);
      }
    });
  });
});

/** dloss/dx at up to 24 entries of the input `name`, in float64 through the twin. */
function centralDifferences(loss: Tensor, feeds: Feeds, name: string): { at: number; slope: number }[] {
  const x = feeds.get(name) as Array64;
  const every = Math.ceil(x.data.length / 24);
  const h = 1e-5;
  const lossAt = (at: number, v: number) => {
    const data = x.data.slice();
    data[at] = v;
    return evaluate([loss], new Map(feeds).set(name, { shape: x.shape, data }))[0].data[0];
  };
  return Array.from({ length: Math.ceil(x.data.length / every) }, (_, i) => {
    const at = i * every;
    return { at, slope: (lossAt(at, x.data[at] + h) - lossAt(at, x.data[at] - h)) / (2 * h) };
  });
}

function wire(feeds: Feeds, declared: readonly Tensor<'input'>[]): Record<string, Value> {
  return Object.fromEntries(
    declared.map((t): [string, Value] => {
      const { shape, data } = feeds.get(t.attributes.name) as Array64;
      const isIndex = t.dtype === 'int32';
      const value = isIndex
        ? { dtype: 'int32' as const, data: Int32Array.from(data) }
        : { dtype: 'float32' as const, data: Float32Array.from(data) };
      return [t.attributes.name, { ...value, dims: shape }];
    }),
  );
}

/** Values of several graphs over the same normal inputs. */
async function values(
  graphs: Record<string, Tensor>,
  inputs: readonly Tensor<'input'>[],
): Promise<Record<string, number[]>> {
  const program = await compile(graphs);
  const rng = torchGenerator(7);
  const feeds = Object.fromEntries(
    inputs.map((t): [string, Value] => {
      const dims = t.shape as number[];
      return [t.attributes.name, { dtype: 'float32', dims, data: rng.normal(dims.reduce((a, b) => a * b, 1)) }];
    }),
  );
  const got = await program.run(feeds);
  await program.dispose();
  return Object.fromEntries(Object.entries(got).map(([name, v]) => [name, Array.from(v.data as Float32Array)]));
}

function expectClose(a: number[], b: number[], within = 1e-5): void {
  expect(a.length).toBe(b.length);
  const scale = Math.max(1e-3, ...a.map(Math.abs));
  expect(Math.max(...a.map((v, i) => Math.abs(v - b[i]))) / scale).toBeLessThan(within);
}

describe('gradients', () => {
  it('are the same head by head as in one batched product', async () => {
    const inputs = [input('q', [2, 3, 6]), input('k', [2, 5, 6]), input('v', [2, 5, 6])];
    const g = input('g', [2, 3, 6]);
    const y = attention(inputs[0], inputs[1], inputs[2], 3) as Tensor<'attention'>;
    const names = ['dq', 'dk', 'dv'];
    const graphs = Object.fromEntries([
      ...attentionGradient(y, g).map((t, i) => [`${names[i]} batched`, t]),
      ...attentionGradient(y, g, 0).map((t, i) => [`${names[i]} per head`, t]),
    ]);
    const got = await values(graphs, [...inputs, g]);
    for (const name of names) expectClose(got[`${name} batched`], got[`${name} per head`]);
  });

  it('are the same through checkpoint as without', async () => {
    const x = input('x', [2, 3, 4]);
    const outside = input('outside', [4]);
    const weights = [input('w1', [4, 4]), input('w2', [4, 4])];
    // Weights and a computed value come in through the closure, one weight also as an argument, one input twice.
    const closure = expand(softmax(mul(outside, weights[0])), [2, 4, 4]);
    const block = (h: Tensor, again: Tensor, w: Tensor) =>
      add(mul(again, 0.5), tanh(matmul(affine(affine(normalize(h, 1e-6), weights[0]), w), closure)));
    const plain = (h: Tensor) => block(block(h, h, weights[1]), h, weights[1]);
    const saved = (h: Tensor) => {
      const once = checkpoint(block, h, h, weights[1]);
      return checkpoint(block, once, h, weights[1]);
    };
    const nested = (h: Tensor) => checkpoint((t) => saved(sigmoid(t)), h);
    const plainNested = (h: Tensor) => plain(sigmoid(h));
    const wrt = [x, outside, ...weights];
    const graphs: Record<string, Tensor> = {};
    for (const [name, f] of Object.entries({ plain, saved, plainNested, nested }))
      for (const [i, g] of gradients(mean(mul(f(x), f(x))), wrt).entries()) graphs[`${name} ${i}`] = g;
    const got = await values(graphs, wrt);
    for (const i of wrt.keys()) {
      expectClose(got[`plain ${i}`], got[`saved ${i}`]);
      expectClose(got[`plainNested ${i}`], got[`nested ${i}`]);
    }
  });

  it('reach a target through another target', async () => {
    const x = input('x', [3]);
    const h = exp(x);
    const [gx, gh] = gradients(sum(mul(h, h)), [x, h]);
    const got = await values({ gx, gh, twice: mul(exp(x), 2), whole: mul(mul(exp(x), exp(x)), 2) }, [x]);
    expectClose(got.gh, got.twice);
    expectClose(got.gx, got.whole);
  });

  it('stop at stopGradient, integers and comparisons, and say so when nothing arrives', async () => {
    const x = input('x', [3]);
    const [g] = gradients(sum(mul(stopGradient(x), x)), [x]);
    const got = await values({ g, same: add(x, 0) }, [x]);
    expectClose(got.g, got.same);
    expect(() => gradients(sum(stopGradient(x)), [x])).toThrow(/gradients: input "x" \[3\] does not reach/);
    expect(() => gradients(sum(cast(cast(x, 'int32'), 'float32')), [x])).toThrow(/does not reach/);
    expect(() => gradients(x, [x])).toThrow(/expected a scalar, got \[3\]/);
  });

  it('hold for named sizes', async () => {
    const x = input('x', ['N', 4]);
    const loss = mean(mul(normalize(x, 1e-5), sub(softmax(x), mean(x, { axes: [0] }))));
    const [g] = gradients(loss, [x]);
    const program = await compile({ g });
    for (const n of [3, 5]) {
      const data = torchGenerator(n).normal(4 * n);
      const feeds = new Map([['x', { shape: [n, 4], data: Float64Array.from(data) }]]);
      const got = await program.run({ x: { dtype: 'float32', dims: [n, 4], data } });
      for (const { at, slope } of centralDifferences(loss, feeds, 'x')) expect(got.g.data[at]).toBeCloseTo(slope, 5);
    }
    await program.dispose();
  });
});
