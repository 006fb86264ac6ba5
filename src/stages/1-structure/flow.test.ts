import { describe, expect, test } from 'vitest';
import {
  downstream,
  evaluate,
  expectClose,
  expectGolden,
  expectWeights,
  golden,
  inputOf,
} from '../../../test/golden.ts';
import {
  add,
  gradients,
  input,
  mean,
  mul,
  reshape,
  type Scope,
  scope,
  square,
  sub,
  type Tensor,
  torchGenerator,
} from '../../tensor/index.ts';
import { structureFlow, structureFlowBuffers, structurePrompt } from './flow.ts';

test.each(['p1_qknorm', 'p2_sharemod', 'p1_plain'])(
  'flow network %s computes what the official one does',
  async (variant) => {
    const file = golden(`ss_flow_${variant}`);
    const feeds = { x: file.get('in.x'), t: file.get('in.t'), cond: file.get('in.cond') };
    const p = scope();
    const y = structureFlow(file.config, p, inputOf('x', feeds.x), inputOf('t', feeds.t), inputOf('cond', feeds.cond));
    expectWeights(p, file.below('model.'));
    const steps: Record<string, [string, number]> = {
      'mid.input_layer': ['input_layer.weight', 1],
      'mid.t_embedder': ['t_embedder.mlp.2.weight', 1],
      'mid.adaLN_modulation': ['adaLN_modulation.1.weight', 1],
      'mid.blocks.0.self_attn': ['blocks.0.self_attn.to_out.weight', 1],
      'mid.blocks.0.cross_attn': ['blocks.0.cross_attn.to_out.weight', 1],
      'mid.blocks.0.mlp': ['blocks.0.mlp.mlp.2.weight', 1],
      'mid.blocks.0': ['blocks.0.mlp.mlp.2.weight', 3],
      'mid.blocks.1': ['blocks.1.mlp.mlp.2.weight', 3],
    };
    const outputs: Record<string, Tensor> = { 'out.y': y };
    for (const name of file.tensors.keys()) if (name.startsWith('mid.')) outputs[name] = downstream(y, ...steps[name]);
    expectGolden(await evaluate(outputs, file.below('model.'), feeds), file);
    const { init } = p.parameters.get('pos_emb')?.attributes ?? {};
    if (init?.kind !== 'values') throw new Error('pos_emb must start from its formula.');
    expectClose(init.values, file.get('model.pos_emb').data, 1e-6, 'pos_emb');
  },
);

test('flow matching loss, and its gradient in every weight', async () => {
  const file = golden('train_ss_flow');
  const step = (name: string) => file.get(`in.step0.mb0.${name}`);
  const feeds = { x0: step('x_0'), noise: step('noise'), t: step('t'), cond: step('cond') };
  const weights = file.below('model.');
  const p = scope();
  const [x0, noise, t, cond] = Object.entries(feeds).map(([name, { shape }]) => input(name, shape));
  const sigma = file.config.sigma_min;
  const time = reshape(t, [t.shape[0], 1, 1, 1, 1]);
  const xt = add(mul(sub(1, time), x0), mul(add(mul(time, 1 - sigma), sigma), noise));
  const velocity = structureFlow(file.config.denoiser, p, xt, mul(t, 1000), cond);
  const loss = mean(square(sub(velocity, sub(mul(noise, 1 - sigma), x0))));
  const { pos_emb: positions, ...trained } = Object.fromEntries(p.parameters);
  expect(structureFlowBuffers).toEqual(['pos_emb']);
  const init = positions.attributes.init;
  if (init.kind !== 'values') throw new Error('pos_emb must start from its formula.');
  const shapes = (all: Record<string, { shape: readonly (number | string)[] }>) =>
    Object.fromEntries(
      Object.entries(all)
        .filter(([name]) => name !== 'pos_emb')
        .map(([name, w]) => [name, [...w.shape]]),
    );
  expect(shapes(trained)).toEqual(shapes(weights));
  const names = Object.keys(trained);
  const slopes = gradients(loss, Object.values(trained));
  const outputs = Object.fromEntries(names.map((name, i) => [`grad.${name}`, slopes[i]]));
  const state = { pos_emb: { shape: positions.shape as number[], data: Float32Array.from(init.values) }, ...weights };
  const { loss: total, ...rest } = await evaluate({ loss, ...outputs }, state, feeds);
  const { x_t } = await evaluate({ x_t: xt }, {}, { x0: feeds.x0, noise: feeds.noise, t: feeds.t });
  expectClose(x_t.data, file.get('out.x_t').data, 1e-6, 'x_t');
  expectClose(total.data, file.get('out.loss').data.slice(0, 1), 1e-5, 'loss');
  expectGolden(rest, file, 1e-3);
});

describe('pixel-aligned features', () => {
  const config = {
    ...{
      resolution: 8,
      in_channels: 2,
      out_channels: 2,
      model_channels: 12,
      cond_channels: 6,
      num_blocks: 1,
      num_heads: 2,
    },
    pixel_aligned_grid: 4,
  };
  const weights = (p: Scope) =>
    Object.fromEntries(
      [...p.parameters].map(([name, { shape }]) => {
        const count = (shape as number[]).reduce((a, b) => a * b, 1);
        const data = torchGenerator(name.length)
          .normal(count)
          .map((v) => 0.4 * v);
        return [name, { shape: shape as number[], data }];
      }),
    );

  /** Which columns, [x][z], read a picture [4, 4] that differs from nothing in one patch. */
  async function columnsThatRead(row: number, column: number): Promise<boolean[][]> {
    const p = scope();
    const { aligned } = structurePrompt(config, p, input('cond', [1, 17, 6])); // one token before the patches
    const cond = { shape: [1, 17, 6], data: new Float32Array(17 * 6) };
    cond.data.fill(1, (1 + 4 * row + column) * 6, (2 + 4 * row + column) * 6);
    const state = weights(p);
    state['aligned_layer.bias'].data.fill(0);
    const { y } = await evaluate({ y: aligned as Tensor }, state, { cond });
    const reads = (x: number, z: number) =>
      y.data.subarray((4 * x + z) * 12, (4 * x + z + 1) * 12).some((v) => v !== 0);
    return [0, 1, 2, 3].map((x) => [0, 1, 2, 3].map((z) => reads(x, z)));
  }

  test('a patch is read where it lies over the cube: right along x, down against z, at every depth', async () => {
    const only = (xs: number[], zs: number[]) =>
      [0, 1, 2, 3].map((x) => [0, 1, 2, 3].map((z) => xs.includes(x) && zs.includes(z)));
    expect(await columnsThatRead(0, 0)).toEqual(only([0], [3])); // top left
    expect(await columnsThatRead(3, 2)).toEqual(only([1, 2, 3], [0])); // bottom, right of the middle
    const p = scope();
    const x = { shape: [1, 2, 8, 8, 8], data: torchGenerator(1).normal(1024) };
    const cond = { shape: [1, 17, 6], data: torchGenerator(2).normal(102) };
    const y = structureFlow(config, p, inputOf('x', x), input('t', [1]), inputOf('cond', cond));
    const aligned = downstream(y, 'aligned_layer.bias', 1);
    const joined = downstream(y, 'aligned_layer.bias', 3);
    const before = downstream(y, 'pos_emb', 1);
    const t = { shape: [1], data: new Float32Array([300]) };
    const got = await evaluate({ aligned, joined, before }, weights(p), { x, t, cond });
    const added = got.joined.data.map((v, i) => v - got.before.data[i]);
    const column = (i: number) => Math.floor(i / 12 / 16) * 4 + (Math.floor(i / 12) % 4);
    expectClose(
      added,
      added.map((_, i) => got.aligned.data[column(i) * 12 + (i % 12)]),
      1e-5,
      'added to each depth',
    );
  });

  test('each weight has its gradient, and without the option nothing is declared', async () => {
    const p = scope();
    const x = { shape: [1, 2, 8, 8, 8], data: torchGenerator(1).normal(1024) };
    const cond = { shape: [1, 16, 6], data: torchGenerator(2).normal(96) };
    const t = { shape: [1], data: new Float32Array([300]) };
    const loss = mean(square(structureFlow(config, p, inputOf('x', x), input('t', [1]), inputOf('cond', cond))));
    const weight = p.parameters.get('aligned_layer.weight') as Tensor;
    const [slope] = gradients(loss, [weight]);
    const state = weights(p);
    const at = state['aligned_layer.weight'].data;
    const { slope: got } = await evaluate({ slope }, state, { x, t, cond });
    const lossWith = async (i: number, by: number) => {
      const data = at.slice();
      data[i] += by;
      const changed = { ...state, 'aligned_layer.weight': { ...state['aligned_layer.weight'], data } };
      return (await evaluate({ loss }, changed, { x, t, cond })).loss.data[0];
    };
    const steepest = got.data.reduce((best, v, i) => (Math.abs(v) > Math.abs(got.data[best]) ? i : best), 0);
    for (const i of [steepest, 5]) {
      const difference = ((await lossWith(i, 0.01)) - (await lossWith(i, -0.01))) / 0.02;
      expect(Math.abs(got.data[i] - difference)).toBeLessThan(0.02 * Math.abs(got.data[steepest]));
    }
    const plain = scope();
    const { pixel_aligned_grid: _, ...without } = config;
    structureFlow(without, plain, inputOf('x', x), input('t', [1]), inputOf('cond', cond));
    expect([...plain.parameters.keys()].filter((name) => name.startsWith('aligned'))).toEqual([]);
  });

  test('prompts without so many tokens are refused', () => {
    expect(() => structurePrompt(config, scope(), input('cond', [1, 9, 6]))).toThrow(
      /pixel_aligned_grid 4 .* 16 tokens, got 9/,
    );
  });
});
