import { expect, test } from 'vitest';
import { evaluate, expectClose, golden, voxelsOf } from '../../../test/golden.ts';
import { sparseGrid, type Voxels, voxelsOfObjects } from '../../sparse/index.ts';
import { input, scope, torchGenerator } from '../../tensor/index.ts';
import { latentFlow } from './flow.ts';
import { denormalizeLatent, normalizeLatent, publishedNormalization } from './normalization.ts';
import { openLatentSampler } from './sampler.ts';

const file = golden('slat_flow_p2_noskip');
const weights = file.below('model.');
const state = Object.fromEntries(Object.entries(weights).map(([name, t]) => [name, t.data]));
const cond = file.get('in.cond');
const empty = { shape: cond.shape, data: cond.data.map((v) => 0.3 - 0.5 * v) };

async function velocityAtNoise(voxels: Voxels, x: Float32Array, prompt: typeof cond): Promise<Float32Array> {
  const grid = sparseGrid(voxels.objects);
  const y = latentFlow(
    file.config,
    scope(),
    grid,
    input('x', [grid.rows, 8]),
    input('t', [2]),
    input('cond', cond.shape),
  );
  const feeds = {
    x: { shape: [voxels.count, 8], data: x },
    t: { shape: [2], data: Float32Array.of(1000, 1000) },
    cond: prompt,
  };
  return (await evaluate({ y }, weights, feeds, { plan: grid.plan(voxels) })).y.data;
}

test('one sampler steps from noise at any voxels, with guidance between the prompt and the empty one', async () => {
  const sampler = await openLatentSampler(file.config, { state }, { objects: 2, tokens: cond.shape[1] });
  const few = voxelsOfObjects([Int32Array.of(1, 2, 3, 1, 2, 4, 9, 9, 9), Int32Array.of(15, 0, 7)], 16);
  for (const voxels of [voxelsOf(file, 'in.x.coords'), few]) {
    const noise = torchGenerator(voxels.count).normal(8 * voxels.count);
    const towards = await velocityAtNoise(voxels, noise, cond);
    const away = await velocityAtNoise(voxels, noise, empty);
    const prompt = { cond: cond.data, uncond: empty.data };
    const step = { steps: 1, interval: [0, 1], rescale: 3 } as const;
    const plain = await sampler.sample(voxels, noise, prompt, { ...step, guidance: 0 });
    expectClose(
      plain,
      noise.map((v, i) => v - towards[i]),
      1e-4,
      'without guidance',
    );
    const guided = await sampler.sample(voxels, noise, prompt, { ...step, guidance: 2 });
    expectClose(
      guided,
      noise.map((v, i) => v - 3 * towards[i] + 2 * away[i]),
      1e-4,
      'with guidance',
    );
    const both = { cond: [cond.data, empty.data], mix: 'multidiffusion' } as const;
    expectClose(
      await sampler.sample(voxels, noise, both, { ...step, guidance: 0 }),
      noise.map((v, i) => v - (towards[i] + away[i]) / 2),
      1e-4,
      'the mean of two prompts',
    );
  }
  await expect(
    sampler.sample(
      few,
      new Float32Array(8),
      { cond: cond.data },
      { steps: 1, guidance: 0, interval: [0, 1], rescale: 1 },
    ),
  ).rejects.toThrow(/latent sampler: feats must be \[4, 8\], one row for each voxel, got 8 values/);
  await sampler.dispose();
});

test('ends of other shapes than the published ones are refused', () => {
  const grid = sparseGrid();
  const build = (change: object) => () =>
    latentFlow(
      { ...file.config, ...change },
      scope(),
      grid,
      input('x', [grid.rows, 8]),
      input('t', [1]),
      input('cond', [1, 9, 32]),
    );
  expect(build({ patch_size: 4, io_block_channels: [8, 16] })).toThrow(/io_block_channels \[8, 16\] with patch_size 4/);
  expect(build({ share_mod: true })).toThrow(/share_mod together with io_block_channels/);
});

test('normalized latents come back, and channels of another encoder are refused', () => {
  const feats = torchGenerator(4).normal(40);
  const there = normalizeLatent(feats, publishedNormalization);
  expect(there[8]).toBeCloseTo((feats[8] + 2.1687545776367188) / 2.377650737762451, 5);
  expectClose(denormalizeLatent(there, publishedNormalization), feats, 1e-6);
  expect(() => normalizeLatent(feats, { mean: [0, 0, 0], std: [1, 1, 1] })).toThrow(/one for each channel/);
  expect(() => denormalizeLatent(feats, { mean: [0], std: [0] })).toThrow(/above 0/);
});
