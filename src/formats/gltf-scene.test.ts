import { Document, WebIO } from '@gltf-transform/core';
import { describe, expect, test } from 'vitest';
import { readGltfScene } from './gltf-scene.ts';
import { ModelError } from './triangle-scene.ts';

interface Fixture {
  positions?: number[];
  indices?: number[];
  mode?: 4 | 5 | 6;
  place?: (document: Document) => void;
}

/** A GLB with one mesh of one primitive, a single triangle unless told otherwise. */
async function glb(fixture: Fixture = {}): Promise<Uint8Array> {
  const { positions = [0, 0, 0, 1, 0, 0, 0, 2, 3], indices = [0, 1, 2], mode = 4, place } = fixture;
  const document = new Document();
  const buffer = document.createBuffer();
  const primitive = document
    .createPrimitive()
    .setMode(mode)
    .setAttribute(
      'POSITION',
      document.createAccessor().setType('VEC3').setArray(new Float32Array(positions)).setBuffer(buffer),
    )
    .setIndices(document.createAccessor().setType('SCALAR').setArray(new Uint32Array(indices)).setBuffer(buffer));
  const node = document.createNode('n').setMesh(document.createMesh('m').addPrimitive(primitive));
  document.getRoot().setDefaultScene(document.createScene().addChild(node));
  place?.(document);
  return new WebIO().writeBinary(document);
}

const rows = (flat: ArrayLike<number>) =>
  Array.from({ length: flat.length / 3 }, (_, i) => [flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]]);

test('y up becomes z up: (x, y, z) → (x, −z, y)', async () => {
  const { primitives } = await readGltfScene(await glb());
  expect(rows(primitives[0].positions)).toEqual([
    [0, 0, 0],
    [1, 0, 0],
    [0, -3, 2],
  ]);
});

test('transforms multiply down the hierarchy; a mirror turns the winding', async () => {
  const bytes = await glb({
    place: (document) => {
      const [node] = document.getRoot().listNodes();
      const parent = document.createNode().setTranslation([10, 0, 0]).setScale([-1, 1, 1]).addChild(node);
      document.getRoot().getDefaultScene()!.addChild(parent);
    },
  });
  const { primitives } = await readGltfScene(bytes);
  expect(primitives[0].positions[3]).toBe(9);
  expect([...primitives[0].indices]).toEqual([1, 0, 2]);
});

test('strips and fans become triangles of one winding', async () => {
  const square = [0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0];
  const strip = await readGltfScene(await glb({ positions: square, indices: [0, 1, 2, 3], mode: 5 }));
  expect(rows(strip.primitives[0].indices)).toEqual([
    [0, 1, 2],
    [2, 1, 3],
  ]);
  const fan = await readGltfScene(await glb({ positions: square, indices: [0, 1, 3, 2], mode: 6 }));
  expect(rows(fan.primitives[0].indices)).toEqual([
    [0, 1, 3],
    [0, 3, 2],
  ]);
});

test('triangles with missing or infinite vertices are left out with a warning, those without area silently', async () => {
  const bytes = await glb({
    positions: [0, 0, 0, 1, 0, 0, 0, 1, 0, Number.NaN, 0, 0],
    indices: [0, 1, 2, 0, 1, 99, 0, 1, 3, 0, 0, 1],
  });
  const { primitives, warnings } = await readGltfScene(bytes);
  expect([...primitives[0].indices]).toEqual([0, 1, 2]);
  expect(warnings.filter((warning) => /left out/.test(warning))).toHaveLength(2);
});

describe('what cannot be read is refused in words', () => {
  test.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ['an empty file', async () => new Uint8Array(0), /empty/],
    ['a web page', async () => new TextEncoder().encode('<!DOCTYPE html><html></html>'), /begin with "<!DOCTYPE/],
    ['a file cut off', async () => (await glb()).slice(0, 300), /promises/],
    ['a mesh without area', () => glb({ positions: [0, 0, 0, 0, 0, 0, 0, 0, 0] }), /at least one triangle/],
    ['glTF 3', async () => json({ asset: { version: '3.0' } }), /got 3\.0/],
    ['a cycle of nodes', async () => json({ nodes: [{ children: [1] }, { children: [0] }] }), /own ancestor/],
    [
      'a huge accessor',
      async () => json({ accessors: [{ count: 2147483647, componentType: 5126, type: 'VEC3' }] }),
      /2147483647/,
    ],
    [
      'a path that leaves the folder',
      async () => json({ buffers: [{ uri: '..%2Fsecret', byteLength: 1 }] }),
      /leaves the folder/,
    ],
    ['an address', async () => json({ buffers: [{ uri: 'http://x/y', byteLength: 1 }] }), /only files beside/],
    ['an unknown required extension', async () => json({ extensionsRequired: ['ACME_x'] }), /ACME_x/],
  ])('%s', async (_, bytes, message) => {
    const options = { loadResource: async () => new Uint8Array(8) };
    await expect(readGltfScene(await bytes(), options)).rejects.toThrow(message);
    await expect(readGltfScene(await bytes(), options)).rejects.toBeInstanceOf(ModelError);
  });
});

const json = (gltf: object) => new TextEncoder().encode(JSON.stringify({ asset: { version: '2.0' }, ...gltf }));

test('any one damaged byte gives triangles or a ModelError, never another error', async () => {
  const whole = await glb();
  for (let at = 0; at < whole.length; at += 3) {
    const bytes = whole.slice();
    bytes[at] ^= 0x5a;
    await readGltfScene(bytes).catch((error) => expect(error, `byte ${at}: ${error}`).toBeInstanceOf(ModelError));
  }
});
