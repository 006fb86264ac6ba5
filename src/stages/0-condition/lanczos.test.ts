import { expect, test } from 'vitest';
import { resizeLanczos } from './lanczos.ts';

test('a flat picture stays flat at any size', () => {
  const { data } = resizeLanczos({ width: 7, height: 5, data: new Uint8Array(7 * 5 * 3).fill(137) }, 13, 3, 3);
  expect(data.every((v) => v === 137)).toBe(true);
});

test('the color hidden in transparent pixels does not bleed into visible ones', () => {
  const data = new Uint8Array(8 * 4);
  for (let x = 0; x < 8; x++) data.set(x < 4 ? [0, 255, 0, 0] : [200, 0, 0, 255], x * 4);
  const resized = resizeLanczos({ width: 8, height: 1, data }, 5, 1, 4).data;
  for (let i = 0; i < resized.length; i += 4) if (resized[i + 3] > 0) expect(resized[i + 1]).toBe(0);
});

test('resizing commutes with mirroring', () => {
  const data = Uint8Array.from({ length: 11 * 6 }, (_, i) => (i * 97) % 256);
  const mirror = (d: Uint8Array, w: number) => d.map((_, i) => d[Math.floor(i / w) * w + w - 1 - (i % w)]);
  const straight = resizeLanczos({ width: 11, height: 6, data }, 8, 9, 1).data;
  expect(resizeLanczos({ width: 11, height: 6, data: mirror(data, 11) }, 8, 9, 1).data).toEqual(mirror(straight, 8));
});

test('the same size is a copy, and sizes that mean nothing are refused', () => {
  const src = { width: 2, height: 1, data: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 0]) };
  expect(resizeLanczos(src, 2, 1, 4).data).toEqual(src.data);
  expect(() => resizeLanczos(src, 0, 1, 4)).toThrow(/width/);
  expect(() => resizeLanczos(src, 2, 2, 3)).toThrow(/6 bytes, got 8/);
});
