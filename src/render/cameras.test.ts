import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSafetensors, toFloat32 } from '../formats/safetensors.ts';
import {
  cameraToWorldOpenGl,
  hammersleyDirection,
  orbitCamera,
  projectionFromIntrinsics,
  projectPoints,
} from './cameras.ts';

test('orbit cameras, their projection and projected points are those of the reference', async () => {
  const bytes = readFileSync(new URL('../../test/golden/cameras.safetensors', import.meta.url));
  const { tensors: golden } = readSafetensors(new Uint8Array(bytes));
  const get = (name: string) => toFloat32(golden.get(name)!);
  const params = get('in.params');
  for (let i = 0; i < params.length / 4; i++) {
    const [yaw, pitch, radius, fovDegrees] = params.subarray(4 * i, 4 * i + 4);
    const camera = orbitCamera(yaw, pitch, radius, (fovDegrees * Math.PI) / 180);
    const { uv, depth } = projectPoints(camera, get('in.points'));
    const projection = projectionFromIntrinsics(camera.intrinsics, 0.8, 1.6);
    expectClose(camera.extrinsics, get('out.extrinsics').subarray(16 * i));
    expectClose(camera.intrinsics, get('out.intrinsics').subarray(9 * i));
    expectClose(uv, get('out.projected').subarray(40 * i));
    expectClose(depth, get('out.depth').subarray(20 * i));
    expectClose(projection, get('out.projection').subarray(16 * i));
  }
});

function expectClose(got: Float64Array, expected: Float32Array): void {
  for (let i = 0; i < got.length; i++) expect(Math.abs(got[i] - expected[i])).toBeLessThan(1e-5); // golden is float32
}

test.each([
  [0, 0, -1.570796],
  [1, Math.PI, -1.33934],
  [2, 1.570796, -1.242728],
  [37, 4.025166, -0.013334],
  [38, 2.454369, 0.004444],
  [75, 5.154175, 0.339837],
  [149, 4.147884, 1.437364],
])('direction %i of 150 is that of the toolkit', (n, yaw, pitch) => {
  const direction = hammersleyDirection(n, 150, [0, 0], true);
  expect(direction.yaw).toBeCloseTo(yaw, 5);
  expect(direction.pitch).toBeCloseTo(pitch, 5);
});

test('camera to world undoes world to camera, with y and z turned', () => {
  const camera = orbitCamera(0.7, 0.3, 2, 0.8);
  const m = cameraToWorldOpenGl(camera);
  const ahead = [m[3] - 3 * m[2], m[7] - 3 * m[6], m[11] - 3 * m[10]]; // three units along −z
  const { uv, depth } = projectPoints(camera, ahead);
  expect(uv[0]).toBeCloseTo(0.5, 9);
  expect(uv[1]).toBeCloseTo(0.5, 9);
  expect(depth[0]).toBeCloseTo(3, 9);
});
