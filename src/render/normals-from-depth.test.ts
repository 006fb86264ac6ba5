import { expect, test } from 'vitest';
import { orbitCamera } from './cameras.ts';
import { normalsFromDepth } from './normals-from-depth.ts';

const [width, height] = [24, 18];
const camera = orbitCamera(0.7, 0.4, 2, 0.8);

/** Depth of the plane n·P = c, in camera axes. */
function planeDepth(n: readonly number[], c: number): Float32Array {
  const { intrinsics: k } = camera;
  return Float32Array.from({ length: width * height }, (_, at) => {
    const x = (((at % width) + 0.5) / width - k[2]) / k[0];
    const y = ((Math.floor(at / width) + 0.5) / height - k[5]) / k[4];
    return c / (n[0] * x + n[1] * y + n[2]);
  });
}

const toWorld = (n: readonly number[]) =>
  [0, 1, 2].map((c) => camera.extrinsics[c] * n[0] + camera.extrinsics[4 + c] * n[1] + camera.extrinsics[8 + c] * n[2]);

test('a plane has its own normal in every pixel, the borders of the picture included', () => {
  const n = [0.3, -0.5, -Math.sqrt(1 - 0.34)]; // towards the camera
  const depth = planeDepth(n, -1.7);
  const normals = normalsFromDepth(depth, new Float32Array(depth.length).fill(1), camera, width, height);
  const expected = toWorld(n);
  for (let at = 0; at < depth.length; at++)
    for (let c = 0; c < 3; c++) expect(normals[c * depth.length + at]).toBeCloseTo(expected[c], 4); // single precision depth
});

test('a step in depth does not bend the normals beside it, and where nothing is there is no normal', () => {
  const [near, far] = [planeDepth([0, 0, -1], -1), planeDepth([0, 0, -1], -2)];
  const depth = near.map((z, at) => (at % width < 12 ? z : far[at]));
  const alpha = depth.map((_, at) => (at < width ? 0 : 1));
  const normals = normalsFromDepth(depth, alpha, camera, width, height);
  const expected = toWorld([0, 0, -1]);
  for (let at = 0; at < depth.length; at++)
    for (let c = 0; c < 3; c++) expect(normals[c * depth.length + at]).toBeCloseTo(at < width ? 0 : expected[c], 4);
});
