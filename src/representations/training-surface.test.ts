import { expect, test } from 'vitest';
import { expectClose, golden } from '../../test/golden.ts';
import { torchGenerator } from '../tensor/index.ts';
import type { CubeFeatures } from './cube-features.ts';
import { trainingSurface, trainingSurfaceGradient } from './training-surface.ts';

const file = golden('features2mesh');
const features: CubeFeatures = {
  resolution: file.config.res,
  coords: Int32Array.from(file.get('in.x.coords').data).filter((_, i) => i % 4 !== 0),
  feats: file.get('in.x.feats').data,
};

test('the training surface, its regularization and the gradient in the features equal the official ones', () => {
  const result = trainingSurface(features);
  const { surface, field, regularization } = result;
  expect([...surface.indices]).toEqual([...file.get('out.train.faces').data]);
  expectClose(surface.positions, file.get('out.train.vertices').data, 1e-4, 'positions');
  expectClose([regularization], file.get('out.train.reg_loss').data, 1e-4, 'regularization');
  expectClose(field.positions, file.get('out.train.tsdf_v').data, 1e-4, 'positions at the grid');
  expectClose(field.sdf, file.get('out.train.tsdf_s').data, 1e-4, 'distances at the grid');
  const gradient = trainingSurfaceGradient(result, { positions: file.get('in.grad_r').data, regularization: 1 });
  expectClose(gradient, file.get('grad.feats').data, 1e-3, 'gradient');
});

test('the gradient of everything at once meets central differences', () => {
  // Cubes of a shell, smooth enough that a small step changes no sign: the surface keeps its topology.
  const rng = torchGenerator(8);
  const coords: number[] = [];
  const feats: number[] = [];
  for (let i = 0; i < 64; i++) {
    const cube = [i >> 4, (i >> 2) & 3, i & 3];
    coords.push(...cube.map((c) => c + 2));
    const distance = (k: number) => Math.hypot(...cube.map((c, axis) => c + ((k >> axis) & 1) - 2)) - 1.6;
    const noise = [...rng.normal(93)].map((v) => 0.3 * v);
    feats.push(...[0, 1, 2, 3, 4, 5, 6, 7].map(distance), ...noise);
  }
  const base: CubeFeatures = { resolution: 8, coords: Int32Array.from(coords), feats: Float32Array.from(feats) };
  const first = trainingSurface(base);
  const seed = {
    positions: rng.normal(first.surface.positions.length),
    attributes: rng.normal(first.surface.attributes.length),
    gridPositions: rng.normal(first.field.positions.length),
    gridSdf: rng.normal(first.field.sdf.length),
    regularization: 3,
  };
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((s, v, i) => s + v * b[i], 0);
  const loss = (at: CubeFeatures) => {
    const { surface, field, regularization } = trainingSurface(at);
    expect(surface.indices.length).toBe(first.surface.indices.length);
    return (
      dot(surface.positions, seed.positions) +
      dot(surface.attributes, seed.attributes) +
      dot(field.positions, seed.gridPositions) +
      dot(field.sdf, seed.gridSdf) +
      3 * regularization
    );
  };
  const gradient = trainingSurfaceGradient(first, seed);
  for (let trial = 0; trial < 12; trial++) {
    const direction = rng.normal(base.feats.length);
    const h = 2e-4;
    const moved = (by: number) => ({ ...base, feats: base.feats.map((v, i) => v + by * direction[i]) });
    const slope = (loss(moved(h)) - loss(moved(-h))) / (2 * h);
    const expected = dot(gradient, direction);
    // Single-precision surfaces and a step of 2e-4 leave about three digits.
    expect(Math.abs(slope - expected)).toBeLessThan(5e-3 * Math.hypot(...gradient));
  }
});
