import { expect, test } from 'vitest';
import type { SceneMaterial, TriangleScene } from '../formats/index.ts';
import { orbitCamera } from './cameras.ts';
import { texturedMesh } from './textured-mesh.ts';
import { renderTriangles } from './triangles.ts';

const unlit: SceneMaterial = {
  name: 'unlit',
  baseColorFactor: [1, 1, 1, 1],
  alphaMode: 'opaque',
  alphaCutoff: 0.5,
  doubleSided: false,
  unlit: true,
};

/** A square of side 1 in the plane y = depth, seen from +y; u grows to the viewer's right, v down. */
function square(material: SceneMaterial, depth = 0): TriangleScene['primitives'][number] {
  const p = [0.5, depth, 0.5, -0.5, depth, 0.5, -0.5, depth, -0.5, 0.5, depth, -0.5];
  return {
    positions: Float32Array.from(p),
    uvs: Float32Array.from([0, 0, 1, 0, 1, 1, 0, 1]),
    indices: Uint32Array.from([0, 1, 2, 0, 2, 3]),
    material,
  };
}

const front = orbitCamera(0, 0, 2, 2 * Math.atan(0.25)); // the square fills the picture exactly
const draw = (primitives: TriangleScene['primitives'], size = 16) =>
  renderTriangles(texturedMesh({ primitives, warnings: [] }), front, { size });
const pixel = (picture: { width: number; data: Uint8Array }, x: number, y: number) => [
  ...picture.data.subarray((y * picture.width + x) * 4, (y * picture.width + x) * 4 + 4),
];

test('a square that fills the view covers every pixel, from both sides of its winding', () => {
  const turned = { ...square(unlit), indices: Uint32Array.from([2, 1, 0, 3, 2, 0]) };
  for (const primitive of [square(unlit), turned]) {
    expect([...draw([primitive]).data].every((v) => v === 255)).toBe(true);
  }
});

test('what nothing covers is transparent', () => {
  const small = { ...square(unlit), positions: square(unlit).positions.map((p) => p / 2) };
  const picture = draw([small]);
  expect(pixel(picture, 0, 0)).toEqual([0, 0, 0, 0]);
  expect(pixel(picture, 8, 8)).toEqual([255, 255, 255, 255]);
  const covered = picture.data.filter((_, i) => i % 4 === 3).reduce((sum, a) => sum + a / 255, 0);
  expect(covered).toBeCloseTo(64, 0); // a quarter of 16²
});

test('the nearer surface hides the farther one, in any order', () => {
  const red = square({ ...unlit, baseColorFactor: [1, 0, 0, 1] }, 0.2);
  const blue = square({ ...unlit, baseColorFactor: [0, 0, 1, 1] }, -0.2);
  expect(pixel(draw([red, blue]), 8, 8)).toEqual([255, 0, 0, 255]);
  expect(pixel(draw([blue, red]), 8, 8)).toEqual([255, 0, 0, 255]);
});

test('texels come out where they are: first row on top, u to the right', () => {
  const data = Uint8Array.from([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255]);
  const baseColorTexture = { width: 2, height: 2, data, wrapU: 'clamp', wrapV: 'clamp' } as const;
  const picture = draw([square({ ...unlit, baseColorTexture })]);
  expect(pixel(picture, 1, 1)).toEqual([255, 0, 0, 255]);
  expect(pixel(picture, 14, 1)).toEqual([0, 255, 0, 255]);
  expect(pixel(picture, 1, 14)).toEqual([0, 0, 255, 255]);
  expect(pixel(picture, 14, 14)).toEqual([255, 255, 255, 255]);
});

test('a texture far finer than the picture shows its average, not single texels', () => {
  const data = Uint8Array.from({ length: 256 * 256 * 4 }, (_, i) => {
    const texel = i >> 2;
    return i % 4 === 3 || (texel + (texel >> 8)) % 2 === 0 ? 255 : 0;
  });
  const baseColorTexture = { width: 256, height: 256, data, wrapU: 'repeat', wrapV: 'repeat' } as const;
  expect(pixel(draw([square({ ...unlit, baseColorTexture })]), 7, 9)[0]).toBe(188); // sRGB of half the light
});

test('cut-outs vanish below the cutoff, translucency becomes part coverage', () => {
  const cut = square({ ...unlit, alphaMode: 'mask', alphaCutoff: 0.5, baseColorFactor: [1, 1, 1, 0.4] });
  expect(pixel(draw([cut]), 8, 8)[3]).toBe(0);
  const glass = square({ ...unlit, alphaMode: 'blend', baseColorFactor: [1, 1, 1, 0.5] });
  expect(Math.abs(pixel(draw([glass]), 8, 8)[3] - 128)).toBeLessThan(20); // nine samples
});

test('triangles that reach behind the camera are drawn as far as they are in front', () => {
  const floor = {
    positions: Float32Array.from([-50, 50, -0.2, 50, 50, -0.2, 0, -50, -0.2]),
    indices: Uint32Array.from([0, 1, 2]),
    material: unlit,
  };
  const picture = draw([floor]);
  expect(pixel(picture, 8, 15)[3]).toBe(255);
  expect(pixel(picture, 8, 2)[3]).toBe(0);
});
