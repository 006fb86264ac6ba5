import { expect, test } from 'vitest';
import { sphere } from '../../test/solid-shapes.ts';
import { torchGenerator } from '../tensor/index.ts';
import { sampleSurface, surfaceDistance } from './surface-distance.ts';

const options = () => ({ rng: torchGenerator(1), points: 20_000 });

test('spheres of one centre are as far apart as their radii differ', () => {
  const { chamfer, fScore } = surfaceDistance(sphere(0.4, 24), sphere(0.37, 24), options());
  expect(Math.abs(chamfer - 0.03)).toBeLessThan(0.002); // points lie 0.01 apart
  expect(fScore).toBe(0);
  expect(surfaceDistance(sphere(0.4, 24), sphere(0.37, 24), { ...options(), threshold: 0.04 }).fScore).toBe(1);
});

test('a surface is at no distance from itself but that of the points', () => {
  const { chamfer, fScore } = surfaceDistance(sphere(0.4, 24), sphere(0.4, 24), {
    ...options(),
    threshold: 0.02, // twice as far as points lie apart
  });
  expect(chamfer).toBeLessThan(0.006);
  expect(fScore).toBeGreaterThan(0.999);
});

test('every nearest point is found, also far away', () => {
  const [a, b] = [sphere(0.05, 3, [-0.4, 0, 0]), sphere(0.1, 3, [0.4, 0.2, -0.3])];
  const points = 200;
  const { chamfer } = surfaceDistance(a, b, { rng: torchGenerator(2), points });
  const rng = torchGenerator(2);
  const [pa, pb] = [sampleSurface(a, points, rng), sampleSurface(b, points, rng)];
  const brute = (from: Float32Array, to: Float32Array) => {
    let total = 0;
    for (let i = 0; i < points; i++) {
      let nearest = Infinity;
      for (let j = 0; j < points; j++)
        nearest = Math.min(nearest, Math.hypot(...[0, 1, 2].map((c) => from[3 * i + c] - to[3 * j + c])));
      total += nearest / points;
    }
    return total;
  };
  expect(chamfer).toBeCloseTo((brute(pa, pb) + brute(pb, pa)) / 2, 9);
});

test('a surface without an area is refused', () => {
  const flat = { positions: new Float32Array(9), indices: Uint32Array.of(0, 1, 2) };
  expect(() => surfaceDistance(flat, sphere(0.4), options())).toThrow(/1 triangles have no area/);
});
