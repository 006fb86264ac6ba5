/** Gaussians out and in again in every format, and through other people's readers. */
import { readFileSync } from 'node:fs';
import { WebIO } from '@gltf-transform/core';
import { gunzipSync, gzipSync } from 'fflate';
// @ts-expect-error the package comes without types
import validator from 'gltf-validator';
import { describe, expect, test } from 'vitest';
import { kelloggSplats, readSpzByItsLibrary, writeSpzByItsLibrary } from '../../test/foreign-readers.ts';
import { readGltfScene } from './gltf-scene.ts';
import { readGltfSplats } from './gltf-splats.ts';
import { writeGltfSplats } from './gltf-splats-out.ts';
import { readSplats } from './read-splats.ts';
import { rotateHarmonics, sphericalHarmonics } from './spherical-harmonics.ts';
import { readSplatFile, writeSplatFile } from './splat-file.ts';
import { readSplatPly, writeSplatPly } from './splat-ply.ts';
import { SH_C0, type ShDegree, type Splats, shRestCount } from './splats.ts';
import { readSpz, writeSpz } from './spz.ts';
import { ModelError } from './triangle-scene.ts';
import { turnSplats } from './turn-splats.ts';

/** Numbers in [0, 1) from a seed. */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As a decoder makes them: in the unit box, small, of any turn. Quaternions have a positive largest part. */
function someSplats(count: number, shDegree: ShDegree, seed = 1): Splats {
  const next = random(seed);
  const rows = (size: number, make: () => number) => Float32Array.from({ length: count * size }, make);
  const rotations = new Float32Array(count * 4);
  for (let g = 0; g < count; g++) {
    const q = [0, 1, 2, 3].map(() => next() - 0.5);
    const largest = q.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most));
    const scale = Math.sign(largest) / Math.hypot(...q);
    rotations.set(
      q.map((value) => value * scale),
      4 * g,
    );
  }
  return {
    means: rows(3, () => next() - 0.5),
    scales: rows(3, () => Math.exp(-7 + 5 * next())),
    rotations,
    opacities: rows(1, next),
    shDegree,
    shDc: rows(3, () => 3 * next() - 1.5),
    shRest: rows(3 * shRestCount(shDegree), () => next() - 0.5),
  };
}

function near(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what = ''): void {
  expect(got.length, what).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    if (!(Math.abs(got[i] - want[i]) <= tolerance))
      expect.fail(`${what} ${i}: ${got[i]}, expected ${want[i]} ± ${tolerance}`);
  }
}

/** Angle between two turns, radians; q and −q are the same turn. */
function angles(a: Float32Array, b: Float32Array): number[] {
  return Array.from({ length: a.length / 4 }, (_, g) => {
    let dot = 0;
    for (let c = 0; c < 4; c++) dot += a[4 * g + c] * b[4 * g + c];
    return 2 * Math.acos(Math.min(1, Math.abs(dot)));
  });
}

const ratios = (a: Float32Array, b: Float32Array) => Array.from(a, (value, i) => value / b[i]);
const yDown = (rows: Float32Array) => turnRows(rows, 1);
const yUp = (rows: Float32Array) => turnRows(rows, -1);
function turnRows(rows: Float32Array, s: number): number[] {
  return Array.from(rows, (x, i) => (i % 3 === 0 ? x : i % 3 === 1 ? -s * rows[i + 1] : s * rows[i - 1]));
}

const degrees: ShDegree[] = [0, 1, 2, 3];

describe('splat PLY', () => {
  test.each(degrees)('gives back Gaussians of degree %d to the precision of a float', (degree) => {
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
    expect(() =>
      readSplatPly(encode('ply\nformat ascii 1.0\nelement chunk 1\nproperty float x\nend_header\n0\n')),
    ).toThrow(/compressed splat PLY/);
  });
});

describe('.splat', () => {
  test('gives back positions and scales exactly, the rest to a byte', () => {
    const src = { ...someSplats(60, 0), shDc: someSplats(60, 0).shDc.map((c) => Math.max(-1.7, Math.min(1.7, c))) };
    const { splats } = readSplatFile(writeSplatFile(src));
    expect(splats.means).toEqual(src.means);
    expect(splats.scales).toEqual(src.scales);
    near(splats.opacities, src.opacities, 0.5 / 255 + 1e-6);
    near(splats.shDc, src.shDc, 0.5 / 255 / SH_C0 + 1e-6);
    near(angles(splats.rotations, src.rotations), new Array(60).fill(0), 0.03);
  });

  test('a viewer reads the same, y down', async () => {
    const src = someSplats(20, 1);
    const foreign = await kelloggSplats(writeSplatFile(src), 'splat');
    near(
      foreign.flatMap(({ mean }) => [...mean]),
      yDown(src.means),
      1e-7,
    );
    near(
      foreign.flatMap(({ scale }) => [...scale]),
      src.scales,
      1e-7,
    );
    near(
      foreign.map(({ color }) => color[3]),
      src.opacities.map((o) => o * 255),
      0.51,
    );
    const turned = turnSplats(src, 'z-up to y-down').rotations;
    near(
      angles(Float32Array.from(foreign.flatMap(({ rotation }) => [...rotation])), turned),
      new Array(20).fill(0),
      0.03,
    );
  });

  test('a size that is no number of rows is refused', () => {
    expect(() => readSplatFile(new Uint8Array(33))).toThrow(/multiple of 32 bytes, got 33/);
    expect(() => readSplatFile(new Uint8Array(0))).toThrow(ModelError);
  });
});

describe('SPZ', () => {
  test.each([2, 3] as const)('version %d gives back every degree to the precision that it keeps', (version) => {
    for (const degree of degrees) {
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
});

describe('glTF', () => {
  test.each(degrees)('gives back Gaussians of degree %d', async (degree) => {
    const src = someSplats(30, degree);
    const { splats, warnings } = await readGltfSplats(writeGltfSplats(src));
    expect(warnings).toEqual([]);
    const { means, scales, opacities, shDc, shDegree } = src;
    expect(splats).toMatchObject({ means, scales, opacities, shDc, shDegree });
    near(splats.rotations, src.rotations, 2e-7);
    near(splats.shRest, src.shRest, 5e-7);
  });

  test('the validator finds no fault with what it knows, and points stand y up in their colours', async () => {
    const src = someSplats(7, 1);
    const bytes = writeGltfSplats(src);
    const report = await validator.validateBytes(bytes);
    const codes = report.issues.messages.map(
      ({ code, severity }: { code: string; severity: number }) => `${severity} ${code}`,
    );
    // the names of the extension's attributes are news to this version of the validator
    expect(
      codes.filter(
        (code: string) => !/UNSUPPORTED_EXTENSION|MESH_PRIMITIVE_INVALID_ATTRIBUTE|UNUSED_OBJECT/.test(code),
      ),
    ).toEqual([]);
    expect(report.info.totalVertexCount).toBe(7);
  });

  /**
   * test/golden/splat-transform.glb was made from `writeSplatPly(someSplats(6, 2, 21))` by
   * `npx @playcanvas/splat-transform@3.7.0 splats.ply splat-transform.glb`. That program turns the y-down axes of PLY by a
   * half turn about z where we turn about x: up is up in both, and the object faces the other way.
   */
  test('what another program made of our PLY is read as it means it', async () => {
    const src = someSplats(6, 2, 21);
    const { splats, warnings } = await readGltfSplats(
      readFileSync(new URL('../../test/golden/splat-transform.glb', import.meta.url)),
    );
    expect(warnings).toEqual([]);
    near(
      splats.means,
      src.means.map((v, i) => (i % 3 === 2 ? v : -v)),
      1e-6,
    );
    near(ratios(splats.scales, src.scales), new Array(18).fill(1), 2e-6);
    near(splats.opacities, src.opacities, 1e-6);
    near(splats.shDc, src.shDc, 1e-6);
    const about = src.rotations.map((_, i, q) => [-q[i + 3], -q[i + 1], q[i - 1], q[i - 3]][i % 4]); // (0, 0, 0, 1)·q
    near(angles(splats.rotations, about), new Array(6).fill(0), 2e-3);
    near(splats.shRest, rotateHarmonics(src.shRest, 2, [-1, 0, 0, 0, -1, 0, 0, 0, 1]), 1e-6);
  });

  test('gltf-transform finds every attribute where the extension wants it', async () => {
    const src = someSplats(5, 1);
    const document = await new WebIO().readBinary(writeGltfSplats(src));
    const [primitive] = document.getRoot().listMeshes()[0].listPrimitives();
    expect(primitive.getMode()).toBe(0);
    const rows = (name: string) => primitive.getAttribute(name)!.getArray()!;
    near(rows('POSITION'), yUp(src.means), 0);
    near(rows('KHR_gaussian_splatting:SCALE'), src.scales, 0);
    near(rows('KHR_gaussian_splatting:OPACITY'), src.opacities, 0);
    near(rows('KHR_gaussian_splatting:SH_DEGREE_0_COEF_0'), src.shDc, 0);
    const turned = turnSplats(src, 'z-up to y-up');
    for (let n = 0; n < 3; n++) {
      const mine = Float32Array.from({ length: 15 }, (_, i) => turned.shRest[Math.floor(i / 3) * 9 + n * 3 + (i % 3)]);
      near(rows(`KHR_gaussian_splatting:SH_DEGREE_1_COEF_${n}`), mine, 0);
    }
    const xyzw = Float32Array.from(rows('KHR_gaussian_splatting:ROTATION'));
    near(
      angles(
        xyzw.map((_, i, q) => q[i % 4 === 0 ? i + 3 : i - 1]),
        turned.rotations,
      ),
      new Array(5).fill(0),
      1e-3,
    );
  });

  test('a node may turn, move and scale; harmonics turn with it; one that stretches is refused', async () => {
    const src = someSplats(6, 3);
    const turn = [Math.SQRT1_2, 0, 0, Math.SQRT1_2]; // x, y, z, w: a quarter turn about x, from y up to z up
    const edited = await readGltfSplats(
      withNode(writeGltfSplats(src), { rotation: turn, scale: [2, 2, 2], translation: [1, 0, 0] }),
    );
    // In the file's frame the node makes our z-up coordinates; the reader turns them once more.
    const again = turnSplats(
      { ...src, means: src.means.map((v, i) => 2 * v + (i % 3 === 0 ? 1 : 0)) },
      'z-up to y-down',
    );
    near(edited.splats.means, again.means, 1e-5);
    near(
      edited.splats.scales,
      src.scales.map((s) => 2 * s),
      1e-6,
    );
    near(angles(edited.splats.rotations, again.rotations), new Array(6).fill(0), 1e-3);
    near(edited.splats.shRest, again.shRest, 1e-5);
    for (const scale of [
      [1, 2, 1],
      [-1, 1, 1],
      [0, 0, 0],
    ])
      await expect(readGltfSplats(withNode(writeGltfSplats(src), { scale }))).rejects.toThrow(/mirrors|stretches/);
  });

  test('scales as logarithms, from drafts of the extension, are recognised', async () => {
    const src = someSplats(4, 0);
    const bytes = writeGltfSplats(src);
    const json = jsonOf(bytes);
    const accessor = json.meshes[0].primitives[0].attributes['KHR_gaussian_splatting:SCALE'];
    const at = 28 + new DataView(bytes.buffer).getUint32(12, true) + json.bufferViews[accessor].byteOffset;
    new Float32Array(bytes.buffer, at, 12).set(src.scales.map(Math.log));
    const { splats, warnings } = await readGltfSplats(bytes);
    expect(warnings.join()).toMatch(/logarithms/);
    near(ratios(splats.scales, src.scales), new Array(12).fill(1), 2e-6);
  });

  test('meshes and compressed Gaussians are told apart in words', async () => {
    const bytes = writeGltfSplats(someSplats(3, 0));
    await expect(readGltfScene(bytes)).rejects.toThrow(/the file holds Gaussians/);
    const packed = withJson(bytes, (json) => {
      json.meshes[0].primitives[0].extensions['KHR_gaussian_splatting'].extensions = {
        KHR_gaussian_splatting_compression_spz_2: {},
      };
    });
    await expect(readGltfSplats(packed)).rejects.toThrow(/compression_spz_2/);
    const lacking = withJson(bytes, (json) => {
      delete json.meshes[0].primitives[0].attributes['KHR_gaussian_splatting:OPACITY'];
    });
    await expect(readGltfSplats(lacking)).rejects.toThrow(/OPACITY/);
    const none = withJson(bytes, (json) => {
      json.meshes[0].primitives[0].extensions = {};
    });
    await expect(readGltfSplats(none)).rejects.toThrow(/expected Gaussians/);
  });
});

describe('harmonics', () => {
  test('they are orthonormal over the sphere', () => {
    const next = random(5);
    const sums = new Float64Array(256);
    const n = 20_000;
    for (let i = 0; i < n; i++) {
      const z = 2 * ((i + 0.5) / n) - 1; // even in height, a golden angle apart
      const angle = i * Math.PI * (3 - Math.sqrt(5)) + 1e-9 * next();
      const y = sphericalHarmonics(Math.sqrt(1 - z * z) * Math.cos(angle), Math.sqrt(1 - z * z) * Math.sin(angle), z);
      for (let a = 0; a < 16; a++) for (let b = 0; b < 16; b++) sums[a * 16 + b] += (4 * Math.PI * y[a] * y[b]) / n;
    }
    for (let a = 0; a < 16; a++) for (let b = 0; b < 16; b++) expect(sums[a * 16 + b]).toBeCloseTo(a === b ? 1 : 0, 2);
  });

  test('the turned scene seen along the turned direction has the same colour', () => {
    const next = random(9);
    const rest = Float32Array.from({ length: 45 }, () => next() - 0.5);
    for (const [axis, angle] of [
      [0, 0.7],
      [1, -1.9],
      [2, Math.PI / 2],
    ] as const) {
      const [j, k] = [(axis + 1) % 3, (axis + 2) % 3];
      const r = new Float64Array(9);
      r[axis * 4] = 1;
      r[j * 3 + j] = r[k * 3 + k] = Math.cos(angle);
      r[k * 3 + j] = Math.sin(angle);
      r[j * 3 + k] = -Math.sin(angle);
      const turned = rotateHarmonics(rest, 3, r);
      const d = [0.36, 0.48, 0.8];
      const e = [0, 1, 2].map((row) => r[row * 3] * d[0] + r[row * 3 + 1] * d[1] + r[row * 3 + 2] * d[2]);
      const color = (coefficients: Float32Array, [x, y, z]: number[]) =>
        sphericalHarmonics(x, y, z)
          .slice(1)
          .reduce((sum, value, i) => sum + value * coefficients[3 * i], 0);
      expect(color(turned, e)).toBeCloseTo(color(rest, d), 6);
    }
  });
});

test('every writer refuses arrays that do not fit each other', () => {
  const src = someSplats(3, 1);
  for (const write of [writeSplatPly, writeSplatFile, writeSpz, writeGltfSplats]) {
    expect(() => write({ ...src, means: src.means.subarray(3) })).toThrow(/means have 6 values, expected 9/);
    expect(() => write({ ...src, opacities: Float32Array.of(1, Number.NaN, 0) })).toThrow(/opacities must be finite/);
    expect(() => write(someSplats(0, 0))).toThrow(/at least one Gaussian/);
  }
});

test('the extension chooses the reader', async () => {
  const src = someSplats(3, 0);
  const files = {
    '.ply': writeSplatPly(src),
    '.splat': writeSplatFile(src),
    '.SPZ': writeSpz(src),
    '.glb': writeGltfSplats(src),
  };
  for (const [extension, bytes] of Object.entries(files)) {
    const { splats } = await readSplats(bytes, extension);
    near(splats.means, src.means, 1e-5);
  }
  await expect(readSplats(new Uint8Array(1), '.obj')).rejects.toThrow(/expected a file that ends in/);
});

interface SplatJson {
  nodes: object[];
  bufferViews: { byteOffset: number }[];
  meshes: {
    primitives: { attributes: Record<string, number>; extensions: Record<string, { extensions?: object }> }[];
  }[];
}

function jsonOf(glb: Uint8Array): SplatJson {
  const size = new DataView(glb.buffer).getUint32(12, true);
  return JSON.parse(new TextDecoder().decode(glb.subarray(20, 20 + size)));
}

function withJson(glb: Uint8Array, change: (json: SplatJson) => void): Uint8Array {
  const json = jsonOf(glb);
  change(json);
  const size = new DataView(glb.buffer).getUint32(12, true);
  const text = new TextEncoder().encode(JSON.stringify(json).padEnd(Math.ceil(JSON.stringify(json).length / 4) * 4));
  const out = new Uint8Array(glb.length - size + text.length);
  out.set(glb.subarray(0, 20));
  out.set(text, 20);
  out.set(glb.subarray(20 + size), 20 + text.length);
  const view = new DataView(out.buffer);
  view.setUint32(8, out.length, true);
  view.setUint32(12, text.length, true);
  return out;
}

const withNode = (glb: Uint8Array, node: object) => withJson(glb, (json) => Object.assign(json.nodes[0], node));
