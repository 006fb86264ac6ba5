import { expect, test } from 'vitest';
import { arrayAdam } from './array-adam.ts';

test('steps follow the published recurrence, each column at its own rate', () => {
  const x = Float32Array.of(1, -2, 0.5, 3);
  const expected = Float64Array.from(x);
  const [m, v] = [new Float64Array(4), new Float64Array(4)];
  const adam = arrayAdam({ x });
  for (let k = 1; k <= 20; k++) {
    const g = Float32Array.from(x, (_, i) => Math.sin(k * (i + 1)));
    adam.step({ x: g }, { x: [0.1, 0.01] });
    for (let i = 0; i < 4; i++) {
      m[i] = 0.9 * m[i] + 0.1 * g[i];
      v[i] = 0.999 * v[i] + 0.001 * g[i] ** 2;
      const step = m[i] / (1 - 0.9 ** k) / (Math.sqrt(v[i] / (1 - 0.999 ** k)) + 1e-8);
      expected[i] -= (i % 2 === 0 ? 0.1 : 0.01) * step;
    }
  }
  for (let i = 0; i < 4; i++) expect(x[i]).toBeCloseTo(expected[i], 5);
});

test('elements without a gradient so far stay exactly as they are', () => {
  const x = Float32Array.of(1, 2);
  const adam = arrayAdam({ x });
  for (let k = 0; k < 3; k++) adam.step({ x: Float32Array.of(0, 1) }, { x: 0.1 });
  expect(x[0]).toBe(1);
  expect(x[1]).toBeCloseTo(1.7, 5);
});

test('a missing gradient or rate is refused before anything moves', () => {
  const x = Float32Array.of(1);
  const adam = arrayAdam({ x, y: Float32Array.of(2, 3) });
  expect(() => adam.step({ x: Float32Array.of(1) }, { x: 1, y: 1 })).toThrow(/"y" must have 2 values.*got none/);
  expect(() => adam.step({ x: Float32Array.of(1), y: new Float32Array(2) }, { x: 1 })).toThrow(/rate for "y"/);
  expect(x[0]).toBe(1);
});
