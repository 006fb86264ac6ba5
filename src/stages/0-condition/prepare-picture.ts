/**
 * From a cut-out picture to what the image encoder sees: the object centered on black, filling 1/1.2 of a square.
 * Every rounding is the reference's, to the bit where Pillow's own arithmetic allows.
 * Source: `preprocess_image` of the reference pipeline.
 */
import { resizeLanczos } from './lanczos.ts';

/** RGBA with straight alpha, 8 bit, row 0 at the top: data [height, width, 4]. */
export interface RgbaPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Opaque RGB, 8 bit, row 0 at the top: data [height, width, 3]. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

export interface PreparePictureOptions {
  /** Pixels per side of the result; 518 is what DINOv2 was trained on, 37 patches of 14. */
  readonly size?: number;
}

/** Alpha from which a pixel counts as the object when it is framed: more than 0.8·255. */
const OBJECT_ALPHA = 205;

/** Side of the frame over the longer side of the object. */
export const PICTURE_MARGIN = 1.2;

/** Whether the picture is cut out already: some pixel is not opaque. */
export function isCutOut({ data }: RgbaPicture): boolean {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return true;
  return false;
}

/**
 * The object in `picture`, which its alpha tells, framed, resized and laid on black: data [size, size, 3].
 * @throws RangeError when no pixel is opaque enough to be the object
 */
export function preparePicture(picture: RgbaPicture, { size = 518 }: PreparePictureOptions = {}): RgbPicture {
  const { data } = framed(picture, size);
  const rgb = new Uint8Array(size * size * 3);
  for (let i = 0, out = 0; i < data.length; i += 4) {
    const alpha = f32(data[i + 3] / 255);
    for (let c = i; c < i + 3; c++) rgb[out++] = f32(f32(f32(data[c] / 255) * alpha) * 255); // truncates
  }
  return { width: size, height: size, data: rgb };
}

/**
 * Which pixels of the prepared picture show the object, at any size: [size, size], 1 or 0.
 * @throws RangeError when no pixel is opaque enough to be the object
 */
export function preparedMask(picture: RgbaPicture, size: number): Uint8Array {
  const { data } = framed(picture, size);
  return Uint8Array.from({ length: size * size }, (_, i) => (data[4 * i + 3] >= 128 ? 1 : 0));
}

/**
 * The object and its margin in the frame of the prepared picture, with its alpha and its own colors: means of whole pixels,
 * weighted by alpha, where the published resampling overshoots at the object's edge.
 * @throws RangeError when no pixel is opaque enough to be the object
 */
export function preparedColors(picture: RgbaPicture, size: number): RgbaPicture {
  const square = objectSquare(picture);
  const step = square.width / size;
  const range = (i: number) => [Math.floor(i * step), Math.max(Math.floor(i * step) + 1, Math.floor((i + 1) * step))];
  const data = new Uint8Array(size * size * 4);
  for (let k = 0; k < size * size; k++) {
    const [[x0, x1], [y0, y1]] = [range(k % size), range(Math.floor(k / size))];
    const sum = [0, 0, 0, 0];
    for (let y = y0; y < y1; y++)
      for (let x = x0, i = 4 * (y * square.width + x); x < x1; x++, i += 4) {
        const alpha = square.data[i + 3];
        for (let c = 0; c < 3; c++) sum[c] += alpha * square.data[i + c];
        sum[3] += alpha;
      }
    if (sum[3] === 0) continue;
    for (let c = 0; c < 3; c++) data[4 * k + c] = Math.round(sum[c] / sum[3]);
    data[4 * k + 3] = Math.round(sum[3] / (x1 - x0) / (y1 - y0));
  }
  return { width: size, height: size, data };
}

/** The object and its margin, resized, with its alpha. */
const framed = (picture: RgbaPicture, size: number): RgbaPicture => resizeLanczos(objectSquare(picture), size, size, 4);

/** The object and its margin. */
function objectSquare(picture: RgbaPicture): RgbaPicture {
  const { width, height, data } = picture;
  if (data.length !== width * height * 4)
    throw new RangeError(
      `preparePicture: ${width} × ${height} RGBA needs ${width * height * 4} bytes, got ${data.length}.`,
    );
  const { x0, y0, x1, y1 } = objectBounds(picture);
  // A single pixel spans 0 in the reference, whose crop is then empty; it gets one pixel here.
  const half = Math.max(1, Math.floor(Math.trunc(Math.max(x1 - x0, y1 - y0) * PICTURE_MARGIN) / 2));
  const left = roundHalfToEven((x0 + x1) / 2 - half);
  const top = roundHalfToEven((y0 + y1) / 2 - half);
  const right = roundHalfToEven((x0 + x1) / 2 + half);
  const bottom = roundHalfToEven((y0 + y1) / 2 + half);
  return crop(picture, left, top, right, bottom);
}

const f32 = Math.fround;

/** Box of the pixels that are the object, all four indices inclusive. */
function objectBounds({ width, height, data }: RgbaPicture): { x0: number; y0: number; x1: number; y1: number } {
  let [x0, y0, x1, y1] = [width, height, -1, -1];
  for (let y = 0, i = 3; y < height; y++)
    for (let x = 0; x < width; x++, i += 4)
      if (data[i] >= OBJECT_ALPHA) {
        x0 = Math.min(x0, x);
        x1 = Math.max(x1, x);
        y0 = Math.min(y0, y);
        y1 = Math.max(y1, y);
      }
  if (x1 < 0)
    throw new RangeError(
      `preparePicture: expected an object, got a picture of ${width} × ${height} in which no pixel is opaque (alpha > 80 %). ` +
        'Give a picture whose object is opaque and whose background is transparent.',
    );
  return { x0, y0, x1, y1 };
}

/** Columns left … right − 1, rows top … bottom − 1; outside the picture transparent black. */
function crop(
  { width, height, data }: RgbaPicture,
  left: number,
  top: number,
  right: number,
  bottom: number,
): RgbaPicture {
  const cropped = {
    width: right - left,
    height: bottom - top,
    data: new Uint8Array((right - left) * (bottom - top) * 4),
  };
  const [from, to] = [Math.max(0, left), Math.min(width, right)];
  for (let y = Math.max(0, top); y < Math.min(height, bottom); y++) {
    const row = data.subarray((y * width + from) * 4, (y * width + to) * 4);
    cropped.data.set(row, ((y - top) * cropped.width + from - left) * 4);
  }
  return cropped;
}

function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
