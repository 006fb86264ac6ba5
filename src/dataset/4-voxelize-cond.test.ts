import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeGlb } from '../formats/index.ts';
import { rendersCondPath } from './3-render-cond.ts';
import { readVoxelsCond, voxelizeCondAsset, voxelsCondPath } from './4-voxelize-cond.ts';
import { writeWhole } from './metadata.ts';

/** A thin plate on −y of a tall box, so that its sides can be told apart; views from −y, +x and +y. */
async function root(): Promise<{ root: string; model: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-voxels-cond-'));
  const box = (low: number[], high: number[]) => {
    const corner = (i: number) => [0, 1, 2].map((c) => ((i >> c) & 1 ? high[c] : low[c]));
    const quads = [
      [0, 2, 3, 1],
      [4, 5, 7, 6],
      [0, 1, 5, 4],
      [2, 6, 7, 3],
      [0, 4, 6, 2],
      [1, 3, 7, 5],
    ]; // prettier-ignore
    return {
      vertices: Array.from({ length: 8 }, (_, i) => corner(i)).flat(),
      faces: quads.flatMap(([a, b, c, d]) => [a, b, c, a, c, d]),
    };
  };
  const body = box([-0.1, -0.1, -0.5], [0.1, 0.1, 0.5]);
  const plate = box([-0.3, -0.2, -0.1], [0.3, -0.18, 0.1]);
  const glb = await writeGlb({
    positions: Float32Array.from([...body.vertices, ...plate.vertices]),
    normals: new Float32Array(48).fill(Math.SQRT1_2 / Math.sqrt(1.5)),
    indices: Uint32Array.from([...body.faces, ...plate.faces.map((i) => i + 8)]),
  });
  const model = join(folder, 'model.glb');
  await writeFile(model, glb);
  const frame = (eye: number[], i: number) => ({
    file_path: `00${i}.png`,
    camera_angle_x: 0.7,
    transform_matrix: [0, 1, 2, 3].map((r) => [0, 0, 0, r === 3 ? 1 : eye[r]]),
  });
  const eyes = [
    [0, -2, 0.5],
    [2, 0, 0.5],
    [0, 2, 0.5],
  ]; // prettier-ignore
  await writeWhole(join(rendersCondPath(folder, 'ab'), 'transforms.json'), JSON.stringify({ frames: eyes.map(frame) }));
  return { root: folder, model };
}

/** Mean x, from the middle, of the cells that stick out of the body along y. */
const middleOfPlate = (coords: Uint8Array) => {
  const xs = Array.from({ length: coords.length / 3 }, (_, i) => i * 3)
    .filter((i) => Math.abs(coords[i + 1] - 31.5) > 10)
    .map((i) => coords[i]);
  return xs.reduce((sum, x) => sum + x, 0) / xs.length - 31.5;
};

test('what faces the camera lies on −y, whichever side the camera is on', async () => {
  const { root: folder, model } = await root();
  await voxelizeCondAsset(folder, 'ab', model, 'picture');
  const [front, right, back] = await readVoxelsCond(folder, 'ab', 'picture');
  expect(middleOfPlate(front)).toBeNaN(); // across the view, nothing sticks out towards or away from the camera
  // From +x the plate, on −y, is to the camera's left: at −x of the turned frame.
  expect(middleOfPlate(right)).toBeLessThan(-5);
  // Seen from behind, the shape is the front one turned by half a turn, cell by cell.
  const key = (coords: Uint8Array, turn: boolean) =>
    Array.from({ length: coords.length / 3 }, (_, i) =>
      turn ? [63 - coords[3 * i], 63 - coords[3 * i + 1], coords[3 * i + 2]] : [...coords.subarray(3 * i, 3 * i + 3)],
    ).map(String);
  const turnedBack = new Set(key(back, true));
  const same = key(front, false).filter((k) => turnedBack.has(k)).length;
  expect(same / turnedBack.size).toBeGreaterThan(0.95); // cells on borders may fall to either side
});

test('a second run leaves a whole file alone, and makes a damaged one again', async () => {
  const { root: folder, model } = await root();
  await voxelizeCondAsset(folder, 'ab', model, 'picture');
  const good = await readVoxelsCond(folder, 'ab', 'picture');
  await writeFile(voxelsCondPath(folder, 'ab', 'picture'), 'not an archive');
  await voxelizeCondAsset(folder, 'ab', model, 'picture');
  expect(await readVoxelsCond(folder, 'ab', 'picture')).toEqual(good);
});

test('in the frame of the view a tall body leans towards a camera that looks down on it', async () => {
  const { root: folder, model } = await root();
  await voxelizeCondAsset(folder, 'ab', model, 'view');
  const [front] = await readVoxelsCond(folder, 'ab', 'view');
  const middleY = (isWanted: (z: number) => boolean) => {
    const ys = Array.from({ length: front.length / 3 }, (_, i) => 3 * i).filter((i) => isWanted(front[i + 2]));
    return ys.reduce((sum, i) => sum + front[i + 1], 0) / ys.length;
  };
  // The camera stands at (0, −2, 0.5): the top comes nearer by the sine of its pitch, 14°, the foot goes away.
  expect(middleY((z) => z > 52)).toBeLessThan(middleY((z) => z < 11) - 8);
});
