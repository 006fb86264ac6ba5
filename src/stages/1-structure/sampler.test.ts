import { test } from 'vitest';
import { evaluate, expectClose, golden } from '../../../test/golden.ts';
import { input, scope, torchGenerator } from '../../tensor/index.ts';
import { structureFlow } from './flow.ts';
import { openStructureSampler } from './sampler.ts';

const file = golden('ss_flow_p2_sharemod'); // norms of queries and keys in cross attention, too
const weights = file.below('model.');
const state = Object.fromEntries(Object.entries(weights).map(([name, t]) => [name, t.data]));
const cond = file.get('in.cond');
const [batch, tokens] = cond.shape;
const noise = torchGenerator(5).normal(file.get('in.x').data.length);

async function velocityAtNoise(prompt: Float32Array): Promise<Float32Array> {
  const x = { shape: file.get('in.x').shape, data: noise };
  const t = { shape: [batch], data: new Float32Array(batch).fill(1000) };
  const [dims, place] = [x.shape, cond.shape];
  const y = structureFlow(file.config, scope(), input('x', dims), input('t', [batch]), input('cond', place));
  return (await evaluate({ y }, weights, { x, t, cond: { shape: place, data: prompt } })).y.data;
}

test('a step follows the network, whose prompt is read once, and guidance leads away from the empty one', async () => {
  const sampler = await openStructureSampler(file.config, { state }, { batch, tokens });
  const step = { steps: 1, interval: [0, 1], rescale: 3 } as const;
  const other = cond.data.map((v) => 0.3 - 0.5 * v);
  const zeros = new Float32Array(cond.data.length);
  for (const prompt of [cond.data, other]) {
    const towards = await velocityAtNoise(prompt);
    const plain = await sampler.sample(noise, prompt, { ...step, guidance: 0 });
    expectClose(
      plain,
      noise.map((v, i) => v - towards[i]),
      1e-4,
      'without guidance',
    );
    for (const uncond of [undefined, zeros, other]) {
      const away = await velocityAtNoise(uncond ?? zeros); // tokens all alike are read as one
      expectClose(
        await sampler.sample(noise, prompt, { ...step, guidance: 2 }, { uncond }),
        noise.map((v, i) => v - 3 * towards[i] + 2 * away[i]),
        1e-4,
        'with guidance',
      );
    }
  }
  await sampler.dispose();
});

test('a network with pixel-aligned features reads each token of a prompt at its place, the empty prompt, too', async () => {
  const side = Math.sqrt(tokens);
  const config = { ...file.config, pixel_aligned_grid: Math.floor(side) };
  const p = scope();
  const y = structureFlow(
    config,
    p,
    input('x', [...file.get('in.x').shape]),
    input('t', [batch]),
    input('cond', cond.shape),
  );
  const more = Object.fromEntries(
    ['aligned_layer.weight', 'aligned_layer.bias'].map((name) => {
      const shape = p.parameters.get(name)?.shape as number[];
      return [
        name,
        {
          shape,
          data: torchGenerator(3)
            .normal(shape.reduce((a, b) => a * b, 1))
            .map((v) => 0.3 * v),
        },
      ];
    }),
  );
  const x = { shape: file.get('in.x').shape, data: noise };
  const t = { shape: [batch], data: new Float32Array(batch).fill(1000) };
  const network = async (data: Float32Array) =>
    (await evaluate({ y }, { ...weights, ...more }, { x, t, cond: { shape: cond.shape, data } })).y.data;
  const [towards, away] = [await network(cond.data), await network(new Float32Array(cond.data.length))];
  const states = { ...state, ...Object.fromEntries(Object.entries(more).map(([name, { data }]) => [name, data])) };
  const sampler = await openStructureSampler(config, { state: states }, { batch, tokens });
  const got = await sampler.sample(noise, cond.data, { steps: 1, interval: [0, 1], rescale: 3, guidance: 2 });
  await sampler.dispose();
  expectClose(
    got,
    noise.map((v, i) => v - 3 * towards[i] + 2 * away[i]),
    1e-4,
    'with guidance',
  );
});
