import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectClose } from '../../../test/golden.ts';
import { toyDataset } from '../../../test/toy-dataset.ts';
import { condViews } from '../../dataset/index.ts';
import { loadModel, type Network, readWeights } from '../../pipelines/index.ts';
import { quarterTurnedCoords, quarterTurnsToFront } from '../../stages/1-structure/index.ts';
import { type ExportSettings, exportStructureModel } from '../export-model.ts';
import { structureFlowData } from '../structure-flow-data.ts';
import { structureVaeRecipe, trainStructureVae } from './1-structure-vae.ts';
import { structureFlowRecipe, trainStructureFlow } from './2-structure-flow.ts';

test('a small flow learns four shapes by heart: its loss falls far below that of a network that knows nothing', async () => {
  const run = {
    data: await toyDataset(),
    out: mkdtempSync(join(tmpdir(), 'vae-')),
    device: 'cpu' as const,
    clock: () => 0,
  };
  const still = { saveEvery: 1000, validateEvery: 1000 };
  const blocks = { latent_channels: 2, num_res_blocks: 0, num_res_blocks_middle: 0 };
  const vae = {
    ...structureVaeRecipe,
    ...still,
    encoder: { ...blocks, in_channels: 1, channels: [2, 2, 4, 4] },
    decoder: { ...blocks, out_channels: 1, channels: [4, 4, 2, 2] },
    batchSize: 1,
    crop: 16,
    coarseLevels: 1,
    maxSteps: 5,
  };
  await trainStructureVae(vae, run);
  const losses: number[] = [];
  const recipe = {
    ...structureFlowRecipe,
    ...still,
    denoiser: {
      ...structureFlowRecipe.denoiser,
      resolution: 8,
      in_channels: 2,
      out_channels: 2,
      model_channels: 48,
      cond_channels: 32,
      num_blocks: 2,
      num_heads: 3,
      patch_size: 2,
    },
    conditioner: { image_size: 32, patch_size: 16, model_channels: 32, num_blocks: 1, num_heads: 2 },
    batchSize: 8,
    learningRate: 5e-3,
    warmupSteps: 10,
    emaRate: 0.95,
    maxSteps: 150,
  };
  const flow = mkdtempSync(join(tmpdir(), 'flow-'));
  await trainStructureFlow(recipe, {
    ...run,
    vae: run.out,
    out: flow,
    onEvent: (event) => event.kind === 'step' && event.stage === 'train' && losses.push(event.loss),
  });
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  expect(losses).toHaveLength(recipe.maxSteps);
  expect(mean(losses.slice(-20))).toBeLessThan(0.3 * losses[0]);

  const exported = async (settings: ExportSettings) => {
    const folder = join(mkdtempSync(join(tmpdir(), 'exported-')), 'model');
    await exportStructureModel({ vae: run.out, flow }, folder, settings);
    return loadModel(folder);
  };
  const [plain, flat] = [await exported({}), await exported({ guidance: 2, rescale: 5, pitchTemperature: 4 })];
  expect(plain.networks.sparse_structure_flow_model.config.pixel_aligned_grid).toBe(2);
  expect(plain.structureSampler).toMatchObject({ guidance: 3, rescale: 3 });
  expect(flat.structureSampler).toMatchObject({ guidance: 2, rescale: 5 });
  const heads = await Promise.all(
    [plain, flat].map(({ networks }) => readWeights(networks.camera_pitch_model as Network)),
  );
  for (const [name, values] of Object.entries(heads[0])) {
    const by = name.startsWith('out_layer.') ? 4 : 1; // logits are divided, what they are made of stays
    expectClose(
      heads[1][name],
      values.map((v) => v / by),
      1e-6,
      name,
    );
  }

  // The same assets along their own axes: each view shows the shape turned by quarters, every second of them as in a mirror.
  const options = { roots: run.data, vae: run.out, mirror: true, views: 24, pictureSize: 32 };
  const own = await structureFlowData({ ...options, frame: 'canonical' });
  const turned = await structureFlowData({ ...options, frame: 'quadrant' });
  const voxelsOf = (coords: Uint8Array) =>
    Array.from({ length: coords.length / 3 }, (_, i) => [...coords.subarray(3 * i, 3 * i + 3)].join()).sort();
  for (const index of turned.indices('train')) {
    const cameras = await condViews(run.data, turned.sha256(index));
    expect(turned.viewsOf(index)).toBe(cameras.length);
    for (const [view, { eye }] of cameras.entries()) {
      const shape = quarterTurnedCoords(own.coords(index, view), quarterTurnsToFront(eye), 64);
      const seen = view % 2 === 1 ? shape.map((v, i) => (i % 3 === 0 ? 63 - v : v)) : shape;
      expect(voxelsOf(turned.coords(index, view))).toEqual(voxelsOf(seen));
      if (view === 0) continue;
      const isSame = voxelsOf(seen).join(' ') === voxelsOf(turned.coords(index, 0)).join(' ');
      expect(Buffer.compare(bytesOf(turned.latent(index, view)), bytesOf(turned.latent(index, 0))) === 0).toBe(isSame);
    }
  }
});

const bytesOf = ({ buffer }: Float32Array) => Buffer.from(buffer as ArrayBuffer);
