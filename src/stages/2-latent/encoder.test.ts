import { describe, expect, test } from 'vitest';
import { devices } from '../../../test/devices.ts';
import {
  downstream,
  evaluate,
  expectClose,
  expectGolden,
  expectWeights,
  golden,
  voxelsOf,
} from '../../../test/golden.ts';
import { sparseGrid } from '../../sparse/index.ts';
import { input, scope, type Tensor } from '../../tensor/index.ts';
import { samplePosterior } from '../1-structure/index.ts';
import { latentEncoder } from './encoder.ts';
import { openLatentEncoder } from './sampler.ts';

describe.each(devices)('the latent encoder on $device', ({ device, present }) => {
  test.skipIf(!present).each(['swin', 'full_qknorm'])('%s computes what the official one does', async (variant) => {
    const file = golden(`slat_encoder_${variant}`);
    const voxels = voxelsOf(file, 'in.x.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const { mean, logvar } = latentEncoder(file.config, p, grid, input('x', [grid.rows, 48]));
    const z = samplePosterior(mean, logvar, input('eps', [grid.rows, 8]));
    expectWeights(p, file.below('model.'));
    const steps: Record<string, [string, number]> = {
      'mid.input_layer': ['input_layer.weight', 1],
      'mid.blocks.0.attn': ['blocks.0.attn.to_out.weight', 1],
      'mid.blocks.0': ['blocks.0.mlp.mlp.2.weight', 2],
      'mid.blocks.1': ['blocks.1.mlp.mlp.2.weight', 2],
    };
    const outputs: Record<string, Tensor> = { 'out.mean': mean, 'out.logvar': logvar, 'out.z.feats': z };
    for (const name of file.tensors.keys()) if (name.startsWith('mid.')) outputs[name] = downstream(z, ...steps[name]);
    const feeds = { x: file.get('in.x.feats'), eps: file.get('in.eps') };
    expectGolden(await evaluate(outputs, file.below('model.'), feeds, { device, plan: grid.plan(voxels) }), file);
  });
});

test('an opened encoder gives the mean and the log variance at the voxels it is given', async () => {
  const file = golden('slat_encoder_full_qknorm');
  const state = Object.fromEntries(Object.entries(file.below('model.')).map(([name, t]) => [name, t.data]));
  const voxels = voxelsOf(file, 'in.x.coords');
  const encoder = await openLatentEncoder(file.config, { state }, { objects: voxels.objects });
  const { mean, logvar } = await encoder.encode(voxels, file.get('in.x.feats').data);
  expectClose(mean, file.get('out.mean').data, 1e-4, 'mean');
  expectClose(logvar, file.get('out.logvar').data, 1e-4, 'logvar');
  await expect(encoder.encode(voxels, new Float32Array(48))).rejects.toThrow(
    /latent encoder: feats must be \[97, 48\]/,
  );
  await encoder.dispose();
});
