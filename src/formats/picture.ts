/**
 * Picture files ⇄ pixels, by libvips (sharp; in pages `picture.browser.ts`). Files are untrusted: the size is read from the header and
 * refused before any pixel is allocated.
 */
import sharp from 'sharp';
import { type DecodedPicture, type DecodePictureOptions, PictureError } from './decoded-picture.ts';
import { encodeKtx2 } from './ktx2.ts';
import type { TextureFormat } from './texture-format.ts';

export { type DecodedPicture, type DecodePictureOptions, PictureError } from './decoded-picture.ts';

const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'];
const FORMATS_SHOWN = 'PNG, JPEG, WebP, AVIF, GIF or TIFF';

/**
 * The (first) picture in a file, upright as its EXIF orientation says.
 * @throws PictureError when `bytes` are empty, truncated, too large or no picture
 */
export async function decodePicture(
  bytes: Uint8Array,
  { maxPixels = 100e6 }: DecodePictureOptions = {},
): Promise<DecodedPicture> {
  if (bytes.byteLength === 0)
    throw new PictureError(`decodePicture: the file is empty, expected a ${FORMATS_SHOWN} picture.`);
  // limitInputPixels off: our own check below names the size.
  const source = () => sharp(bytes, { failOn: 'truncated', limitInputPixels: false });
  const metadata = await source()
    .metadata()
    .catch((cause) => {
      throw new PictureError(
        `decodePicture: ${bytes.byteLength} bytes are not a picture we can read. Give a ${FORMATS_SHOWN} file.`,
        { cause },
      );
    });
  if (!FORMATS.includes(metadata.format ?? ''))
    throw new PictureError(`decodePicture: expected a ${FORMATS_SHOWN} file, got ${metadata.format}. Save it as PNG.`);
  if (metadata.width * metadata.height > maxPixels)
    throw new PictureError(
      `decodePicture: the picture is ${metadata.width} × ${metadata.height} pixels, the limit is ${maxPixels / 1e6} million. ` +
        'Make it smaller; 1024 pixels a side is plenty.',
    );
  const { data, info } = await source()
    .autoOrient()
    .toColorspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((cause) => {
      throw new PictureError(
        `decodePicture: the ${metadata.format} file of ${bytes.byteLength} bytes breaks off or is damaged (${firstLine(cause)}). Download or save it again.`,
        { cause },
      );
    });
  if (info.channels !== 4)
    throw new PictureError(`internal: expected 4 channels from the decoder, got ${info.channels}.`);
  return { width: info.width, height: info.height, data: Uint8Array.from(data), hasAlpha: metadata.hasAlpha };
}

/**
 * A PNG file.
 * @param data  [height, width, channels], 8 bit, 1 (gray), 3 (RGB) or 4 (RGBA, straight alpha) channels: told by its length
 */
export async function encodePng(picture: {
  width: number;
  height: number;
  data: Uint8Array;
}): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, data } = picture;
  const channels = data.length / (width * height);
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new RangeError(
      `encodePng: ${width} × ${height} pixels need 1, 3 or 4 bytes each, got ${data.length} bytes in all.`,
    );
  return Uint8Array.from(await sharp(data, { raw: { width, height, channels } }).png().toBuffer());
}

/**
 * A texture as a file; the alpha channel is left out where it is opaque everywhere. PNG and WebP keep every value. KTX2 is
 * UASTC with mip levels under Zstandard: it stays compressed on the graphics card, and is not quite the same picture.
 * @param picture  RGBA, [height, width, 4]
 * @throws RangeError when KTX2 cannot hold its size
 */
export async function encodeTexture(
  picture: { width: number; height: number; data: Uint8Array },
  format: TextureFormat,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, data } = picture;
  if (format === 'ktx2') return encodeKtx2(picture);
  let isOpaque = true;
  for (let i = 3; i < data.length && isOpaque; i += 4) isOpaque = data[i] === 255;
  const rgba = sharp(data, { raw: { width, height, channels: 4 } });
  const source = isOpaque ? rgba.removeAlpha() : rgba;
  const file = format === 'png' ? source.png() : source.webp({ lossless: true, exact: true }); // exact: colour under alpha 0
  return Uint8Array.from(await file.toBuffer());
}

/**
 * A gray PNG of 16 bits.
 * @param picture  gray, and alpha where there is one, [height, width] in 0 … 1
 */
export async function encodeGray16(picture: {
  width: number;
  height: number;
  gray: Float32Array;
  alpha?: Float32Array;
}): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, gray, alpha } = picture;
  const channels = alpha ? 2 : 1;
  const data = new Uint16Array(channels * width * height);
  for (let i = 0; i < width * height; i++) {
    data[channels * i] = Math.round(65535 * gray[i]);
    if (alpha) data[channels * i + 1] = Math.round(65535 * Math.min(1, alpha[i]));
  }
  const file = sharp(data, { raw: { width, height, channels } }).toColourspace('grey16').png();
  return Uint8Array.from(await file.toBuffer());
}

/**
 * Pictures of one size as an animated WebP that goes round and round.
 * @param frames  RGBA, straight alpha
 */
export async function encodeAnimation(
  frames: readonly { width: number; height: number; data: Uint8Array }[],
  { fps, lossless }: { fps: number; lossless: boolean },
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height } = frames[0];
  const stack = new Uint8Array(frames.length * width * height * 4);
  for (const [i, { data }] of frames.entries()) stack.set(data, i * width * height * 4);
  // Whole milliseconds that do not drift: 24 a second are 42, 41, 42, …
  const at = (i: number) => Math.round((1000 * i) / fps);
  const delay = frames.map((_, i) => at(i + 1) - at(i));
  const raw = { width, height: height * frames.length, channels: 4 as const, pageHeight: height };
  const file = sharp(stack, { raw, limitInputPixels: false }).webp({
    ...{ loop: 0, delay, lossless, quality: 88, alphaQuality: 100, effort: 3 },
    ...{ smartSubsample: true, exact: lossless },
  });
  return Uint8Array.from(await file.toBuffer());
}

function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0];
}
