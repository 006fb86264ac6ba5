import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { saveToyModel } from '../../test/toy-model.ts';
import { occupancyIou } from '../stages/1-structure/index.ts';
import { generateAssets, imageTo3D, loadModel } from './index.ts';

const chair = readFileSync('examples/chair.png');
const occupied = (logits: Float32Array) => Uint8Array.from(logits, (v) => Number(v > 0));

test('fast makes nearly the same shape', async () => {
  const mini = await loadModel('models/mini');
  const exact = await imageTo3D(mini, chair, { seed: 7, candidates: 1 });
  const fast = await imageTo3D(mini, chair, { seed: 7, candidates: 1, fast: true });
  expect(fast.logits).not.toEqual(exact.logits);
  // 0.97 to 0.98 over the four pictures tried (docs/models.md)
  expect(occupancyIou(occupied(fast.logits), occupied(exact.logits))).toBeGreaterThan(0.9);
});

test('switched off it changes no bit, and it is refused where it can leave nothing out', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'espalier-fast-')), 'model');
  await saveToyModel(folder);
  const toy = await loadModel(folder);
  await expect(imageTo3D(toy, chair, { fast: true, steps: 3 })).rejects.toThrow(/structure: fast: of 3 steps none/);
  await expect(imageTo3D(toy, chair, { fast: 'yes' as unknown as boolean })).rejects.toThrow(
    /fast must be true or false/,
  );
  const off = await imageTo3D(toy, chair, { fast: false });
  expect(off.logits).toEqual((await imageTo3D(toy, chair)).logits);
  const two = { kind: 'image', pictures: [chair, chair] } as const;
  await expect(generateAssets(toy, two, { fast: true, steps: 8 })).rejects.toThrow(/2 pictures take turns/);
});
