import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { WebIO } from '@gltf-transform/core';
import { KHRTextureBasisu } from '@gltf-transform/extensions';
import { expect, test } from 'vitest';
import { sphere } from '../../test/solid-shapes.ts';
import { writeGlb } from './glb.ts';
import { encodeKtx2 } from './ktx2.ts';

const SIDE = 32;

/** Smooth ramps, as RGBA. */
const picture = {
  width: SIDE,
  height: SIDE,
  data: Uint8Array.from({ length: SIDE * SIDE * 4 }, (_, i) => {
    const [x, y] = [(i >> 2) % SIDE, (i >> 2) / SIDE];
    return [8 * x, 8 * y, 128 + 4 * (x - y), 255][i % 4];
  }),
};

interface Ktx2File {
  isValid(): boolean;
  getWidth(): number;
  getLevels(): number;
  startTranscoding(): number;
  getImageTranscodedSizeInBytes(level: number, layer: number, face: number, format: number): number;
  transcodeImage(
    out: Uint8Array,
    level: number,
    layer: number,
    face: number,
    format: number,
    ...flags: number[]
  ): number;
}

/** The transcoder that three ships, the one that its viewers use. */
async function transcode(bytes: Uint8Array): Promise<{ side: number; levels: number; rgba: Uint8Array }> {
  const load = createRequire(import.meta.url);
  const folder = `${dirname(load.resolve('three'))}/../examples/jsm/libs/basis`;
  const code = readFileSync(`${folder}/basis_transcoder.js`, 'utf8');
  const make = new Function('__filename', '__dirname', 'require', `${code}; return BASIS;`);
  const basis = (await make('', '', load)({ wasmBinary: readFileSync(`${folder}/basis_transcoder.wasm`) })) as {
    initializeBasis(): void;
    KTX2File: new (bytes: Uint8Array) => Ktx2File;
  };
  basis.initializeBasis();
  const file = new basis.KTX2File(bytes);
  expect(file.isValid()).toBe(true);
  expect(file.startTranscoding()).toBeTruthy();
  const RGBA32 = 13;
  const rgba = new Uint8Array(file.getImageTranscodedSizeInBytes(0, 0, 0, RGBA32));
  expect(file.transcodeImage(rgba, 0, 0, 0, RGBA32, 0, -1, -1)).toBeTruthy();
  return { side: file.getWidth(), levels: file.getLevels(), rgba };
}

test('the transcoder of a viewer gives back nearly the same picture, with all mip levels', async () => {
  const { side, levels, rgba } = await transcode(await encodeKtx2(picture));
  expect([side, levels]).toEqual([SIDE, 6]);
  const worst = rgba.reduce((most, value, i) => Math.max(most, Math.abs(value - picture.data[i])), 0);
  expect(worst).toBeLessThan(16); // blocks of 4 × 4 share a few colours
  const mean = rgba.reduce((sum, value, i) => sum + Math.abs(value - picture.data[i]) / rgba.length, 0);
  expect(mean).toBeLessThan(2);
});

test('a GLB with KTX2 says that a reader needs the extension, and holds the texture', async () => {
  const { positions, indices } = sphere(0.5, 2);
  const normals = positions.map((x) => 2 * x);
  const uvs = new Float32Array((positions.length / 3) * 2).fill(0.5);
  const glb = await writeGlb({ positions, indices, normals, uvs, texture: picture }, { textureFormat: 'ktx2' });
  const document = await new WebIO().registerExtensions([KHRTextureBasisu]).readBinary(glb);
  const [texture] = document.getRoot().listTextures();
  expect(texture.getMimeType()).toBe('image/ktx2');
  expect(texture.getSize()).toEqual([SIDE, SIDE]);
  const [extension] = document.getRoot().listExtensionsUsed();
  expect([extension.extensionName, extension.isRequired()]).toEqual(['KHR_texture_basisu', true]);
});

test('sides that are no multiples of 4 are an error that says what to do', async () => {
  const odd = { width: 30, height: 32, data: new Uint8Array(30 * 32 * 4) };
  await expect(encodeKtx2(odd)).rejects.toThrow(/multiples of 4.*got 30 × 32.*PNG or WebP/);
});
