import { describe, expect, test } from 'vitest';
import { devices } from '../../../test/devices.ts';
import { downstream, evaluate, expectGolden, expectWeights, golden, voxelsOf } from '../../../test/golden.ts';
import { sparseGrid, subdivided } from '../../sparse/index.ts';
import { input, scope } from '../../tensor/index.ts';
import { meshDecoder } from './mesh-decoder.ts';

describe.each(devices)('the mesh decoder on $device', ({ device, present }) => {
  test.skipIf(!present)('computes what the official one does', async () => {
    const file = golden('slat_decoder_mesh');
    const voxels = voxelsOf(file, 'in.x.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const h = meshDecoder(file.config, p, grid, input('x', [grid.rows, 8]));
    expectWeights(p, file.below('model.'));
    const outputs = {
      'out.h.feats': h,
      'mid.blocks.0': downstream(h, 'blocks.0.mlp.mlp.2.weight', 2),
      'mid.upsample.0': downstream(h, 'upsample.0.out_layers.3.conv.weight', 3),
    };
    const feeds = { x: file.get('in.x.feats') };
    expectGolden(await evaluate(outputs, file.below('model.'), feeds, { device, plan: grid.plan(voxels) }), file);
    expect([...subdivided(subdivided(voxels)).coords]).toEqual([...file.get('out.h.coords').data]);
  });
});
