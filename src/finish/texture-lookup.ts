/**
 * Filtered lookups of a texture, and their adjoint: trilinear in a pyramid of levels that halve by boxes, texture
 * coordinates clamped at the borders. Values are linear in the texels, so the gradient is exact.
 * Source: Williams 1983, "Pyramidal parametrics".
 */

/** Levels of a square texture, [T / 2^i, T / 2^i, 3] each. */
export interface TexturePyramid {
  readonly size: number; // T
  readonly levels: readonly Float32Array[];
}

/** Where lookups read. */
export interface LookupPlaces {
  readonly count: number; // n
  readonly uv: Float32Array; // [n, 2] in 0 … 1, v down
  readonly level: Float32Array; // [n], ≥ 0; 0 reads the texture itself
}

/** Room for `count` levels at most; odd sides do not halve further. */
export function emptyPyramid(size: number, count: number): TexturePyramid {
  const levels: Float32Array[] = [];
  for (let i = 0, side = size; i < count; i++, side /= 2) {
    levels.push(new Float32Array(side * side * 3));
    if (side % 2 !== 0) break;
  }
  return { size, levels };
}

/** Fills the levels above the first from it. */
export function fillPyramid({ size, levels }: TexturePyramid): void {
  for (let i = 1; i < levels.length; i++) {
    const [from, to] = [levels[i - 1], levels[i]];
    const side = size >> i;
    const row = 6 * side;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const src = 2 * y * row + 6 * x;
        const dst = 3 * (y * side + x);
        for (let c = 0; c < 3; c++)
          to[dst + c] = 0.25 * (from[src + c] + from[src + 3 + c] + from[src + row + c] + from[src + row + 3 + c]);
      }
  }
}

/** The adjoint of `fillPyramid`: gradients of all levels flow into the first; the others are as before afterwards. */
export function fillPyramidBackward({ size, levels }: TexturePyramid): void {
  for (let i = levels.length - 1; i > 0; i--) {
    const [to, from] = [levels[i - 1], levels[i]];
    const side = size >> i;
    const row = 6 * side;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const dst = 2 * y * row + 6 * x;
        const src = 3 * (y * side + x);
        for (let c = 0; c < 3; c++) {
          const g = 0.25 * from[src + c];
          if (g === 0) continue;
          to[dst + c] += g;
          to[dst + 3 + c] += g;
          to[dst + row + c] += g;
          to[dst + row + 3 + c] += g;
        }
      }
  }
}

/** out [n, 3] */
export function lookup(pyramid: TexturePyramid, places: LookupPlaces, out: Float32Array): void {
  out.fill(0, 0, 3 * places.count);
  forEachTap(pyramid, places, (data, texel, weight, sample) => {
    out[sample] += weight * data[texel];
    out[sample + 1] += weight * data[texel + 1];
    out[sample + 2] += weight * data[texel + 2];
  });
}

/** Adds the gradient of a loss with respect to the levels, from that with respect to what was looked up, [n, 3]. */
export function lookupBackward(gradient: TexturePyramid, places: LookupPlaces, upstream: Float32Array): void {
  forEachTap(gradient, places, (data, texel, weight, sample) => {
    data[texel] += weight * upstream[sample];
    data[texel + 1] += weight * upstream[sample + 1];
    data[texel + 2] += weight * upstream[sample + 2];
  });
}

type Tap = (data: Float32Array, texel: number, weight: number, sample: number) => void;

/** Up to four texels on each of two levels. */
function forEachTap({ size, levels }: TexturePyramid, { count, uv, level }: LookupPlaces, tap: Tap): void {
  const last = levels.length - 1;
  for (let i = 0; i < count; i++) {
    const at = Math.min(last, Math.max(0, level[i]));
    const low = Math.floor(at);
    const blend = at - low;
    for (let step = 0; step < (blend > 0 ? 2 : 1); step++) {
      const data = levels[low + step];
      const side = size >> (low + step);
      const share = step === 0 ? 1 - blend : blend;
      const x = Math.min(side - 1, Math.max(0, uv[2 * i] * side - 0.5));
      const y = Math.min(side - 1, Math.max(0, uv[2 * i + 1] * side - 0.5));
      const x0 = Math.floor(x);
      const y0 = Math.floor(y);
      const fx = x - x0;
      const fy = y - y0;
      const corner = 3 * (y0 * side + x0);
      const right = x0 + 1 < side ? 3 : 0;
      const down = y0 + 1 < side ? 3 * side : 0;
      tap(data, corner, share * (1 - fx) * (1 - fy), 3 * i);
      tap(data, corner + right, share * fx * (1 - fy), 3 * i);
      tap(data, corner + down, share * (1 - fx) * fy, 3 * i);
      tap(data, corner + right + down, share * fx * fy, 3 * i);
    }
  }
}
