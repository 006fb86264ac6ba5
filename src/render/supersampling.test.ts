import { expect, test } from 'vitest';
import { expectClose, golden } from '../../test/golden.ts';
import { reducePlanes, reducePlanesBackward } from './supersampling.ts';

const file = golden('raster_mesh');
const large = file.get('in.ssaa').data;

test('pictures of twice the size are reduced to the golden one', () => {
  expectClose(reducePlanes(large, 16, 16, 2), file.get('out.ssaa').data, 1e-6);
});

test('a constant stays, at the borders too, and a factor of 1 changes nothing', () => {
  const ones = new Float32Array(2 * 15 * 6).fill(1);
  for (const value of reducePlanes(ones, 5, 2, 3)) expect(value).toBeCloseTo(1, 6);
  expect(reducePlanes(large, 32, 32, 1)).toEqual(large);
});

test('the gradient is the adjoint', () => {
  const g = large.slice(0, 3 * 64).map((v) => v - 0.4);
  const wide = large.slice(0, 3 * 64 * 16);
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((s, v, i) => s + v * b[i], 0);
  const [there, back] = [dot(g, reducePlanes(wide, 8, 8, 4)), dot(reducePlanesBackward(g, 8, 8, 4), wide)];
  expect(Math.abs(there - back)).toBeLessThan(1e-5 * Math.abs(there));
});

test('planes of another size are refused', () => {
  expect(() => reducePlanes(large, 16, 17, 2)).toThrow(/planes of 1088 values, got 3072/);
  expect(() => reducePlanes(large, 16, 16, 1.5)).toThrow(/factor/);
});
