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
import { fieldAt, type RadianceField } from '../../representations/index.ts';
import { sparseGrid } from '../../sparse/index.ts';
import { input, scope } from '../../tensor/index.ts';
import { openRadianceFieldDecoder, radianceFieldDecoder } from './radiance-field-decoder.ts';

describe.each(devices)('the radiance field decoder on $device', ({ device, present }) => {
  test.skipIf(!present)('computes what the official one does', async () => {
    const file = golden('slat_decoder_rf');
    const voxels = voxelsOf(file, 'in.x.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const { raw } = radianceFieldDecoder(file.config, p, grid, input('x', [grid.rows, 8]));
    expectWeights(p, file.below('model.'));
    const outputs = { 'out.h': raw, 'mid.blocks.1': downstream(raw, 'blocks.1.mlp.mlp.2.weight', 2) };
    const feeds = { x: file.get('in.x.feats') };
    expectGolden(await evaluate(outputs, file.below('model.'), feeds, { device, plan: grid.plan(voxels) }), file);
  });
});

test('the field of each object equals the official one', async () => {
  const file = golden('slat_decoder_rf');
  const voxels = voxelsOf(file, 'in.x.coords');
  const state = Object.fromEntries(Object.entries(file.below('model.')).map(([name, t]) => [name, t.data]));
  const decoder = await openRadianceFieldDecoder(file.config, { state }, { objects: 2 });
  const fields = await decoder.decode(voxels, file.get('in.x.feats').data);
  await decoder.dispose();
  for (const [i, field] of fields.entries()) {
    const expected = (name: string) => file.get(`out.${i}.${name}`).data;
    expect([...field.positions]).toEqual([...expected('position')]);
    expectClose(field.trivec, expected('trivec'), 1e-4, 'trivec');
    expectClose(field.density, expected('density'), 1e-4, 'density');
    expectClose(field.colorsDc, expected('features_dc'), 1e-4, 'colors');
    expect(2 ** expected('depth')[0]).toBe(field.resolution);
  }
});

test('inside a cell the field is a product of lines, straight between samples and beyond the last', () => {
  const ramp = (slope: number, start: number) => Array.from({ length: 4 }, (_, i) => start + slope * i);
  const field: RadianceField = {
    resolution: 8,
    rank: 1,
    dim: 4,
    positions: new Float32Array(3),
    // Samples stand at (i + 0.5)/4: the lines are 4u − 0.5, 1 and 2.
    trivec: Float32Array.of(...ramp(1, 0), ...ramp(0, 1), ...ramp(0, 2)),
    density: Float32Array.of(3),
    colorsDc: Float32Array.of(1, -1, 0),
  };
  for (const u of [0, 0.125, 0.3, 0.5, 0.9, 1]) {
    const f = (4 * u - 0.5) * 2;
    const { density, color } = fieldAt(field, 0, [u, 0.2, 0.7]);
    expect(density).toBeCloseTo(Math.log1p(Math.exp(3 * f)), 5);
    const c = 0.28209479177387814 * f;
    expect(color).toEqual([1, -1, 0].map((v) => expect.closeTo(1 / (1 + Math.exp(-v * c)), 6)));
  }
});
