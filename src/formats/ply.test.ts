import { expect, test } from 'vitest';
import { readPointsPly, writePointsPly } from './ply.ts';

test('points survive writing and reading', () => {
  const points = Float32Array.from([0, 0.5, -0.25, 1e-3, 7, -8]);
  expect(readPointsPly(writePointsPly(points))).toEqual(points);
});

test('a header that promises more than the file holds is refused before anything is allocated', () => {
  const text =
    'ply\nformat binary_little_endian 1.0\nelement vertex 2000000000\nproperty float x\nproperty float y\nproperty float z\nend_header\n';
  expect(() => readPointsPly(new TextEncoder().encode(text))).toThrow(/2000000000 vertices/);
});

test('text and truncated headers are refused in words', () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  expect(() => readPointsPly(encode('ply\nformat ascii 1.0\nend_header\n'))).toThrow(/binary_little_endian/);
  expect(() => readPointsPly(encode('ply\nformat binary'))).toThrow(/end_header/);
  expect(() => readPointsPly(new Uint8Array(0))).toThrow(/Is it a PLY file/);
});
