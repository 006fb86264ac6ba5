import { test } from 'vitest';
import { evaluate, expectGolden, golden, inputOf } from '../../test/golden.ts';
import { patchify, pixelShuffle3d, unpatchify } from '../tensor/index.ts';

test('pixel shuffle and patches move voxels as the official ones do', async () => {
  const file = golden('spatial_ops');
  const feeds = {
    shuffle: file.get('in.pixel_shuffle'),
    patch: file.get('in.patchify'),
    whole: file.get('in.unpatchify'),
  };
  const outputs = {
    'out.pixel_shuffle': pixelShuffle3d(inputOf('shuffle', feeds.shuffle), 2),
    'out.patchify': patchify(inputOf('patch', feeds.patch), 2),
    'out.unpatchify': unpatchify(inputOf('whole', feeds.whole), 2),
  };
  expectGolden(await evaluate(outputs, {}, feeds), file, 0);
});
