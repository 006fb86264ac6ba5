import { expect, test } from 'vitest';
import { torchGenerator } from '../tensor/index.ts';
import {
  checkCoords,
  checkGaussians,
  checkLatent,
  checkMesh,
  checkRadianceField,
  checkStructure,
} from './self-checks.ts';

const block = (n: number): Int32Array =>
  Int32Array.from(
    Array.from({ length: n ** 3 }, (_, i) => [Math.floor(i / n / n), Math.floor(i / n) % n, i % n]).flat(),
  );

test('structures of dust, of noise, in scattered parts and with holes in the numbers are refused', () => {
  const check = (coords: Int32Array) => checkCoords('structure', coords, 64, 'Remedy.');
  check(block(5));
  expect(() => check(block(4))).toThrow('structure: expected between 100 and 100000 occupied voxels, got 64. Remedy.');
  expect(() => check(block(47))).toThrow(/got 103823/);
  const scattered = block(8).map((v) => 3 * v);
  expect(() => check(scattered)).toThrow(/got 512 parts, the largest with 0\.2 %/);
  expect(() => checkStructure(Float32Array.of(1, Number.NaN), block(5), 64)).toThrow(/structure: .* not finite/);
});

test('a normalized latent may lean and be narrow or wide, within bounds', () => {
  const rng = torchGenerator(1);
  const latent = (mean: number, std: number) => rng.normal(800).map((v, i) => (i % 8 === 3 ? v * std + mean : v));
  checkLatent(latent(0, 1), 8);
  checkLatent(latent(2, 0.3), 8);
  expect(() => checkLatent(latent(9, 1), 8)).toThrow(/latent: channel 3 has mean (8|9)\./);
  expect(() => checkLatent(latent(0, 0.001), 8)).toThrow(/channel 3 .* deviation 0\.00/);
  expect(() => checkLatent(latent(0, 50), 8)).toThrow(/channel 3/);
  expect(() => checkLatent(latent(Number.NaN, 1), 8)).toThrow(/not finite/);
});

test('Gaussians that nobody sees or that leave the box, empty fields and empty meshes are refused', () => {
  const gaussians = (opacity: number, far: number, wide: number) => ({
    means: Float32Array.of(0, 0, -far),
    scales: Float32Array.of(wide, 0.01, 0.01),
    rotations: Float32Array.of(1, 0, 0, 0),
    opacities: Float32Array.of(opacity),
    colorsDc: new Float32Array(3),
  });
  checkGaussians(gaussians(0.1, 0.5, 0.02));
  expect(() => checkGaussians(gaussians(0.001, 0.5, 0.02))).toThrow(/0 of 1 can be seen/);
  expect(() => checkGaussians(gaussians(0.1, 3, 0.02))).toThrow(/a center at 3\.00/);
  expect(() => checkGaussians(gaussians(0.1, 0.5, 2))).toThrow(/a deviation of 2\.00/);
  expect(() => checkMesh({ positions: new Float32Array(0), indices: new Uint32Array(0) })).toThrow(/no surface/);
  const field = { resolution: 64, rank: 1, dim: 2, positions: new Float32Array(3), colorsDc: new Float32Array(3) };
  expect(() =>
    checkRadianceField({ ...field, trivec: new Float32Array(6).fill(1), density: new Float32Array(1) }),
  ).toThrow(/all zeros/);
});
