/** Gaussians in glTF out and in again, and through other programs in both directions. */
import { readFileSync } from 'node:fs';
import { WebIO } from '@gltf-transform/core';
// @ts-expect-error the package comes without types
import validator from 'gltf-validator';
import { expect, test } from 'vitest';
import { angles, near, ratios, someSplats, yUp } from '../../test/some-splats.ts';
import { readGltfScene } from './gltf-scene.ts';
import { readGltfSplats } from './gltf-splats.ts';
import { writeGltfSplats } from './gltf-splats-out.ts';
import { rotateHarmonics } from './spherical-harmonics.ts';
import { turnSplats } from './turn-splats.ts';

test.each([0, 1, 2, 3] as const)('gives back Gaussians of degree %d', async (degree) => {
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
    codes.filter((code: string) => !/UNSUPPORTED_EXTENSION|MESH_PRIMITIVE_INVALID_ATTRIBUTE|UNUSED_OBJECT/.test(code)),
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
  const again = turnSplats({ ...src, means: src.means.map((v, i) => 2 * v + (i % 3 === 0 ? 1 : 0)) }, 'z-up to y-down');
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
