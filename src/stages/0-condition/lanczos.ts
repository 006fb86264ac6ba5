/**
 * Lanczos resampling in 8 bit, bit for bit as Pillow's `Image.resize(size, LANCZOS)` on RGB and RGBA pictures: the
 * models were trained on pictures resized this way. Horizontal pass first, 8-bit intermediate, 22-bit weights;
 * RGBA premultiplied for the way, so that the color of transparent pixels does not bleed in.
 * Source: Pillow, src/libImaging/Resample.c and Convert.c.
 */

/** Interleaved 8-bit pixels, row 0 at the top: data [height, width, channels]. */
interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const PRECISION_BITS = 22;
const LOBES = 3;

/**
 * `src` resized to width × height.
 * @param channels  1, 3, or 4 for RGBA with straight alpha, which it stays
 */
export function resizeLanczos(
  src: Pixels,
  width: number,
  height: number,
  channels: 1 | 3 | 4,
): Pixels & { data: Uint8Array<ArrayBuffer> } {
  for (const [name, size] of Object.entries({ width, height, 'src.width': src.width, 'src.height': src.height }))
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`resizeLanczos: ${name} must be an integer ≥ 1, got ${size}.`);
  if (src.data.length !== src.width * src.height * channels)
    throw new RangeError(
      `resizeLanczos: ${src.width} × ${src.height} pixels of ${channels} bytes need ${src.width * src.height * channels} bytes, got ${src.data.length}.`,
    );

  let data = Uint8Array.from(src.data);
  if (src.width === width && src.height === height) return { width, height, data };
  if (channels === 4) premultiply(data);
  if (src.width !== width) data = resizeRows(data, src.width, src.height, width, channels);
  if (src.height !== height) data = resizeColumns(data, width, src.height, height, channels);
  if (channels === 4) unpremultiply(data);
  return { width, height, data };
}

/** Contributions to one output index: source indices from `first`, integer weights. */
interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

function tapsFor(srcSize: number, dstSize: number): Taps[] {
  const scale = srcSize / dstSize;
  const filterScale = Math.max(1, scale);
  const support = LOBES * filterScale;
  return Array.from({ length: dstSize }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(srcSize, Math.trunc(center + support + 0.5));
    const weights = Array.from({ length: end - first }, (_, k) => lanczos((k + first - center + 0.5) / filterScale));
    const sum = weights.reduce((a, b) => a + b, 0);
    const fixed = weights.map((w) => {
      const scaled = (w / sum) * 2 ** PRECISION_BITS;
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    return { first, weights: Int32Array.from(fixed) };
  });
}

function lanczos(x: number): number {
  return x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** src [height, srcWidth, channels] → [height, dstWidth, channels]. */
function resizeRows(
  src: Uint8Array,
  srcWidth: number,
  height: number,
  dstWidth: number,
  channels: number,
): Uint8Array<ArrayBuffer> {
  const dst = new Uint8Array(height * dstWidth * channels);
  const taps = tapsFor(srcWidth, dstWidth);
  for (let y = 0, out = 0; y < height; y++)
    for (const { first, weights } of taps)
      for (let c = 0; c < channels; c++, out++) {
        let sum = 2 ** (PRECISION_BITS - 1);
        let at = (y * srcWidth + first) * channels + c;
        for (let k = 0; k < weights.length; k++, at += channels) sum += src[at] * weights[k];
        dst[out] = clip8(sum);
      }
  return dst;
}

/** src [srcHeight, width, channels] → [dstHeight, width, channels]. */
function resizeColumns(
  src: Uint8Array,
  width: number,
  srcHeight: number,
  dstHeight: number,
  channels: number,
): Uint8Array<ArrayBuffer> {
  const stride = width * channels;
  const dst = new Uint8Array(dstHeight * stride);
  let out = 0;
  for (const { first, weights } of tapsFor(srcHeight, dstHeight))
    for (let i = 0; i < stride; i++, out++) {
      let sum = 2 ** (PRECISION_BITS - 1);
      let at = first * stride + i;
      for (let k = 0; k < weights.length; k++, at += stride) sum += src[at] * weights[k];
      dst[out] = clip8(sum);
    }
  return dst;
}

function clip8(sum: number): number {
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS));
}

function premultiply(rgba: Uint8Array): void {
  for (let i = 0; i < rgba.length; i += 4)
    for (let c = i; c < i + 3; c++) {
      const product = rgba[c] * rgba[i + 3] + 128;
      rgba[c] = ((product >> 8) + product) >> 8;
    }
}

function unpremultiply(rgba: Uint8Array): void {
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3];
    if (alpha === 0 || alpha === 255) continue;
    for (let c = i; c < i + 3; c++) rgba[c] = Math.min(255, Math.trunc((255 * rgba[c]) / alpha));
  }
}
