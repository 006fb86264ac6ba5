import { expect, test } from 'vitest';
import { torchGenerator } from '../../tensor/random.ts';
import { BackgroundError, removeBackground } from './background.ts';

type Color = readonly [number, number, number];

const SIZE = 120;
const OBJECT: Color = [180, 60, 40];

/** Coverage of pixel (x, y) by a disk of radius 30 in the middle, with a soft edge one pixel wide. */
const coverage = (x: number, y: number) => Math.min(1, Math.max(0, 30.5 - Math.hypot(x - 60, y - 60)));

/** The disk before `background`, with sensor noise of standard deviation `noise`. */
function photo(background: (x: number, y: number) => Color, { noise = 0, object = OBJECT } = {}) {
  const grain = torchGenerator(1).normal(SIZE * SIZE * 3);
  const data = new Uint8Array(SIZE * SIZE * 4).fill(255);
  for (let i = 0; i < SIZE * SIZE; i++) {
    const [x, y] = [i % SIZE, Math.floor(i / SIZE)];
    const [a, b] = [coverage(x, y), background(x, y)];
    for (let c = 0; c < 3; c++)
      data[4 * i + c] = Math.min(
        255,
        Math.max(0, Math.round(a * object[c] + (1 - a) * b[c] + noise * grain[3 * i + c])),
      );
  }
  return { width: SIZE, height: SIZE, data };
}

/** Mean and largest error of alpha against the true coverage, in [0, 1]. */
function alphaError({ data }: { data: Uint8Array }): { mean: number; most: number } {
  let [sum, most] = [0, 0];
  for (let i = 0; i < SIZE * SIZE; i++) {
    const error = Math.abs(data[4 * i + 3] / 255 - coverage(i % SIZE, Math.floor(i / SIZE)));
    sum += error;
    most = Math.max(most, error);
  }
  return { mean: sum / SIZE ** 2, most };
}

test('on a flat background the alpha is the coverage, edge pixels included', () => {
  const cut = removeBackground(photo(() => [240, 240, 240]));
  expect(alphaError(cut).most).toBeLessThan(0.03); // the colors are rounded to bytes
});

test('pixels on the outline take the color of the object, without a fringe of background', () => {
  const { data } = removeBackground(photo(() => [250, 250, 250]));
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 64) for (let c = 0; c < 3; c++) expect(Math.abs(data[i + c] - OBJECT[c])).toBeLessThan(8);
});

test.each([
  ['a gradient', (x: number, y: number): Color => [150 + x / 2, 150 + x / 2, 160 + y / 2]],
  [
    'a vignette',
    (x: number, y: number): Color => {
      const v = 230 - Math.hypot(x - 60, y - 60) / 2;
      return [v, v, v - 10];
    },
  ],
  ['a black page', (): Color => [4, 4, 4]],
])('%s with sensor noise is a plain background', (_, background) => {
  expect(alphaError(removeBackground(photo(background, { noise: 1.5 }))).mean).toBeLessThan(0.01);
});

test('a soft shadow beside the object is background', () => {
  const shadow = (x: number, y: number): Color => {
    const v = 235 - 40 * Math.exp(-(((x - 85) / 18) ** 2) - ((y - 70) / 18) ** 2);
    return [v, v, v];
  };
  expect(alphaError(removeBackground(photo(shadow))).mean).toBeLessThan(0.01);
});

test('specks of dust do not become part of the object', () => {
  const dusty = photo((x, y) => (x > 10 && x < 13 && y > 20 && y < 23 ? [90, 90, 90] : [240, 240, 240]));
  expect(alphaError(removeBackground(dusty)).most).toBeLessThan(0.03);
});

test('large pictures come out with 1024 pixels on the longer side', () => {
  const data = new Uint8Array(2048 * 100 * 4).fill(255);
  for (let y = 30; y < 70; y++) for (let x = 900; x < 1100; x++) data.set(OBJECT, (y * 2048 + x) * 4);
  const cut = removeBackground({ width: 2048, height: 100, data });
  expect([cut.width, cut.height, cut.data.length]).toEqual([1024, 50, 1024 * 50 * 4]);
});

test('a busy background is refused with the way out', () => {
  const checkered = photo((x, y) => (((x >> 3) + (y >> 3)) % 2 ? [240, 30, 30] : [20, 200, 90]));
  expect(() => removeBackground(checkered)).toThrow(BackgroundError);
  expect(() => removeBackground(checkered)).toThrow(
    /neither transparency nor a plain background.*PNG with transparency/,
  );
});

test('a picture of nothing is refused', () => {
  expect(() => removeBackground(photo(() => OBJECT))).toThrow(/stands out/);
});
