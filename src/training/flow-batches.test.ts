import { expect, test } from 'vitest';
import { flowBatches } from './flow-batches.ts';
import { flowFeeds } from './flow-feeds.ts';
import { flowTable } from './flow-table.ts';
import { generatorOf, samplesOf } from './order.ts';
import { structureFlowRecipe } from './recipes/2-structure-flow.ts';

/** Three assets of two, one and two views; the first shows the same shape twice. */
function source() {
  const recipe = {
    ...structureFlowRecipe,
    denoiser: { ...structureFlowRecipe.denoiser, resolution: 4, in_channels: 2 },
    conditioner: { ...structureFlowRecipe.conditioner, image_size: 8 },
    batchSize: 4,
  };
  const latent = (seed: number) => Uint16Array.from({ length: 128 }, (_, i) => 0x3c00 + ((i * 37 + seed * 11) % 512));
  const picture = (seed: number) => Uint8Array.from({ length: 192 }, (_, i) => (i * 5 + seed * 40) % 256);
  const same = latent(0);
  const table = flowTable({
    pictures: [[picture(0), picture(1)], [picture(2)], [picture(3), picture(4)]],
    latents: [[same, same], [latent(2)], [latent(3), latent(4)]],
    pitches: [[0.1, 0.2], [0.3], [0.4, 0.5]],
    scale: Float32Array.of(1, 2),
  });
  return { recipe, table, assets: [0, 2] };
}

test('threads make the batches that one makes alone, whichever step is asked for first', async () => {
  const { recipe, table, assets } = source();
  expect(table.latents).toHaveLength(4 * 128); // the same shape is kept once
  const batches = flowBatches({ recipe, table, assets }, 2);
  try {
    for (const step of [0, 1, 2, 7, 3]) {
      const picked = samplesOf(step, recipe.batchSize, assets.length, recipe.seed).map((i) => assets[i]);
      const expected = flowFeeds(recipe, table, picked, generatorOf(recipe.seed, step), true);
      expect(await batches.batch(step)).toEqual(expected);
    }
  } finally {
    await batches.dispose();
  }
});

test('a thread that has ended says so instead of keeping a run waiting', async () => {
  const batches = flowBatches(source(), 1);
  await batches.batch(0);
  await batches.dispose();
  await expect(batches.batch(50)).rejects.toThrow(/a thread that makes batches ended/);
});
