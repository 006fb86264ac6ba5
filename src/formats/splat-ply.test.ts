/** Splat PLY out and in again, byte by byte, and through a viewer. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { kelloggSplats } from '../../test/foreign-readers.ts';
import { angles, near, ratios, someSplats, yDown } from '../../test/some-splats.ts';
import { readSplatPly, writeSplatPly } from './splat-ply.ts';
import { SH_C0, type Splats } from './splats.ts';
import { turnSplats } from './turn-splats.ts';

test.each([0, 1, 2, 3] as const)('gives back Gaussians of degree %d to the precision of a float', (degree) => {
  const src = someSplats(50, degree);
  const { splats, warnings } = readSplatPly(writeSplatPly(src));
  expect(warnings).toEqual([]);
  expect(splats.means).toEqual(src.means);
  expect(splats.shDc).toEqual(src.shDc);
  near(ratios(splats.scales, src.scales), new Array(150).fill(1), 2e-6); // a logarithm and back
  near(splats.opacities, src.opacities, 2e-7);
  near(splats.rotations, src.rotations, 2e-7);
  near(splats.shRest, src.shRest, 5e-7);
});

test('is laid out as the training code and TRELLIS write it, y down', () => {
  const src = someSplats(1, 1);
  const bytes = writeSplatPly({ ...src, rotations: Float32Array.of(1, 0, 0, 0) });
  const text = new TextDecoder('latin1').decode(bytes);
  const end = text.indexOf('end_header\n') + 11;
  expect(
    text
      .slice(0, end)
      .match(/property float (\S+)/g)!
      .map((line) => line.slice(15))
      .join(' '),
  ).toBe(
    'x y z nx ny nz f_dc_0 f_dc_1 f_dc_2 f_rest_0 f_rest_1 f_rest_2 f_rest_3 f_rest_4 f_rest_5 f_rest_6 f_rest_7 f_rest_8 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3',
  );
  const view = new DataView(bytes.buffer, end);
  const row = Array.from({ length: 26 }, (_, i) => view.getFloat32(4 * i, true));
  const [x, y, z] = src.means;
  near(row.slice(0, 9), [x, -z, y, 0, 0, 0, ...src.shDc], 1e-7);
  near(
    row.slice(18),
    [
      Math.log(src.opacities[0] / (1 - src.opacities[0])),
      ...src.scales.map(Math.log),
      Math.SQRT1_2,
      Math.SQRT1_2,
      0,
      0,
    ],
    1e-6,
  );
});

test('opacities 0 and 1 and scales of 0 survive as finite numbers', () => {
  const src = { ...someSplats(2, 0), opacities: Float32Array.of(0, 1), scales: new Float32Array(6) };
  const { splats } = readSplatPly(writeSplatPly(src));
  near(splats.opacities, [0, 1], 1e-8);
  near(splats.scales, new Array(6).fill(0), 1e-29);
});

test('a viewer reads the same Gaussians, harmonics included', async () => {
  const src = someSplats(20, 2);
  const turned = turnSplats(src, 'z-up to y-down');
  const foreign = await kelloggSplats(writeSplatPly(src), 'ply', 2);
  near(
    foreign.flatMap(({ mean }) => [...mean]),
    yDown(src.means),
    1e-7,
  );
  near(
    foreign.flatMap(({ scale }, g) => scale.map((s, c) => s / src.scales[3 * g + c])),
    new Array(60).fill(1),
    2e-6,
  );
  near(
    angles(Float32Array.from(foreign.flatMap(({ rotation }) => [...rotation])), turned.rotations),
    new Array(20).fill(0),
    2e-3,
  );
  const color = src.shDc.map((value) => Math.min(255, Math.max(0, 255 * (0.5 + SH_C0 * value))));
  near(
    foreign.flatMap((f) => f.color.slice(0, 3)),
    color,
    1.001,
  ); // it rounds down
  near(
    foreign.map((f) => f.color[3]),
    src.opacities.map((o) => o * 255),
    1.001,
  );
  // its order: degree 1 of red, green, blue, then degree 2
  for (const [g, { rest }] of foreign.entries()) {
    const mine = (k: number, c: number) => turned.shRest[(g * 8 + k) * 3 + c];
    const first = [0, 1, 2].flatMap((c) => [0, 1, 2].map((k) => mine(k, c)));
    const second = [0, 1, 2].flatMap((c) => [3, 4, 5, 6, 7].map((k) => mine(k, c)));
    near(rest, [...first, ...second], 1e-6);
  }
});

test('broken Gaussians are left out, and other PLY files are named', () => {
  const src = someSplats(5, 0);
  const bytes = writeSplatPly(src);
  const start = bytes.length - 5 * 17 * 4;
  new DataView(bytes.buffer).setFloat32(start, Number.NaN, true);
  const { splats, warnings } = readSplatPly(bytes);
  expect(splats.opacities).toHaveLength(4);
  expect(warnings.join()).toMatch(/1 Gaussians hold numbers that are not finite/);
  expect(() => readSplatPly(bytes.subarray(0, start + 10))).toThrow(/promises 5 rows/);
  const encode = (text: string) => new TextEncoder().encode(text);
  expect(() =>
    readSplatPly(encode('ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n0\n')),
  ).toThrow(/expected Gaussians/);
});

/**
 * test/golden/splat-transform.compressed.ply was made from `writeSplatPly(someSplats(6, 2, 21))` by
 * `npx @playcanvas/splat-transform@3.7.0 splats.ply splat-transform.compressed.ply`. It sorts its rows.
 */
const packed = readFileSync(new URL('../../test/golden/splat-transform.compressed.ply', import.meta.url));

test('a compressed PLY of another program is read as it means it', () => {
  const src = someSplats(6, 2, 21);
  const { splats, warnings } = readSplatPly(packed);
  expect([warnings, splats.shDegree, splats.opacities.length]).toEqual([[], 2, 6]);
  const order = Array.from({ length: 6 }, (_, g) => nearest(src.means, splats.means.subarray(3 * g, 3 * g + 3)));
  expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  const rows = (values: Float32Array, width: number) =>
    Float32Array.from(order.flatMap((g) => [...values.subarray(width * g, width * (g + 1))]));
  near(splats.means, rows(src.means, 3), 1 / 2046 + 1e-6); // half a step of ten bits over a box of one
  near(ratios(splats.scales, rows(src.scales, 3)), new Array(18).fill(1), 0.003);
  near(splats.opacities, rows(src.opacities, 1), 0.5 / 255 + 1e-6);
  near(splats.shDc, rows(src.shDc, 3), (3 * 0.5) / 255);
  near(angles(splats.rotations, rows(src.rotations, 4)), new Array(6).fill(0), 0.004);
  const inFile = (s: Splats) => turnSplats(s, 'z-up to y-down').shRest;
  near(inFile(splats), rows(inFile(src), 24), 1 / 32 + 1e-6);
});

test('a viewer reads the same of a compressed PLY', async () => {
  const foreign = await kelloggSplats(packed, 'ply', 2);
  const mine = turnSplats(readSplatPly(packed).splats, 'z-up to y-down');
  near(
    foreign.flatMap(({ mean }) => [...mean]),
    mine.means,
    1e-6,
  );
  near(
    foreign.flatMap(({ scale }, g) => scale.map((s, c) => s / mine.scales[3 * g + c])),
    new Array(18).fill(1),
    1e-5,
  );
  near(
    angles(Float32Array.from(foreign.flatMap(({ rotation }) => [...rotation])), mine.rotations),
    new Array(6).fill(0),
    2e-3,
  );
  near(
    foreign.map(({ color }) => color[3]),
    mine.opacities.map((o) => 255 * o),
    1.001,
  );
});

test('a compressed PLY whose parts do not fit each other is refused in words', () => {
  const edit = (from: string, to: string) => {
    const text = new TextDecoder('latin1').decode(packed).replace(from, to);
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  };
  expect(() => readSplatPly(edit('element chunk 1', 'element chunk 0'))).toThrow(/need 1 chunks/);
  expect(() => readSplatPly(edit('element vertex 6', 'element vertex 999999999'))).toThrow(/999999999 Gaussians/);
  expect(() => readSplatPly(edit('uint packed_color', 'uint packed_colour'))).toThrow(/uint packed_color.*got none/);
  expect(() => readSplatPly(edit('uint packed_color', 'int packed_color'))).toThrow(/got int32/);
  expect(() => readSplatPly(edit('min_scale_x', 'min_skale_x'))).toThrow(/lacks the properties min_scale_x/);
  expect(() => readSplatPly(edit('element sh 6', 'element sh 5'))).toThrow(/6 rows of "sh", got 1 and 5/);
  expect(() => readSplatPly(packed.subarray(0, packed.length - 3))).toThrow(/cut off/);
});

const nearest = (means: Float32Array, [x, y, z]: Float32Array): number => {
  const far = Array.from({ length: means.length / 3 }, (_, g) =>
    Math.hypot(means[3 * g] - x, means[3 * g + 1] - y, means[3 * g + 2] - z),
  );
  return far.indexOf(Math.min(...far));
};
