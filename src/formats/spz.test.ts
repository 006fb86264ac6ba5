/** SPZ out and in again, and through the format’s own library in both directions. */
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { readSpzByItsLibrary, writeSpzByItsLibrary } from '../../test/foreign-readers.ts';
import { angles, near, ratios, someSplats, yUp } from '../../test/some-splats.ts';
import { floatsToHalves } from './half-float.ts';
import { writeSplatPly } from './splat-ply.ts';
import type { Splats } from './splats.ts';
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

test.each([2, 3, 4] as const)(
  'what the format’s own library writes as version %d, we read as it means it',
  async (version) => {
    const src = someSplats(30, 3);
    const turned = turnSplats(src, 'z-up to y-up');
    const { splats } = readSpz(await libraryFile(src, version));
    near(splats.means, src.means, 2 ** -13 + 1e-7); // it keeps 12 bits below one
    near(ratios(splats.scales, src.scales), new Array(90).fill(1), 0.033);
    near(splats.opacities, src.opacities, 0.5 / 255 + 1e-5);
    near(splats.shDc, src.shDc, 0.5 / 255 / 0.15 + 1e-5);
    near(angles(splats.rotations, src.rotations), new Array(30).fill(0), version >= 3 ? 0.005 : 0.2);
    near(turnSplats(splats, 'z-up to y-up').shRest, turned.shRest, 8.5 / 128 + 1e-5); // it rounds twice
  },
);

test('version 1, with positions as half floats, is read as the format’s own library reads it', async () => {
  const src = someSplats(9, 1);
  const two = gunzipSync(writeSpz(src, { version: 2 }));
  const positions = new Uint8Array(floatsToHalves(yUp(src.means)).buffer);
  const one = new Uint8Array(two.length - 9 * 3);
  one.set(two.subarray(0, 16));
  one[4] = 1;
  one.set(positions, 16);
  one.set(two.subarray(16 + 9 * 9), 16 + 9 * 6);
  const bytes = gzipSync(one);
  const { splats } = readSpz(bytes);
  near(splats.means, src.means, 2 ** -12); // eleven bits below a half
  near(splats.scales, readSpz(writeSpz(src, { version: 2 })).splats.scales, 0);
  const foreign = await readSpzByItsLibrary(bytes);
  near(foreign.positions, yUp(splats.means), 1e-7);
});

/**
 * test/golden/splat-transform.spz was made from `writeSplatPly(someSplats(6, 2, 21))` by
 * `npx @playcanvas/splat-transform@3.7.0 splats.ply splat-transform.spz`: version 4. That program keeps the y-down axes of PLY where
 * the format says y up, so the object lies on its back: turned by half a turn about x.
 */
test('version 4 of another program is read, every attribute of it', () => {
  const src = someSplats(6, 2, 21);
  const bytes = readFileSync(new URL('../../test/golden/splat-transform.spz', import.meta.url));
  const { splats, warnings } = readSpz(bytes);
  expect([warnings, splats.shDegree]).toEqual([[], 2]);
  near(
    splats.means,
    src.means.map((v, i) => (i % 3 === 0 ? v : -v)),
    2 ** -13 + 1e-7,
  );
  near(ratios(splats.scales, src.scales), new Array(18).fill(1), 0.033);
  near(splats.opacities, src.opacities, 0.5 / 255 + 1e-5);
  const about = src.rotations.map((_, i, q) => [-q[i + 1], q[i - 1], -q[i + 1], q[i - 1]][i % 4]); // (0, 1, 0, 0)·q
  near(angles(splats.rotations, about), new Array(6).fill(0), 0.005);
  const inFile = turnSplats(src, 'z-up to y-down').shRest;
  near(turnSplats(splats, 'z-up to y-up').shRest, inFile, 8.5 / 128 + 1e-5);
});

test('a version 4 whose table, streams or axes do not fit is refused in words', async () => {
  const whole = await libraryFile(someSplats(40, 1), 4);
  const edit = (change: (view: DataView) => void) => {
    const raw = whole.slice();
    change(new DataView(raw.buffer));
    return raw;
  };
  expect(() => readSpz(whole.subarray(0, 20))).toThrow(/header of 32 bytes, got 20/);
  expect(() => readSpz(whole.subarray(0, 60))).toThrow(/table of 6 streams/);
  expect(() => readSpz(whole.subarray(0, whole.length - 5))).toThrow(/cut off/);
  expect(() => readSpz(edit((view) => view.setUint32(8, 9_000_000, true)))).toThrow(/cannot hold/);
  expect(() => readSpz(edit((view) => view.setUint32(8, 41, true)))).toThrow(/41 Gaussians need/);
  expect(() => readSpz(edit((view) => view.setUint32(16, 4e9, true)))).toThrow(
    /table of 6 streams stands at byte 4000000000/,
  );
  expect(() => readSpz(edit((view) => view.setUint8(15, 2)))).toThrow(/expected 6 streams, got 2/);
  expect(() => readSpz(edit((view) => view.setUint8(32 + 96, 0)))).toThrow(
    /stream 0 is damaged: it is no Zstandard frame/,
  );
  const extended = (type: number, value: number) => {
    const raw = new Uint8Array(whole.length + 12);
    raw.set(whole.subarray(0, 32));
    raw.set(whole.subarray(32), 44);
    const view = new DataView(raw.buffer);
    raw[14] |= 2;
    view.setUint32(16, 44, true);
    for (const [i, word] of [type, 4, value].entries()) view.setUint32(32 + 4 * i, word, true);
    return raw;
  };
  expect(readSpz(extended(0xadbe0003, 4)).warnings).toEqual([]); // RUB, our own
  expect(() => readSpz(extended(0xadbe0003, 6))).toThrow(/stored as RDF/);
  expect(readSpz(extended(0x12340001, 0)).warnings.join()).toMatch(/extension 0x12340001 is passed over/);
});

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
  expect(() => readSpz(edit((view) => view.setUint32(4, 5, true)))).toThrow(/version 1, 2, 3 .*got 5/);
  expect(() => readSpz(edit((view) => view.setUint32(0, 1, true)))).toThrow(/does not begin with "NGSP"/);
  expect(() => readSpz(gunzipSync(whole))).toThrow(/version 4 in this wrapping, got 3/);
  expect(() => readSpz(whole.subarray(0, whole.length >> 1))).toThrow(ModelError);
  expect(() => readSpz(new Uint8Array(4))).toThrow(/Is it an SPZ/);
});

/** Gaussians as the format's own library writes them. */
function libraryFile(src: Splats, version: 2 | 3 | 4): Promise<Uint8Array> {
  const turned = turnSplats(src, 'z-up to y-up');
  return writeSpzByItsLibrary(
    {
      numPoints: src.opacities.length,
      shDegree: src.shDegree,
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
}
