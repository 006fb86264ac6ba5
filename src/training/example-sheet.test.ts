import { expect, test } from 'vitest';
import { decodePicture } from '../formats/index.ts';
import { occupancySurface } from '../representations/index.ts';
import { exampleSheet } from './example-sheet.ts';

const box = Uint8Array.from({ length: 64 ** 3 }, (_, i) => {
  const place = [Math.floor(i / 64 / 64), Math.floor(i / 64) % 64, i % 64];
  return Number(place.every((at) => at >= 16 && at < 48));
});
const view = { yaw: Math.PI - 0.5, pitch: 0.4, radius: 2.6, fovRadians: 0.65 };
const picture = new Uint8Array(8 * 8 * 3).fill(9);

/** The mean color of the lit pixels of a tile, by its column in a sheet of one row. */
async function tileColor(sheet: Uint8Array, column: number): Promise<number[]> {
  const { width, data } = await decodePicture(sheet);
  const [sum, left] = [[0, 0, 0], 4 + column * 132];
  let lit = 0;
  for (let y = 4; y < 132; y++)
    for (let x = left; x < left + 128; x++) {
      const rgb = data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3);
      if (Math.max(...rgb) < 12) continue;
      lit++;
      for (let c = 0; c < 3; c++) sum[c] += rgb[c];
    }
  return sum.map((s) => s / lit);
}

test('an example is its picture, the truth and the result; with its mesh, that in its colors', async () => {
  const surface = occupancySurface(
    Float32Array.from(box, (v) => (v ? 4 : -4)),
    64,
  );
  const colors = surface.positions.map((_, i) => Number(i % 3 === 0));
  const sheet = await exampleSheet([
    { view, picture, truth: box, result: box, mesh: () => ({ ...surface, colors }) },
    { view, picture, truth: box, result: box },
  ]);
  const [truth, result, voxels] = await Promise.all([1, 2, 5].map((column) => tileColor(sheet, column)));
  expect(result[0]).toBeGreaterThan(50);
  expect(result[1]).toBeLessThan(5);
  for (const grey of [truth, voxels]) expect(Math.max(...grey) - Math.min(...grey)).toBeLessThan(12);
});
