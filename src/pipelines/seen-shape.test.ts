import { mkdtempSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { saveToyModel } from '../../test/toy-model.ts';
import { linearOfDisplay } from '../formats/index.ts';
import { occupancySurface, turnedMesh } from '../representations/index.ts';
import { agreeWithOutline, tilt } from '../stages/1-structure/index.ts';
import { imageTo3D } from './image-to-3d.ts';
import { loadModel, type ModelFolder } from './model-folder.ts';
import { asPeopleLook, outlineOf } from './seen-shape.ts';

const COLOR = [200, 90, 40];
/** A cross of this color on a transparent ground. */
const cross = (() => {
  const data = new Uint8Array(48 * 48 * 4);
  for (let y = 0; y < 48; y++)
    for (let x = 0; x < 48; x++)
      if ((Math.abs(x - 24) < 6 && Math.abs(y - 24) < 20) || (Math.abs(y - 24) < 6 && Math.abs(x - 24) < 20))
        data.set([...COLOR, 255], 4 * (48 * y + x));
  return { width: 48, height: 48, data };
})();

const folder = join(mkdtempSync(join(tmpdir(), 'seen-shape-')), 'model');
let model: ModelFolder;
beforeAll(async () => {
  await saveToyModel(folder, 32, 'view');
  model = await loadModel(folder, { roles: [] }); // what reads the picture is loaded whatever is asked for
});

test('a shape in the frame of the view agrees with its outline, and its mesh is turned by the pitch', async () => {
  const told = await imageTo3D(model, cross);
  expect(Math.abs(told.pitch as number)).toBeLessThanOrEqual(Math.PI / 2);
  expect(
    agreeWithOutline(told.logits, 64, outlineOf(cross)).filter((v, i) => v > 0 !== told.logits[i] > 0).length,
  ).toBeLessThan(0.05 * told.coords.length); // it agrees already
  const given = await imageTo3D(model, cross, { pitch: 30 });
  expect(given.pitch).toBeCloseTo(Math.PI / 6);
  expect(given.logits).toEqual(told.logits); // the voxels stay as the camera sees them
  const { colors, ...shape } = given.mesh;
  expect(shape).toEqual(turnedMesh(occupancySurface(given.logits, 64, { sealGaps: 1 }), tilt(-Math.PI / 6)));
  expect(colors).toHaveLength(shape.positions.length);
  const off = (colors as Float32Array).map((value, i) => Math.abs(value - linearOfDisplay(COLOR[i % 3] / 255)));
  expect(off.reduce((a, b) => Math.max(a, b))).toBeLessThan(0.03); // the picture has no other color
});

test('several pictures have no common outline', async () => {
  const asset = await imageTo3D(model, [cross, cross], { multiImage: 'multidiffusion' });
  expect(asset.pitch).toBeDefined();
});

test('a pitch that means nothing is refused', async () => {
  await expect(imageTo3D(model, cross, { pitch: 91 })).rejects.toThrow('pitch must be −90 … 90 degrees, got 91.');
  const upright = join(folder, '..', 'upright');
  await saveToyModel(upright);
  await expect(imageTo3D(await loadModel(upright), cross, { pitch: 10 })).rejects.toThrow(
    /its shapes stand upright whatever the camera's pitch. Leave out pitch./,
  );
});

test('stage two in the frame of the view is refused', async () => {
  const path = join(folder, '..', 'both');
  await saveToyModel(path, 32, 'view');
  const file = join(path, 'pipeline.json');
  const pipeline = JSON.parse(await readFile(file, 'utf8'));
  pipeline.args.models.slat_flow_model = 'ckpts/none';
  await writeFile(file, JSON.stringify(pipeline));
  await expect(loadModel(path)).rejects.toThrow(/args.frame is "view", in which stage two has no frame of its own yet/);
});

test('people look at things from somewhat above, unless their picture is sure of something else', () => {
  const highest = (p: Float32Array) => p.indexOf(Math.max(...p));
  const flat = new Float32Array(36).fill(1 / 36);
  expect(highest(asPeopleLook(flat))).toSatisfy((bin: number) => bin === 21 || bin === 22); // 15° … 25°
  const fromBelow = flat.map((_, bin) => (bin === 4 ? 0.9 : 0.1 / 35));
  expect(highest(asPeopleLook(fromBelow))).toBe(4);
});
