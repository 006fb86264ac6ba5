import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { saveToyModel } from '../../test/toy-model.ts';
import { loadModel, readWeights } from '../pipelines/index.ts';
import { startFrom } from './start-from.ts';

test('a run starts from the weights of a model, averages included, and refuses one of another size', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'espalier-start-')), 'model');
  await saveToyModel(folder);
  const key = 'denoiser.out_layer.bias';
  const fresh = {
    [key]: new Float32Array(512),
    [`adam.m/${key}`]: new Float32Array(512),
    [`ema/${key}`]: new Float32Array(512),
  };
  const states = await startFrom(folder, fresh);
  const expected = (await readWeights((await loadModel(folder)).networks.sparse_structure_flow_model))[
    'out_layer.bias'
  ];
  expect(states[key]).toEqual(expected);
  expect(states[`ema/${key}`]).toEqual(expected);
  expect(states[`adam.m/${key}`]).toEqual(new Float32Array(512));
  await expect(startFrom(folder, { [key]: new Float32Array(3) })).rejects.toThrow(
    /"denoiser.out_layer.bias" must have 3 values, found 512/,
  );
  expect(await startFrom(undefined, fresh)).toBe(fresh);
  await expect(startFrom(join(folder, 'ckpts'), fresh)).rejects.toThrow(/neither a model folder .* nor a run/);
});

test('a model without pixel-aligned features starts one that has them, and they start as they are', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'espalier-start-')), 'model');
  await saveToyModel(folder);
  const fresh = {
    'denoiser.out_layer.bias': new Float32Array(512).fill(7),
    'denoiser.aligned_layer.weight': new Float32Array(32 * 32).fill(0.5),
  };
  const states = await startFrom(folder, fresh);
  expect(states['denoiser.aligned_layer.weight']).toEqual(fresh['denoiser.aligned_layer.weight']);
  expect(states['denoiser.out_layer.bias']).not.toEqual(fresh['denoiser.out_layer.bias']);
});
