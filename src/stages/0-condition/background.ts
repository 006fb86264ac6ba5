/**
 * Removes a plain background from a picture without alpha: a wall, a studio sweep, a white page. Classical, no network:
 *   1. the border's color is fitted by a smooth surface over the picture, robustly, since the object may touch the border;
 *   2. what matches it (CIELAB distance), or is a soft shadow on it, and connects to the border is background;
 *   3. specks are dropped, and the pixels on the outline get the coverage that explains their mixed color.
 * Background seen through holes of the object stays: it cannot be told from a mark of the same color.
 */
import { resizeLanczos } from './lanczos.ts';
import type { RgbaPicture } from './prepare-picture.ts';

/** Longer side of the result at most, as in the reference pipeline. */
const MAX_SIDE = 1024;
/** Share of border pixels that must agree with one smooth color. */
const PLAIN_SHARE = 0.7;
/** Root mean square deviation of those pixels, in CIELAB units, beyond which the border is texture, not a plain surface. */
const PLAIN_DEVIATION = 3;
/** Bounds on the CIELAB distance still taken for background; 2.3 is just noticeable. */
const TOLERANCE = { least: 5, most: 10 };
/** A soft shadow: somewhat darker than the background, hardly another hue, and changing slowly (all in CIELAB units). */
const SHADOW = { darker: 24, hue: 4, perPixel: 2 };
/** Smallest part kept, as a share of the largest. */
const SPECK_SHARE = 0.01;
/** Smallest and largest share of the picture that is believed to be an object. */
const OBJECT_SHARE = { least: 0.003, most: 0.97 };

/** The picture has no background that could be removed by color. */
export class BackgroundError extends Error {
  override readonly name = 'BackgroundError';
}

/**
 * `picture` with its plain background transparent, at most 1024 pixels a side.
 * @param picture  RGBA; its alpha is taken as 255
 * @throws BackgroundError when the border is not plain, or nothing stands out from it
 */
export function removeBackground(picture: RgbaPicture): RgbaPicture {
  const { width, height, data } = limitSize(picture);
  const lab = toLab(data);
  const surface = fitBorder(lab, width, height);
  const tolerance = Math.min(TOLERANCE.most, Math.max(TOLERANCE.least, 3 * surface.deviation + 2));
  const isBackground = floodFromBorder(
    width,
    height,
    (i) =>
      surface.distance(i) <= tolerance || (surface.isShaded(i) && steepness(lab, width, height, i) <= SHADOW.perPixel),
  );
  dropSpecks(isBackground, width, height);

  const objectShare = isBackground.reduce((count, b) => count + 1 - b, 0) / isBackground.length;
  if (objectShare < OBJECT_SHARE.least || objectShare > OBJECT_SHARE.most)
    throw new BackgroundError(
      `removeBackground: expected an object that stands out from the background, got ${(objectShare * 100).toFixed(1)} % of the picture. ${MEND}`,
    );
  return { width, height, data: softenOutline(data, isBackground, width, height) };
}

const MEND = 'Cut the object out and save it as PNG with transparency, or photograph it before an even wall.';

function limitSize({ width, height, data }: RgbaPicture): RgbaPicture {
  const opaque = data.slice();
  for (let i = 3; i < opaque.length; i += 4) opaque[i] = 255;
  const scale = MAX_SIDE / Math.max(width, height);
  if (scale >= 1) return { width, height, data: opaque };
  const size = (side: number) => Math.max(1, Math.trunc(side * scale));
  return resizeLanczos({ width, height, data: opaque }, size(width), size(height), 4);
}

interface BorderSurface {
  /** CIELAB distance of pixel `i` from the background expected there. */
  distance(i: number): number;
  /** Whether pixel `i` could be that background in a shadow. */
  isShaded(i: number): boolean;
  /** Root mean square of that distance over the border pixels that belong to the background. */
  readonly deviation: number;
}

/**
 * The border's color as L, a, b = polynomials of degree 2 in x, y ∈ [−1, 1], enough for uneven light and vignettes.
 * Fitted to the pixels that agree with it, starting from those near the most common color.
 */
function fitBorder(lab: Float32Array, width: number, height: number): BorderSurface {
  const ring = borderPixels(width, height);
  const terms = (i: number): number[] => {
    const x = (2 * (i % width)) / Math.max(1, width - 1) - 1;
    const y = (2 * Math.floor(i / width)) / Math.max(1, height - 1) - 1;
    return [1, x, y, x * x, x * y, y * y];
  };
  const start = commonColor(lab, ring);
  let fit = start.map((value) => [value, 0, 0, 0, 0, 0]); // [3 channels, 6 terms]
  const deviationAt = (i: number): number[] => {
    const t = terms(i);
    return fit.map((coefficients, c) => lab[3 * i + c] - coefficients.reduce((sum, f, k) => sum + f * t[k], 0));
  };
  const distance = (i: number): number => Math.hypot(...deviationAt(i));
  const isShaded = (i: number): boolean => {
    const [l, a, b] = deviationAt(i);
    return l < 0 && l > -SHADOW.darker && Math.hypot(a, b) < SHADOW.hue;
  };
  // From generous to strict: uneven light is followed first, the object's pixels fall away later.
  for (const reach of [16, 14, 12, 10, 8, 8]) {
    const inliers = ring.filter((i) => distance(i) < reach);
    if (inliers.length < 12) break;
    fit = leastSquares(inliers, terms, lab);
  }
  const inliers = ring.filter((i) => distance(i) < 8);
  const share = inliers.length / ring.length;
  const deviation = Math.sqrt(inliers.reduce((sum, i) => sum + distance(i) ** 2, 0) / Math.max(1, inliers.length));
  if (share < PLAIN_SHARE || deviation > PLAIN_DEVIATION)
    throw new BackgroundError(
      'removeBackground: the picture has neither transparency nor a plain background: ' +
        `${Math.round(share * 100)} % of its border is one smooth color (at least ${PLAIN_SHARE * 100} % needed), ` +
        `varying by ${deviation.toFixed(1)} CIELAB units (at most ${PLAIN_DEVIATION}). ${MEND}`,
    );
  return { distance, isShaded, deviation };
}

/** Indices of a ring along the border, 1 % of the shorter side wide, at most about 8000 of them. */
function borderPixels(width: number, height: number): number[] {
  const depth = Math.max(1, Math.round(Math.min(width, height) / 100));
  const ring: number[] = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) if (Math.min(x, y, width - 1 - x, height - 1 - y) < depth) ring.push(y * width + x);
  const stride = Math.ceil(ring.length / 8000);
  return ring.filter((_, k) => k % stride === 0);
}

/** The fullest cell of a coarse CIELAB histogram (cells of 8), as the mean of what lies in it. */
function commonColor(lab: Float32Array, pixels: readonly number[]): [number, number, number] {
  const cells = new Map<string, { count: number; sum: [number, number, number] }>();
  for (const i of pixels) {
    const color = [lab[3 * i], lab[3 * i + 1], lab[3 * i + 2]];
    const key = color.map((value) => Math.floor(value / 8)).join();
    const cell = cells.get(key) ?? { count: 0, sum: [0, 0, 0] };
    cell.count++;
    for (let c = 0; c < 3; c++) cell.sum[c] += color[c];
    cells.set(key, cell);
  }
  let best = { count: 0, sum: [0, 0, 0] as [number, number, number] };
  for (const cell of cells.values()) if (cell.count > best.count) best = cell;
  return best.sum.map((sum) => sum / Math.max(1, best.count)) as [number, number, number];
}

/** Coefficients [3, 6] by normal equations; a small ridge keeps terms that the border cannot tell apart small. */
function leastSquares(pixels: readonly number[], terms: (i: number) => number[], lab: Float32Array): number[][] {
  const n = 6;
  const rows = Array.from({ length: n }, () => new Float64Array(n + 3)); // [A | rhs of L, a, b]
  for (const i of pixels) {
    const t = terms(i);
    for (let r = 0; r < n; r++) {
      for (let k = 0; k < n; k++) rows[r][k] += t[r] * t[k];
      for (let c = 0; c < 3; c++) rows[r][n + c] += t[r] * lab[3 * i + c];
    }
  }
  for (let r = 1; r < n; r++) rows[r][r] += 1e-3 * pixels.length;
  for (let r = 0; r < n; r++) {
    // The matrix is positive definite: no pivoting needed.
    for (let k = n + 2; k >= r; k--) rows[r][k] /= rows[r][r];
    for (let other = 0; other < n; other++) {
      if (other === r) continue;
      const factor = rows[other][r];
      for (let k = r; k < n + 3; k++) rows[other][k] -= factor * rows[r][k];
    }
  }
  return [0, 1, 2].map((c) => rows.map((row) => row[n + c]));
}

/** 1 where `matches` and connected to the border by matching pixels (4 neighbors): [height · width]. */
function floodFromBorder(width: number, height: number, matches: (i: number) => boolean): Uint8Array {
  const reached = new Uint8Array(width * height);
  const stack: number[] = [];
  const visit = (x: number, y: number) => {
    const i = y * width + x;
    if (x < 0 || y < 0 || x >= width || y >= height || reached[i] || !matches(i)) return;
    reached[i] = 1;
    stack.push(i);
  };
  for (let x = 0; x < width; x++) {
    visit(x, 0);
    visit(x, height - 1);
  }
  for (let y = 0; y < height; y++) {
    visit(0, y);
    visit(width - 1, y);
  }
  while (stack.length > 0) {
    const i = stack.pop() as number;
    const [x, y] = [i % width, Math.floor(i / width)];
    visit(x - 1, y);
    visit(x + 1, y);
    visit(x, y - 1);
    visit(x, y + 1);
  }
  return reached;
}

/** Largest CIELAB distance of pixel `i` from its four neighbors: high on outlines, low in soft shadows. */
function steepness(lab: Float32Array, width: number, height: number, i: number): number {
  const [x, y] = [i % width, Math.floor(i / width)];
  let most = 0;
  for (const [inside, k] of [
    [x > 0, i - 1],
    [x < width - 1, i + 1],
    [y > 0, i - width],
    [y < height - 1, i + width],
  ] as const)
    if (inside)
      most = Math.max(
        most,
        Math.hypot(lab[3 * i] - lab[3 * k], lab[3 * i + 1] - lab[3 * k + 1], lab[3 * i + 2] - lab[3 * k + 2]),
      );
  return most;
}

/** Turns parts of the object much smaller than its largest one into background, in place. */
function dropSpecks(isBackground: Uint8Array, width: number, height: number): void {
  const seen = isBackground.slice();
  const parts: number[][] = [];
  for (let start = 0; start < seen.length; start++) {
    if (seen[start]) continue;
    seen[start] = 1;
    const part = [start];
    for (let at = 0; at < part.length; at++) {
      const [x, y] = [part[at] % width, Math.floor(part[at] / width)];
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++)
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const i = ny * width + nx;
          if (seen[i]) continue;
          seen[i] = 1;
          part.push(i);
        }
    }
    parts.push(part);
  }
  const largest = parts.reduce((most, part) => Math.max(most, part.length), 0);
  for (const part of parts) if (part.length < largest * SPECK_SHARE) for (const i of part) isBackground[i] = 1;
}

/** Pixels this near the outline may be mixtures of object and background. */
const OUTLINE = 2;
/** Pixels this near an outline pixel lend it the pure colors of object and background. */
const NEIGHBORHOOD = 5;

/**
 * RGBA of the object: alpha 0 in the background, 255 inside; on the outline the share α of the object's color F in
 * the pixel's mixture α·F + (1 − α)·B, which is then replaced by F so that no fringe of background remains.
 */
function softenOutline(rgba: Uint8Array, isBackground: Uint8Array, width: number, height: number): Uint8Array {
  const toBackground = distanceTo(isBackground, 1, width, height);
  const toObject = distanceTo(isBackground, 0, width, height);
  const out = new Uint8Array(rgba.length);
  const [front, back] = [new Float64Array(4), new Float64Array(4)]; // sums of r, g, b, count
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const inside = isBackground[i] === 0;
      const mixed = inside ? toBackground[i] <= OUTLINE : toObject[i] <= 1;
      if (!mixed) {
        if (inside) out.set(rgba.subarray(4 * i, 4 * i + 4), 4 * i);
        continue;
      }
      front.fill(0);
      back.fill(0);
      for (let ny = Math.max(0, y - NEIGHBORHOOD); ny <= Math.min(height - 1, y + NEIGHBORHOOD); ny++)
        for (let nx = Math.max(0, x - NEIGHBORHOOD); nx <= Math.min(width - 1, x + NEIGHBORHOOD); nx++) {
          const k = ny * width + nx;
          const into = toBackground[k] > OUTLINE ? front : isBackground[k] && toObject[k] > 1 ? back : undefined;
          if (!into) continue;
          for (let c = 0; c < 3; c++) into[c] += rgba[4 * k + c];
          into[3]++;
        }
      let alpha = inside ? 1 : 0; // too thin a part to know its color, or no contrast: as the mask says
      let [along, length] = [0, 0];
      if (front[3] > 0 && back[3] > 0) {
        for (let c = 0; c < 3; c++) {
          const [f, b] = [front[c] / front[3], back[c] / back[3]];
          along += (rgba[4 * i + c] - b) * (f - b);
          length += (f - b) ** 2;
        }
        if (length > 20 ** 2) alpha = Math.min(1, Math.max(0, along / length));
      }
      if (alpha < 0.02) continue;
      for (let c = 0; c < 3; c++) {
        const b = back[3] > 0 ? back[c] / back[3] : 0;
        const pure = alpha < 1 ? (rgba[4 * i + c] - (1 - alpha) * b) / alpha : rgba[4 * i + c];
        out[4 * i + c] = Math.min(255, Math.max(0, Math.round(pure)));
      }
      out[4 * i + 3] = Math.round(alpha * 255);
    }
  return out;
}

/** Chessboard distance of each pixel to the nearest one where mask = value, counted up to OUTLINE + 1. */
function distanceTo(mask: Uint8Array, value: number, width: number, height: number): Uint8Array {
  const far = OUTLINE + 1;
  const distance = mask.map((m) => (m === value ? 0 : far));
  for (let d = 1; d < far; d++)
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) {
        if (distance[i] !== far) continue;
        for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++)
          for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++)
            if (distance[ny * width + nx] === d - 1) distance[i] = d;
      }
  return distance;
}

/** sRGB bytes [n, 4] → CIELAB, D65 [n, 3]. */
function toLab(rgba: Uint8Array): Float32Array {
  const lab = new Float32Array((rgba.length / 4) * 3);
  for (let i = 0, out = 0; i < rgba.length; i += 4) {
    const r = LINEAR[rgba[i]];
    const g = LINEAR[rgba[i + 1]];
    const b = LINEAR[rgba[i + 2]];
    const fx = labCurve((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    const fy = labCurve(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
    const fz = labCurve((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
    lab[out++] = 116 * fy - 16;
    lab[out++] = 500 * (fx - fy);
    lab[out++] = 200 * (fy - fz);
  }
  return lab;
}

const LINEAR = Float64Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

function labCurve(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
}
