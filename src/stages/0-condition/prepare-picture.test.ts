import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSafetensors } from '../../formats/safetensors.ts';
import { isCutOut, preparedColors, preparedMask, preparePicture, type RgbaPicture } from './prepare-picture.ts';

/** A picture whose pixel (x, y) is `color(x, y)`. */
function paint(width: number, height: number, color: (x: number, y: number) => readonly number[]): RgbaPicture {
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set(color(i % width, Math.floor(i / width)), i * 4);
  return { width, height, data };
}

test('the picture the reference prepares comes out the same', () => {
  const { tensors } = readSafetensors(readFileSync('test/golden/preprocess_image.safetensors'));
  const { shape, data } = tensors.get('in.rgba')!;
  const got = preparePicture({ width: shape[1], height: shape[0], data: data as Uint8Array }, { size: 518 });
  const expected = tensors.get('out.rgb')!.data as Uint8Array;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(expected[i] - got.data[i]));
  expect(got.data.length).toBe(expected.length);
  expect(worst).toBe(0);
});

test('an object is framed the same wherever it stands in the picture', () => {
  const object = (ox: number, oy: number) =>
    paint(90, 80, (x, y) =>
      Math.abs(x - ox) <= 10 && Math.abs(y - oy) <= 6 ? [x - ox + 100, 90, 10, 255] : [0, 0, 0, 0],
    );
  expect(preparePicture(object(20, 20), { size: 64 })).toEqual(preparePicture(object(60, 50), { size: 64 }));
});

test('an object that touches the border is centered all the same, with black around it', () => {
  const { data } = preparePicture(
    paint(40, 40, (x, y) => (x < 20 && y < 20 ? [200, 100, 50, 255] : [0, 0, 0, 0])),
    { size: 44 },
  );
  expect([...data.subarray(0, 3)]).toEqual([0, 0, 0]);
  const center = (22 * 44 + 22) * 3;
  expect([...data.subarray(center, center + 3)]).toEqual([200, 100, 50]);
});

test('a single opaque pixel is enough of an object, a transparent picture is not', () => {
  expect(
    preparePicture(
      paint(5, 5, (x, y) => (x === 2 && y === 2 ? [9, 9, 9, 255] : [0, 0, 0, 0])),
      { size: 14 },
    ).data,
  ).toHaveLength(14 * 14 * 3);
  expect(() => preparePicture(paint(5, 5, () => [9, 9, 9, 204]))).toThrow(/no pixel is opaque/);
  expect(() => preparePicture({ width: 5, height: 5, data: new Uint8Array(3) })).toThrow(/100 bytes, got 3/);
});

test('colors lie in the frame of the prepared picture, larger or smaller, and are those of the object alone', () => {
  const object = paint(60, 50, (x, y) => (x >= 10 && x < 42 && y >= 8 && y < 40 ? [200, 100, 50, 255] : [0, 0, 0, 0]));
  for (const size of [20, 37, 128]) {
    const { data } = preparedColors(object, size);
    const shown = preparedMask(object, size);
    let differing = 0;
    for (let k = 0; k < size * size; k++) {
      if (data[4 * k + 3] > 0) expect([...data.subarray(4 * k, 4 * k + 3)]).toEqual([200, 100, 50]);
      differing += Number(data[4 * k + 3] >= 128 !== (shown[k] === 1));
    }
    expect(differing).toBeLessThanOrEqual(4 * size); // at most a pixel along the edge
  }
  const striped = paint(40, 40, (x) => (x % 2 ? [200, 0, 0, 255] : [100, 0, 0, 255]));
  const middle = preparedColors(striped, 23).data.subarray(4 * (11 * 23 + 11));
  expect([...middle.subarray(0, 4)]).toEqual([150, 0, 0, 255]);
  expect(() =>
    preparedColors(
      paint(5, 5, () => [9, 9, 9, 0]),
      8,
    ),
  ).toThrow(/no pixel is opaque/);
});

test('a picture is cut out when any pixel is not opaque', () => {
  expect(isCutOut(paint(2, 2, () => [1, 2, 3, 255]))).toBe(false);
  expect(isCutOut(paint(2, 2, (x) => [1, 2, 3, 254 + x]))).toBe(true);
});
