import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { saveToyModel } from '../../test/toy-model.ts';
import { encodePng, readSafetensors, toFloat32, writeSafetensors } from '../formats/index.ts';
import { checkNetwork, type EspalierEvent, imageTo3D, loadModel, openWeights, readWeights } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'espalier-model-')), 'model');
  await saveToyModel(folder);
});

/** A white disc on a transparent ground. */
function disc(): { width: number; height: number; data: Uint8Array } {
  const data = new Uint8Array(64 * 64 * 4);
  for (let y = 0; y < 64; y++)
    for (let x = 0; x < 64; x++)
      if (Math.hypot(x - 32, y - 32) < 20) data.fill(255, (y * 64 + x) * 4, (y * 64 + x) * 4 + 4);
  return { width: 64, height: 64, data };
}

test('the same seed makes the same asset, another seed another one, and events tell the steps', async () => {
  const model = await loadModel(folder);
  const events: EspalierEvent[] = [];
  const first = await imageTo3D(model, await encodePng(disc()), { seed: 1, onEvent: (e) => events.push(e) });
  const again = await imageTo3D(model, disc(), { seed: 1 });
  const other = await imageTo3D(model, disc(), { seed: 2 });
  expect(again.logits).toEqual(first.logits);
  expect(other.logits).not.toEqual(first.logits);
  expect(events.filter((e) => e.kind === 'step')).toHaveLength(3);
  expect((await first.glb()).length).toBeGreaterThan(1000);
});

test('an abort ends the work with its reason', async () => {
  const stop = new AbortController();
  const running = imageTo3D(await loadModel(folder), disc(), {
    signal: stop.signal,
    onEvent: (e) => e.kind === 'step' && stop.abort(new Error('enough')),
  });
  await expect(running).rejects.toThrow('enough');
});

test('options out of range are refused by name', async () => {
  const model = await loadModel(folder);
  await expect(imageTo3D(model, disc(), { steps: 0 })).rejects.toThrow(/steps must be a whole number/);
  await expect(imageTo3D(model, disc(), { guidance: Number.NaN })).rejects.toThrow(/guidance must be/);
});

const weights = () => join(folder, 'ckpts/flow.safetensors');

function changeTensor(change: (tensors: Record<string, { shape: number[]; data: Float32Array }>) => void): void {
  const { tensors } = readSafetensors(readFileSync(weights()));
  const all = Object.fromEntries(
    [...tensors].map(([k, v]) => [k, { shape: [...v.shape], data: toFloat32(v).slice() }]),
  );
  change(all);
  writeFileSync(weights(), writeSafetensors(all));
}

test.each<[string, () => void, RegExp]>([
  ['a truncated file', () => writeFileSync(weights(), readFileSync(weights()).subarray(0, 3000)), /safetensors/],
  [
    'a lying header',
    () =>
      writeFileSync(
        weights(),
        Buffer.concat([Buffer.from([255, 255, 255, 255, 255, 0, 0, 0]), readFileSync(weights())]),
      ),
    /header/,
  ],
  [
    'a missing tensor',
    () => changeTensor((t) => delete t['out_layer.bias']),
    /lacks the tensor "out_layer.bias" \[512\]/,
  ],
  [
    'an unexpected tensor',
    () => changeTensor((t) => Object.assign(t, { extra: { shape: [1], data: new Float32Array(1) } })),
    /"extra"/,
  ],
  [
    'a wrong shape',
    () => changeTensor((t) => Object.assign(t, { 'out_layer.bias': { shape: [2], data: new Float32Array(2) } })),
    /must be \[512\], found \[2\]/,
  ],
  [
    'a missing file',
    () =>
      writeFileSync(
        join(folder, 'pipeline.json'),
        readFileSync(join(folder, 'pipeline.json'), 'utf8').replace('ckpts/flow', 'ckpts/none'),
      ),
    /none\.json: the component is missing/,
  ],
  [
    'a path outside',
    () =>
      writeFileSync(
        join(folder, 'pipeline.json'),
        readFileSync(join(folder, 'pipeline.json'), 'utf8').replace('ckpts/flow', '../flow'),
      ),
    /outside the model folder/,
  ],
  ['no JSON', () => writeFileSync(join(folder, 'pipeline.json'), '{'), /is not JSON/],
])('%s is an error that says where and what', async (_, damage, message) => {
  damage();
  await expect(loadModel(folder)).rejects.toThrow(message);
});

test('weights that are not finite are found when they are read, by name', async () => {
  changeTensor((t) => t['out_layer.bias'].data.fill(Number.NaN, 7, 8));
  const { sparse_structure_flow_model: flow } = (await loadModel(folder)).networks;
  for (const read of [readWeights, openWeights, checkNetwork])
    await expect(read(flow)).rejects.toThrow(/flow\.safetensors: "out_layer\.bias" holds values that are not finite/);
});
