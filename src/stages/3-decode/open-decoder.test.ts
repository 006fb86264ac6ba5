import { expect, test } from 'vitest';
import { golden } from '../../../test/golden.ts';
import { voxelsOfObjects } from '../../sparse/index.ts';
import { hammersley3 } from './hammersley.ts';
import { openRadianceFieldDecoder } from './radiance-field-decoder.ts';

test('what does not fit a decoder is refused, and damaged numbers do not pass through', async () => {
  const file = golden('slat_decoder_rf');
  const state = Object.fromEntries(Object.entries(file.below('model.')).map(([name, t]) => [name, t.data]));
  const decoder = await openRadianceFieldDecoder(file.config, { state });
  const two = voxelsOfObjects([Int32Array.of(1, 2, 3, 4, 5, 15)]);
  expect((await decoder.decode(two, new Float32Array(16)))[0].density.length).toBe(8);
  await expect(decoder.decode(two, new Float32Array(15))).rejects.toThrow(
    /decoder: feats must be \[2, 8\].*got 15 values/,
  );
  const far = voxelsOfObjects([Int32Array.of(1, 2, 3, 4, 16, 6)]);
  await expect(decoder.decode(far, new Float32Array(16))).rejects.toThrow(/voxel 1 is \(4, 16, 6\), expected 0 to 15/);
  const broken = new Float32Array(16).fill(Number.NaN);
  await expect(decoder.decode(two, broken)).rejects.toThrow(/decoder: "trivec" holds values that are not finite/);
  const pair = voxelsOfObjects([Int32Array.of(1, 2, 3), Int32Array.of(4, 5, 6)]);
  await expect(decoder.decode(pair, new Float32Array(16))).rejects.toThrow(
    /compiled for 1 object\(s\), got voxels of 2/,
  );
  await decoder.dispose();
});

test('points of the Hammersley sequence are the official ones', () => {
  const expected = [...golden('spatial_ops').get('out.hammersley').data];
  const points = Array.from({ length: 32 }, (_, i) => hammersley3(i, 32)).flat();
  expect(points.map((v, i) => Math.abs(v - expected[i])).reduce((a, b) => Math.max(a, b))).toBeLessThan(1e-6);
});
