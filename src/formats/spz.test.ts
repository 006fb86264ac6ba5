/** SPZ out and in again, and through the format’s own library in both directions. */
import { gunzipSync, gzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { readSpzByItsLibrary, writeSpzByItsLibrary } from '../../test/foreign-readers.ts';
import { angles, near, ratios, someSplats, yUp } from '../../test/some-splats.ts';
import { writeSplatPly } from './splat-ply.ts';
import { readSpz, writeSpz } from './spz.ts';
import { ModelError } from './triangle-scene.ts';
import { turnSplats } from './turn-splats.ts';

test.each([2, 3] as const)('version %d gives back every degree to the precision that it keeps', (version) => {
  for (const degree of [0, 1, 2, 3] as const) {
    const src = someSplats(40, degree, degree + 3);
    const { splats, warnings } = readSpz(writeSpz(src, { version }));
    expect(warnings).toEqual([]);
    expect(splats.shDegree).toBe(degree);
    near(splats.means, src.means, 2 ** -17 + 1e-7);
    near(ratios(splats.scales, src.scales), new Array(120).fill(1), 0.033); // half a sixteenth of e
    near(splats.opacities, src.opacities, 0.5 / 255 + 1e-6);
    near(splats.shDc, src.shDc, 0.5 / 255 / 0.15 + 1e-6);
    near(angles(splats.rotations, src.rotations), new Array(40).fill(0), version === 3 ? 0.005 : 0.2); // w ≈ 0 is coarse in version 2
    const turned = turnSplats(src, 'z-up to y-up').shRest; // quantised in the axes of the file
    near(turnSplats(splats, 'z-up to y-up').shRest, turned, 8 / 128 + 1e-5);
  }
});

test.each([2, 3] as const)('the format’s own library reads version %d as we mean it, y up', async (version) => {
  const src = someSplats(30, 3);
  const turned = turnSplats(src, 'z-up to y-up');
  const foreign = await readSpzByItsLibrary(writeSpz(src, { version }));
  expect([foreign.numPoints, foreign.shDegree]).toEqual([30, 3]);
  near(foreign.positions, yUp(src.means), 2 ** -17 + 1e-7);
  near(foreign.scales, src.scales.map(Math.log), 1 / 32 + 1e-5);
  near(
    foreign.alphas.map((a) => 1 / (1 + Math.exp(-a))),
    src.opacities,
    0.5 / 255 + 1e-6,
  );
  near(foreign.colors, src.shDc, 0.5 / 255 / 0.15 + 1e-6);
  const wxyz = foreign.rotations.map((_, i, q) => q[i % 4 === 0 ? i + 3 : i - 1]);
  near(angles(wxyz, turned.rotations), new Array(30).fill(0), version === 3 ? 0.005 : 0.2);
  near(foreign.sh, turned.shRest, 8 / 128 + 1e-5);
});

test.each([2, 3] as const)(
  'what the format’s own library writes as version %d, we read as it means it',
  async (version) => {
    const src = someSplats(30, 3);
    const turned = turnSplats(src, 'z-up to y-up');
    const theirs = await writeSpzByItsLibrary(
      {
        numPoints: 30,
        shDegree: 3,
        antialiased: false,
        positions: turned.means,
        scales: turned.scales.map(Math.log),
        rotations: turned.rotations.map((_, i, q) => q[i % 4 === 3 ? i - 3 : i + 1]),
        alphas: turned.opacities.map((o) => Math.log(o / (1 - o))),
        colors: turned.shDc,
        sh: turned.shRest,
        extensions: [],
      },
      version,
    );
    const { splats } = readSpz(theirs);
    near(splats.means, src.means, 2 ** -13 + 1e-7); // it keeps 12 bits below one
    near(ratios(splats.scales, src.scales), new Array(90).fill(1), 0.033);
    near(splats.opacities, src.opacities, 0.5 / 255 + 1e-5);
    near(splats.shDc, src.shDc, 0.5 / 255 / 0.15 + 1e-5);
    near(angles(splats.rotations, src.rotations), new Array(30).fill(0), version === 3 ? 0.005 : 0.2);
    near(turnSplats(splats, 'z-up to y-up').shRest, turned.shRest, 8.5 / 128 + 1e-5); // it rounds twice
  },
);

test('keeps whether the Gaussians were made with the filter of mip-splatting', async () => {
  for (const antialiased of [true, false]) {
    const bytes = writeSpz({ ...someSplats(3, 0), antialiased });
    expect(readSpz(bytes).splats.antialiased).toBe(antialiased);
    expect((await readSpzByItsLibrary(bytes)).antialiased).toBe(antialiased);
  }
});

test('is far smaller than the PLY, and its bytes do not depend on the time', () => {
  const src = someSplats(2000, 3);
  expect(writeSpz(src).length).toBeLessThan(writeSplatPly(src).length / 4); // noise: a real scene packs better
  expect(writeSpz(src)).toEqual(writeSpz(src));
});

test('headers that promise too much, later versions and cut streams are refused', () => {
  const whole = writeSpz(someSplats(10, 0));
  const edit = (change: (view: DataView) => void) => {
    const raw = gunzipSync(whole);
    change(new DataView(raw.buffer));
    return gzipSync(raw);
  };
  expect(() => readSpz(edit((view) => view.setUint32(8, 4e9, true)))).toThrow(/4000000000 Gaussians/);
  expect(() => readSpz(edit((view) => view.setUint32(8, 1e6, true)))).toThrow(/cannot hold/);
  expect(() => readSpz(edit((view) => view.setUint32(8, 12, true)))).toThrow(/cut off/);
  expect(() => readSpz(edit((view) => view.setUint32(4, 1, true)))).toThrow(/version 2 or 3, got 1/);
  expect(() => readSpz(edit((view) => view.setUint32(0, 1, true)))).toThrow(/does not begin with "NGSP"/);
  expect(() => readSpz(gunzipSync(whole))).toThrow(/got a later one/);
  expect(() => readSpz(whole.subarray(0, whole.length >> 1))).toThrow(ModelError);
  expect(() => readSpz(new Uint8Array(4))).toThrow(/Is it an SPZ/);
});
