/** What all writers and readers of Gaussians have in common. */
import { expect, test } from 'vitest';
import { near, someSplats } from '../../test/some-splats.ts';
import { writeGltfSplats } from './gltf-splats-out.ts';
import { readSplats } from './read-splats.ts';
import { writeSplatFile } from './splat-file.ts';
import { writeSplatPly } from './splat-ply.ts';
import { writeSpz } from './spz.ts';

test('every writer refuses arrays that do not fit each other', () => {
  const src = someSplats(3, 1);
  for (const write of [writeSplatPly, writeSplatFile, writeSpz, writeGltfSplats]) {
    expect(() => write({ ...src, means: src.means.subarray(3) })).toThrow(/means have 6 values, expected 9/);
    expect(() => write({ ...src, opacities: Float32Array.of(1, Number.NaN, 0) })).toThrow(/opacities must be finite/);
    expect(() => write(someSplats(0, 0))).toThrow(/at least one Gaussian/);
  }
});

test('the extension chooses the reader', async () => {
  const src = someSplats(3, 0);
  const files = {
    '.ply': writeSplatPly(src),
    '.splat': writeSplatFile(src),
    '.SPZ': writeSpz(src),
    '.glb': writeGltfSplats(src),
  };
  for (const [extension, bytes] of Object.entries(files)) {
    const { splats } = await readSplats(bytes, extension);
    near(splats.means, src.means, 1e-5);
  }
  await expect(readSplats(new Uint8Array(1), '.obj')).rejects.toThrow(/expected a file that ends in/);
});
