/**
 * Picture files ⇄ pixels in a page, by the browser's own decoders. The twin of `picture.ts`, which has libvips.
 *
 * Nothing is converted on the way (no color management, no premultiplied alpha), so that opaque pixels are those of the
 * file, as in Node. A canvas keeps translucent pixels premultiplied: their colors come back rounded, by at most half a
 * step of what is seen. JPEG decoders may differ by a step or two.
 */
import { zlibSync } from 'fflate';
import { type DecodedPicture, type DecodePictureOptions, PictureError } from './decoded-picture.ts';
import type { TextureFormat } from './texture-format.ts';

export { type DecodedPicture, type DecodePictureOptions, PictureError } from './decoded-picture.ts';

/** The (first) picture in a file, upright as its EXIF orientation says. @throws PictureError when it cannot be read */
export async function decodePicture(
  bytes: Uint8Array,
  { maxPixels = 100e6 }: DecodePictureOptions = {},
): Promise<DecodedPicture> {
  const shown = 'PNG, JPEG, WebP, GIF or another picture that this browser shows';
  if (bytes.byteLength === 0) throw new PictureError(`decodePicture: the file is empty, expected a ${shown}.`);
  const bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]), {
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none',
    imageOrientation: 'from-image',
  }).catch((cause) => {
    throw new PictureError(
      `decodePicture: ${bytes.byteLength} bytes are not a picture we can read, or break off. Give a ${shown}.`,
      { cause },
    );
  });
  try {
    const { width, height } = bitmap;
    if (width * height > maxPixels)
      throw new PictureError(
        `decodePicture: the picture is ${width} × ${height} pixels, the limit is ${maxPixels / 1e6} million. ` +
          'Make it smaller; 1024 pixels a side is plenty.',
      );
    const canvas = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (!canvas) throw new PictureError('decodePicture: this browser has no canvas in workers. Update it.');
    canvas.globalCompositeOperation = 'copy';
    canvas.drawImage(bitmap, 0, 0);
    const data = new Uint8Array(canvas.getImageData(0, 0, width, height).data.buffer as ArrayBuffer);
    return { width, height, data, hasAlpha: data.some((v, i) => i % 4 === 3 && v < 255) };
  } finally {
    bitmap.close();
  }
}

/** A PNG file; channels as in `picture.ts`. Written here, for a canvas would round what is translucent. */
export async function encodePng(picture: {
  width: number;
  height: number;
  data: Uint8Array;
}): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, data } = picture;
  const channels = data.length / (width * height);
  const colorType = { 1: 0, 3: 2, 4: 6 }[channels];
  if (colorType === undefined)
    throw new RangeError(
      `encodePng: ${width} × ${height} pixels need 1, 3 or 4 bytes each, got ${data.length} bytes in all.`,
    );
  return pngFile(width, height, 8, colorType, data);
}

/** A gray PNG of 16 bits; gray, and alpha where there is one, [height, width] in 0 … 1. */
export async function encodeGray16(picture: {
  width: number;
  height: number;
  gray: Float32Array;
  alpha?: Float32Array;
}): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, gray, alpha } = picture;
  const channels = alpha ? 2 : 1;
  const view = new DataView(new ArrayBuffer(2 * channels * gray.length));
  const put = (at: number, value: number) =>
    view.setUint16(2 * at, Math.round(65535 * Math.min(1, Math.max(0, value))));
  for (let i = 0; i < gray.length; i++) {
    put(channels * i, gray[i]);
    if (alpha) put(channels * i + 1, alpha[i]);
  }
  return pngFile(width, height, 16, alpha ? 4 : 0, new Uint8Array(view.buffer));
}

/** Animated WebP needs an encoder that pages lack. */
export async function encodeAnimation(): Promise<Uint8Array<ArrayBuffer>> {
  throw new Error('encodeAnimation: animations are written in Node, not in a page. Write the frames one by one.');
}

async function pngFile(
  width: number,
  height: number,
  bits: 8 | 16,
  colorType: number,
  data: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const row = data.length / height;
  const lines = new Uint8Array(height * (row + 1)); // each line begins with its filter: none
  for (let y = 0; y < height; y++) lines.set(data.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint8(8, bits);
  head.setUint8(9, colorType);
  const chunks = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    pngChunk('IHDR', new Uint8Array(head.buffer)),
    pngChunk('IDAT', zlibSync(lines)),
    pngChunk('IEND', new Uint8Array()),
  ];
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** A texture as a file, without loss. Pages write PNG: their WebP encoders promise no losslessness, KTX2's encoder is Node's. */
export async function encodeTexture(
  picture: { width: number; height: number; data: Uint8Array },
  format: TextureFormat,
): Promise<Uint8Array<ArrayBuffer>> {
  if (format !== 'png')
    throw new Error(`encodeTexture: ${format} textures are written in Node, not in a page. Take png.`);
  const { width, height, data } = picture;
  let isOpaque = true;
  for (let i = 3; i < data.length && isOpaque; i += 4) isOpaque = data[i] === 255;
  return encodePng({ width, height, data: isOpaque ? data.filter((_, i) => i % 4 !== 3) : data });
}

/** length, name, content, CRC-32 of name and content. Source: PNG (ISO/IEC 15948), §5.3 and annex D. */
function pngChunk(name: string, content: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(12 + content.length);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) chunk[4 + i] = name.charCodeAt(i);
  chunk.set(content, 8);
  let crc = 0xffffffff;
  for (const byte of chunk.subarray(4, 8 + content.length)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  view.setUint32(8 + content.length, ~crc >>> 0);
  return chunk;
}
