import { expect, test } from 'vitest';
import { expectClose, golden } from '../../test/golden.ts';
import type { Camera } from '../render/index.ts';
import { torchGenerator } from '../tensor/index.ts';
import {
  depthLoss,
  facingNormals,
  maskLoss,
  normalAngle,
  normalLoss,
  perceptualLoss,
  tsdfLoss,
} from './geometry-losses.ts';
import type { PictureLoss } from './picture-losses.ts';

const file = golden('losses');
const camera: Camera = {
  extrinsics: Float64Array.from(file.get('in.extrinsics').data),
  intrinsics: Float64Array.from(file.get('in.intrinsics').data),
};
const tsdf = (sdf: Float32Array) =>
  tsdfLoss(sdf, file.get('in.tsdf_v').data, file.get('in.tsdf_depth').data, camera, { width: 16, height: 16 }, 32);

test('the loss of distances has the golden value and gradient', () => {
  const { value, gradient } = tsdf(file.get('in.tsdf_s').data);
  expectClose([value], file.get('out.tsdf').data, 1e-4);
  expectClose(gradient, file.get('grad.tsdf_s').data, 1e-3);
});

test('normals turn towards the camera as the golden ones do', () => {
  const { data } = file.get('in.flip_normal');
  expectClose(facingNormals(data, camera, { width: 8, height: 8 }), file.get('out.flip_normal').data, 1e-6);
});

test('the mean angle of normals is the golden one', () => {
  const planes = (name: string) => {
    const { data } = file.get(name); // [1, 8, 8, 3]
    return data.map((_, i) => data[3 * (i % 64) + Math.floor(i / 64)]);
  };
  expectClose([normalAngle(planes('in.normal1'), planes('in.normal2'))], file.get('out.normal_angle').data, 1e-4);
});

const size = { width: 20, height: 16 };
const pixels = size.width * size.height;
const rng = torchGenerator(11);
const random = (planes: number) => rng.uniform(planes * pixels);
const mask = rng.uniform(pixels).map((v) => (v < 0.3 ? 0 : v));
const targets = { one: random(1), three: random(3) };

/** With a stand-in for the network: the loss adds its term and its gradient, whatever they are. */
const felt = {
  async loss(a: Float32Array, b: Float32Array): Promise<PictureLoss> {
    const value = a.reduce((s, v, i) => s + (v - b[i]) ** 2, 0);
    return { value, gradient: a.map((v, i) => 2 * (v - b[i])) };
  },
  async dispose() {},
};

const cases: Record<string, { planes: number; loss: (a: Float32Array) => PictureLoss | Promise<PictureLoss> }> = {
  mask: { planes: 1, loss: (a) => maskLoss(a, targets.one) },
  depth: { planes: 1, loss: (a) => depthLoss(a, targets.one, mask, 4) }, // β = 1/8: both branches are met
  normal: { planes: 3, loss: (a) => normalLoss(a, targets.three, mask, size) },
  'normal with LPIPS': { planes: 3, loss: (a) => normalLoss(a, targets.three, mask, size, felt) },
  color: { planes: 3, loss: (a) => perceptualLoss(a, targets.three, size, felt) },
};

test.each(Object.entries(cases))(
  'the gradient of the %s loss equals central differences',
  async (_, { planes, loss }) => {
    const a = random(planes);
    const { gradient } = await loss(a);
    for (const i of [0, 7, 33, 150, pixels - 1, planes * pixels - 2]) {
      const at = async (by: number) => {
        const moved = a.slice();
        moved[i] += by;
        return { x: moved[i], value: (await loss(moved)).value };
      };
      const [up, down] = [await at(1e-3), await at(-1e-3)];
      const slope = (up.value - down.value) / (up.x - down.x);
      expect(Math.abs(slope - gradient[i])).toBeLessThan(2e-3 * Math.abs(slope) + 1e-7);
    }
  },
);

test('the gradient of the loss of distances equals central differences', () => {
  const sdf = file.get('in.tsdf_s').data;
  const { gradient } = tsdf(sdf);
  for (let i = 0; i < sdf.length; i++) {
    const at = (by: number) => tsdf(sdf.map((v, k) => (k === i ? v + by : v))).value;
    expect(Math.abs((at(1e-3) - at(-1e-3)) / 2e-3 - gradient[i])).toBeLessThan(1e-3 * Math.abs(gradient[i]) + 1e-7);
  }
});

test('outside the target nothing has a gradient in depth or normal', async () => {
  const depth = depthLoss(random(1), targets.one, mask, 256).gradient;
  const normal = (await normalLoss(random(3), targets.three, mask, size)).gradient;
  for (let p = 0; p < pixels; p++)
    if (mask[p] === 0) expect(Math.hypot(depth[p], normal[p], normal[pixels + p], normal[2 * pixels + p])).toBe(0);
});

test('a view of nothing judges no distance', () => {
  const { value, gradient } = tsdfLoss(
    Float32Array.of(0.1, -0.2),
    Float32Array.of(0, 0, 0, 0.1, 0.1, 0.1),
    new Float32Array(16),
    camera,
    { width: 4, height: 4 },
    64,
  );
  expect([value, ...gradient]).toEqual([0, 0, 0]);
});

test('tables that do not fit are refused', () => {
  expect(() =>
    tsdfLoss(new Float32Array(2), new Float32Array(3), new Float32Array(16), camera, { width: 4, height: 4 }, 64),
  ).toThrow(/positions must be \[V, 3\] for the 2 distances/);
  expect(() =>
    tsdfLoss(new Float32Array(1), new Float32Array(3), new Float32Array(15), camera, { width: 4, height: 4 }, 64),
  ).toThrow(/depth must be \[4, 4\], got 15/);
});
