import { expect, test } from 'vitest';
import { random } from '../../test/some-splats.ts';
import { rotateHarmonics, sphericalHarmonics } from './spherical-harmonics.ts';

test('they are orthonormal over the sphere', () => {
  const next = random(5);
  const sums = new Float64Array(256);
  const n = 20_000;
  for (let i = 0; i < n; i++) {
    const z = 2 * ((i + 0.5) / n) - 1; // even in height, a golden angle apart
    const angle = i * Math.PI * (3 - Math.sqrt(5)) + 1e-9 * next();
    const y = sphericalHarmonics(Math.sqrt(1 - z * z) * Math.cos(angle), Math.sqrt(1 - z * z) * Math.sin(angle), z);
    for (let a = 0; a < 16; a++) for (let b = 0; b < 16; b++) sums[a * 16 + b] += (4 * Math.PI * y[a] * y[b]) / n;
  }
  for (let a = 0; a < 16; a++) for (let b = 0; b < 16; b++) expect(sums[a * 16 + b]).toBeCloseTo(a === b ? 1 : 0, 2);
});

test('the turned scene seen along the turned direction has the same colour', () => {
  const next = random(9);
  const rest = Float32Array.from({ length: 45 }, () => next() - 0.5);
  for (const [axis, angle] of [
    [0, 0.7],
    [1, -1.9],
    [2, Math.PI / 2],
  ] as const) {
    const [j, k] = [(axis + 1) % 3, (axis + 2) % 3];
    const r = new Float64Array(9);
    r[axis * 4] = 1;
    r[j * 3 + j] = r[k * 3 + k] = Math.cos(angle);
    r[k * 3 + j] = Math.sin(angle);
    r[j * 3 + k] = -Math.sin(angle);
    const turned = rotateHarmonics(rest, 3, r);
    const d = [0.36, 0.48, 0.8];
    const e = [0, 1, 2].map((row) => r[row * 3] * d[0] + r[row * 3 + 1] * d[1] + r[row * 3 + 2] * d[2]);
    const color = (coefficients: Float32Array, [x, y, z]: number[]) =>
      sphericalHarmonics(x, y, z)
        .slice(1)
        .reduce((sum, value, i) => sum + value * coefficients[3 * i], 0);
    expect(color(turned, e)).toBeCloseTo(color(rest, d), 6);
  }
});
