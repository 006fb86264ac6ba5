import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toyDataset } from '../../../test/toy-dataset.ts';
import { occupancyIou, structureDecoder, structureEncoder } from '../../stages/1-structure/index.ts';
import { compile, floats, input, mean, reshape, scope } from '../../tensor/index.ts';
import { cropOccupancy } from '../augment.ts';
import { loadCheckpoint } from '../checkpoint.ts';
import { structureSamples } from '../structure-data.ts';
import type { States } from '../training-program.ts';
import { reconstructions, structureVaeRecipe, trainStructureVae } from './1-structure-vae.ts';

test('a small autoencoder learns four shapes by heart', async () => {
  const data = await toyDataset();
  const recipe = {
    ...structureVaeRecipe,
    encoder: { in_channels: 1, latent_channels: 8, num_res_blocks: 0, num_res_blocks_middle: 0, channels: [8, 32] },
    decoder: { out_channels: 1, latent_channels: 8, num_res_blocks: 0, num_res_blocks_middle: 0, channels: [32, 8] },
    coarseLevels: 0,
    latentNoise: 0,
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

test('with coarse levels the mean of a latent over blocks is the latent of the coarser shape', async () => {
  const data = await toyDataset();
  const blocks = { latent_channels: 8, num_res_blocks: 0, num_res_blocks_middle: 0 };
  const recipe = {
    ...structureVaeRecipe,
    encoder: { ...blocks, in_channels: 1, channels: [8, 32] },
    decoder: { ...blocks, out_channels: 1, channels: [32, 8] },
    latentNoise: 0,
    lambdaKl: 1e-5,
    crop: 16,
    warmupSteps: 10,
    emaRate: 0.9,
    maxSteps: 200,
    saveEvery: 1000,
    validateEvery: 1000,
  };
  const run = { data, device: 'cpu' as const, clock: () => 0 };
  const coarseIou = async (coarseLevels: number) => {
    const out = mkdtempSync(join(tmpdir(), 'vae-'));
    const states = await trainStructureVae({ ...recipe, coarseLevels }, { ...run, out });
    const [sample] = await structureSamples(data, { cond: false });
    return iouOfMeans(recipe, states, sample.coords);
  };
  expect(await coarseIou(0)).toBeLessThan(0.5);
  expect(await coarseIou(1)).toBeGreaterThan(0.7);
});

/** Of the shape at 32³, decoded from the latent's means over 2³ cells, and the true one. */
async function iouOfMeans(
  { encoder, decoder }: Pick<typeof structureVaeRecipe, 'encoder' | 'decoder'>,
  state: States,
  coords: Uint8Array,
): Promise<number> {
  const weights = scope();
  const { mean: latent } = structureEncoder(encoder, weights.at('encoder'), input('ss', [1, 1, 64, 64, 64]));
  const means = mean(reshape(latent, [1, 8, 16, 2, 16, 2, 16, 2]), { axes: [3, 5, 7] });
  const program = await compile({ logits: structureDecoder(decoder, weights.at('decoder'), means) }, { state });
  const { logits } = await program.run({ ss: floats(cropOccupancy(coords, 64), [1, 1, 64, 64, 64]) });
  await program.dispose();
  const truth = cropOccupancy(
    coords.map((c) => c >> 1),
    32,
  );
  return occupancyIou(
    Uint8Array.from(logits.data as Float32Array, (l) => Number(l > 0)),
    Uint8Array.from(truth),
  );
}

test.each([
  [{ crop: 12 }, /crop must be a multiple of 16.* got 12/],
  [{ coarseLevels: -1 }, /coarseLevels must be a whole number from 0 on, got -1/],
  [{ coarseLevels: 1.5 }, /coarseLevels must be a whole number from 0 on, got 1.5/],
  [{ latentNoise: -0.1 }, /latentNoise must be 0 or more, got -0.1/],
])('the recipe with %o is refused', async (wrong, message) => {
  const run = { data: await toyDataset(), out: mkdtempSync(join(tmpdir(), 'vae-')), clock: () => 0 };
  await expect(trainStructureVae({ ...structureVaeRecipe, ...wrong }, run)).rejects.toThrow(message);
});

test('with trainEncoder false a decoder learns on behind the encoder of a run, which stays as it was', async () => {
  const blocks = { latent_channels: 2, num_res_blocks: 0, num_res_blocks_middle: 0 };
  const recipe = {
    ...structureVaeRecipe,
    encoder: { ...blocks, in_channels: 1, channels: [2, 4] },
    decoder: { ...blocks, out_channels: 1, channels: [4, 2] },
    coarseLevels: 0,
    latentNoise: 0,
    crop: 8,
    batchSize: 1,
    warmupSteps: 1,
    maxSteps: 2,
    saveEvery: 2,
    validateEvery: 1000,
  };
  const newFolder = () => mkdtempSync(join(tmpdir(), 'vae-'));
  const run = { data: await toyDataset(), device: 'cpu' as const, clock: () => 0 };
  const [first, second] = [newFolder(), newFolder()];
  await trainStructureVae(recipe, { ...run, out: first });
  const onward = { ...recipe, trainEncoder: false, latentNoise: 0.5, coarseLevels: 1 };
  await expect(trainStructureVae(onward, { ...run, out: second })).rejects.toThrow(/no encoder to keep/);
  await trainStructureVae(onward, { ...run, out: second, from: first });
  const [before, after] = [loadCheckpoint(first, 2).ema.models, loadCheckpoint(second, 2).ema.models];
  expect(after.encoder).toEqual(before.encoder);
  expect(after.decoder['input_layer.weight']).not.toEqual(before.decoder['input_layer.weight']);
});
