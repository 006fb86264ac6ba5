import { expect, test } from 'vitest';
import { meanShape, nearestPicture } from './index.ts';

test('the nearest picture is the one with the least squared distance, the first of equals', () => {
  const stored = [
    [0, 0, 0],
    [10, 10, 10],
    [9, 9, 9],
    [9, 9, 9],
  ].map((p) => Uint8Array.from(p));
  expect(nearestPicture(Uint8Array.from([9, 9, 8]), stored)).toBe(2);
  expect(nearestPicture(Uint8Array.from([0, 1, 0]), stored)).toBe(0);
});

test('the mean shape has the mean number of voxels, the most frequent ones', () => {
  const shapes = [
    [0, 0, 0, 1, 1, 1],
    [0, 0, 0, 1, 1, 1],
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 1, 2],
  ].map((c) => Uint8Array.from(c));
  const mean = meanShape(shapes, 4); // (2 + 2 + 5) / 3 = 3 voxels
  expect(mean.reduce((a, b) => a + b, 0)).toBe(3);
  expect(mean[0]).toBe(1);
  expect(mean[(1 * 4 + 1) * 4 + 1]).toBe(1);
});
