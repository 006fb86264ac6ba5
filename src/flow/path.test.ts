import { expect, test } from 'vitest';
import { torchGenerator } from '../tensor/index.ts';
import { noiseFromVelocity, velocityFromX0, velocityPerX0, velocityTarget, x0FromVelocity, xAt } from './path.ts';

const rng = torchGenerator(5);
const x0 = rng.normal(50);
const noise = rng.normal(50);

function expectClose(a: Float32Array, b: Float32Array): void {
  for (const [i, value] of a.entries()) expect(Math.abs(value - b[i])).toBeLessThan(1e-5); // float rounding of values near 1
}

test('the path starts at the data, blurred by sigmaMin, and ends at the noise', () => {
  expect(xAt(x0, noise, 1, 0.01)).toEqual(noise);
  expectClose(xAt(x0, noise, 0, 0), x0);
});

test('the velocity is the derivative of the path', () => {
  const [a, b] = [xAt(x0, noise, 0.25, 0.01), xAt(x0, noise, 0.75, 0.01)];
  expectClose(
    velocityTarget(x0, noise, 0.01),
    b.map((value, i) => (value - a[i]) / 0.5),
  );
});

test.each([0, 0.3, 1])('at t = %d the true velocity gives back data and noise', (t) => {
  const x = xAt(x0, noise, t, 0.01);
  const velocity = velocityTarget(x0, noise, 0.01);
  expectClose(x0FromVelocity(x, velocity, t, 0.01), x0);
  expectClose(noiseFromVelocity(x, velocity, t), noise);
});

test.each([0.05, 0.3, 1])('at t = %d the true data gives the velocity, and its error grows as said', (t) => {
  const x = xAt(x0, noise, t, 0.01);
  const velocity = velocityTarget(x0, noise, 0.01);
  const scaled = (v: Float32Array) => v.map((value) => value / velocityPerX0(t, 0.01)); // errors grow by that factor
  expectClose(scaled(velocityFromX0(x, x0, t, 0.01)), scaled(velocity));
  const moved = velocityFromX0(
    x,
    x0.map((v) => v + 0.1),
    t,
    0.01,
  );
  expectClose(
    scaled(moved),
    scaled(velocity).map((v) => v - 0.1),
  );
});

test('arrays of different length are refused', () => {
  expect(() => xAt(x0, noise.slice(1), 0.5)).toThrow(/50 and 49/);
});
