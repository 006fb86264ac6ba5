/**
 * Losses and likenesses of pictures, each with its gradient with respect to the first: what rasterisers are trained with, outside
 * the graph. Pictures are plain arrays of planes [P, H, W] with values in [0, 1]; P counts batch and channels together.
 * Source: reference/training.md §12.2 and §14; SSIM: Wang et al. 2004, "Image Quality Assessment".
 */

export interface PictureLoss {
  readonly value: number;
  /** like the first picture */
  readonly gradient: Float32Array;
}

/** Mean of |a − b|. */
export function l1Loss(picture: Float32Array, target: Float32Array): PictureLoss {
  return meanOf('l1Loss', picture, target, (d) => [Math.abs(d), Math.sign(d)]);
}

/** Mean of (a − b)². */
export function l2Loss(picture: Float32Array, target: Float32Array): PictureLoss {
  return meanOf('l2Loss', picture, target, (d) => [d * d, 2 * d]);
}

/** Mean of ½d²/β for |d| < β, else |d| − β/2. @throws RangeError when β is not positive */
export function smoothL1Loss(picture: Float32Array, target: Float32Array, beta: number): PictureLoss {
  if (!(beta > 0))
    throw new RangeError(`smoothL1Loss: beta must be above 0, got ${beta}. For a beta of 0 take l1Loss.`);
  return meanOf('smoothL1Loss', picture, target, (d) =>
    Math.abs(d) < beta ? [(0.5 * d * d) / beta, d / beta] : [Math.abs(d) - beta / 2, Math.sign(d)],
  );
}

/** Peak signal to noise, −10·log₁₀ of the mean squared error, in decibels; ∞ for equal pictures, with no gradient. */
export function psnr(picture: Float32Array, target: Float32Array): PictureLoss {
  const { value: error, gradient } = l2Loss(picture, target);
  const slope = error > 0 ? -10 / (Math.LN10 * error) : 0;
  return { value: -10 * Math.log10(error), gradient: gradient.map((g) => slope * g) };
}

/**
 * Structural similarity, 1 for equal pictures: the mean over all pixels of all planes, with a Gaussian window of 11 pixels, σ 1.5,
 * and zeros beyond the borders. The loss is 1 − SSIM.
 */
export function ssim(
  picture: Float32Array,
  target: Float32Array,
  { width, height }: { width: number; height: number },
): PictureLoss {
  checkPair('ssim', picture, target);
  const pixels = width * height;
  if (!Number.isInteger(picture.length / pixels))
    throw new Error(
      `ssim: pictures must be [P, ${height}, ${width}], got ${picture.length} values. Give their width and height.`,
    );
  const gradient = new Float32Array(picture.length);
  const blur = windowMean(width, height);
  let total = 0;
  for (let plane = 0; plane < picture.length; plane += pixels) {
    const a = Float64Array.from(picture.subarray(plane, plane + pixels));
    const b = Float64Array.from(target.subarray(plane, plane + pixels));
    const [meanA, meanB] = [blur(a), blur(b)];
    const [squareA, squareB, product] = [blur(products(a, a)), blur(products(b, b)), blur(products(a, b))];
    const [ofMean, ofSquare, ofProduct] = [0, 1, 2].map(() => new Float64Array(pixels));
    for (let p = 0; p < pixels; p++) {
      const [ma, mb] = [meanA[p], meanB[p]];
      const A1 = 2 * ma * mb + C1;
      const A2 = 2 * (product[p] - ma * mb) + C2;
      const B1 = ma * ma + mb * mb + C1;
      const B2 = squareA[p] - ma * ma + (squareB[p] - mb * mb) + C2;
      const m = (A1 * A2) / (B1 * B2);
      total += m;
      // by the three filtered quantities of the picture: its mean, its square, its product with the target
      ofProduct[p] = (2 * A1) / (B1 * B2);
      ofSquare[p] = -m / B2;
      ofMean[p] = (2 * mb * A2) / (B1 * B2) - (2 * ma * m) / B1 - mb * ofProduct[p] - 2 * ma * ofSquare[p];
    }
    const [backMean, backSquare, backProduct] = [blur(ofMean), blur(ofSquare), blur(ofProduct)];
    for (let p = 0; p < pixels; p++)
      gradient[plane + p] = (backMean[p] + 2 * a[p] * backSquare[p] + b[p] * backProduct[p]) / picture.length;
  }
  return { value: total / picture.length, gradient };
}

const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;
const RADIUS = 5;
const DEVIATION = 1.5;

/**
 * Weighted means over the window, zeros beyond the borders; its own adjoint, since the window is symmetric. The eleven taps are
 * written out, over a frame of zeros, so that the loops hold no loop and no branch.
 */
function windowMean(width: number, height: number): (plane: Float64Array) => Float64Array {
  const taps = Array.from({ length: RADIUS + 1 }, (_, i) => Math.exp(-((i - RADIUS) ** 2) / (2 * DEVIATION ** 2)));
  const sum = 2 * taps.reduce((a, b) => a + b) - taps[RADIUS];
  const [w0, w1, w2, w3, w4, w5] = taps.map((t) => t / sum); // from the rim to the middle
  /** Of `count` values in `src` that are `step` apart from tap to tap, the first tap of value i at `from + i`. */
  function along(src: Float64Array, from: number, step: number, out: Float64Array, to: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const s = from + i;
      out[to + i] =
        w0 * (src[s] + src[s + 10 * step]) +
        w1 * (src[s + step] + src[s + 9 * step]) +
        w2 * (src[s + 2 * step] + src[s + 8 * step]) +
        w3 * (src[s + 3 * step] + src[s + 7 * step]) +
        w4 * (src[s + 4 * step] + src[s + 6 * step]) +
        w5 * src[s + 5 * step];
    }
  }
  const line = new Float64Array(width + 2 * RADIUS);
  const rows = new Float64Array(width * (height + 2 * RADIUS));
  return (plane) => {
    const out = new Float64Array(plane.length);
    for (let y = 0; y < height; y++) {
      line.set(plane.subarray(y * width, (y + 1) * width), RADIUS);
      along(line, 0, 1, rows, (y + RADIUS) * width, width);
    }
    along(rows, 0, width, out, 0, plane.length);
    return out;
  };
}

function products(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] * b[i];
  return out;
}

/** The mean of a function of the differences, from its value and slope at each. */
function meanOf(
  name: string,
  picture: Float32Array,
  target: Float32Array,
  at: (difference: number) => [value: number, slope: number],
): PictureLoss {
  checkPair(name, picture, target);
  const gradient = new Float32Array(picture.length);
  let total = 0;
  for (let i = 0; i < picture.length; i++) {
    const [value, slope] = at(picture[i] - target[i]);
    total += value;
    gradient[i] = slope / picture.length;
  }
  return { value: total / picture.length, gradient };
}

function checkPair(name: string, picture: Float32Array, target: Float32Array): void {
  if (picture.length !== target.length || picture.length === 0)
    throw new Error(
      `${name}: expected two pictures of one size, got ${picture.length} and ${target.length} values. Render at the size of the target.`,
    );
}
