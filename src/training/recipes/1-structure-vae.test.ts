import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toyDataset } from '../../../test/toy-dataset.ts';
import { structureSamples } from '../structure-data.ts';
import { reconstructions, structureVaeRecipe, trainStructureVae } from './1-structure-vae.ts';

test('a small autoencoder learns four shapes by heart', async () => {
  const data = await toyDataset();
  const recipe = {
    ...structureVaeRecipe,
    encoder: { in_channels: 1, latent_channels: 8, num_res_blocks: 0, num_res_blocks_middle: 0, channels: [8, 32] },
    decoder: { out_channels: 1, latent_channels: 8, num_res_blocks: 0, num_res_blocks_middle: 0, channels: [32, 8] },
    lambdaKl: 1e-5,
    crop: 12,
    batchSize: 4,
    learningRate: 1e-2,
    warmupSteps: 10,
    emaRate: 0.9,
    maxSteps: 450,
    saveEvery: 1000,
    validateEvery: 1000,
  };
  const losses: number[] = [];
  const averaged = await trainStructureVae(recipe, {
    data,
    out: mkdtempSync(join(tmpdir(), 'vae-')),
    device: 'cpu',
    clock: () => 0,
    onEvent: (event) => event.kind === 'step' && losses.push(event.loss),
  });
  expect(losses).toHaveLength(recipe.maxSteps);
  const { iou } = await reconstructions(recipe, averaged, await structureSamples(data, { cond: false }));
  expect(iou).toBeGreaterThan(0.95);
});
