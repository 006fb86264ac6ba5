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
