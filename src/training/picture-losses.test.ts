import { expect, test } from 'vitest';
import { expectClose, golden } from '../../test/golden.ts';
import { l1Loss, l2Loss, type PictureLoss, psnr, smoothL1Loss, ssim } from './picture-losses.ts';

const file = golden('losses');
const [a, b] = ['in.img1', 'in.img2'].map((name) => file.get(name).data);
const size = { width: 20, height: 24 };
const losses: Record<string, (picture: Float32Array, target: Float32Array) => PictureLoss> = {
  l1: l1Loss,
  l2: l2Loss,
  smooth_l1: (picture, target) => smoothL1Loss(picture, target, file.get('in.beta').data[0]),
  ssim: (picture, target) => ssim(picture, target, size),
  psnr,
};

test.each(Object.entries(losses))('%s has the golden value and gradient', (name, loss) => {
  const { value, gradient } = loss(a, b);
  expectClose([value], file.get(`out.${name}`).data, 1e-5, 'value');
  expectClose(gradient, file.get(`grad.${name}`).data, 1e-4, 'gradient');
});

test.each(Object.entries(losses))('the gradient of %s equals central differences', (_, loss) => {
  const { gradient } = loss(a, b);
  for (const i of [0, 7, 479, 480, 1500, 2879]) {
    const [up, down] = [a.slice(), a.slice()];
    up[i] += 1e-3;
    down[i] -= 1e-3;
    const slope = (loss(up, b).value - loss(down, b).value) / (up[i] - down[i]);
    expect(Math.abs(gradient[i] - slope)).toBeLessThan(1e-3 * Math.abs(slope) + 1e-7);
  }
});

test('similarity of single pictures averages to that of the batch', () => {
  const half = a.length / 2;
  const each = [0, 1].map(
    (i) => ssim(a.slice(i * half, i * half + half), b.slice(i * half, i * half + half), size).value,
  );
  expectClose(each, file.get('out.ssim_each').data, 1e-5);
});

test('equal pictures are fully alike, with no slope', () => {
  const { value, gradient } = ssim(a, a, size);
  expect(value).toBeCloseTo(1, 12);
  expect(Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-9);
  expect(psnr(a, a).value).toBe(Number.POSITIVE_INFINITY);
  expect(psnr(a, a).gradient.every((g) => g === 0)).toBe(true);
});

test('pictures of different sizes are refused', () => {
  expect(() => l1Loss(a, b.slice(1))).toThrow(/one size, got 2880 and 2879/);
  expect(() => ssim(a, b, { width: 19, height: 24 })).toThrow(/\[P, 24, 19\]/);
  expect(() => smoothL1Loss(a, b, 0)).toThrow(/beta must be above 0/);
});
