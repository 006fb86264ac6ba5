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
export function lookup({ size, levels }: TexturePyramid, { count, uv, level }: LookupPlaces, out: Float32Array): void {
  for (let i = 0; i < count; i++) {
    const low = levelBelow(levels, level[i]);
    const blend = level[i] > low && low < levels.length - 1 ? level[i] - low : 0;
    let red = 0;
    let green = 0;
    let blue = 0;
    for (let step = 0; step < (blend > 0 ? 2 : 1); step++) {
      const data = levels[low + step];
      const side = size >> (low + step);
      const share = step === 0 ? 1 - blend : blend;
      const x = Math.min(side - 1, Math.max(0, uv[2 * i] * side - 0.5));
      const y = Math.min(side - 1, Math.max(0, uv[2 * i + 1] * side - 0.5));
      const x0 = Math.floor(x);
      const y0 = Math.floor(y);
      const a = 3 * (y0 * side + x0);
      const b = a + (x0 + 1 < side ? 3 : 0);
      const down = y0 + 1 < side ? 3 * side : 0;
      const c = a + down;
      const d = b + down;
      const right = share * (x - x0);
      const left = share - right;
      const bottom = y - y0;
      const wc = left * bottom;
      const wd = right * bottom;
      const wa = left - wc;
      const wb = right - wd;
      red += wa * data[a] + wb * data[b] + wc * data[c] + wd * data[d];
      green += wa * data[a + 1] + wb * data[b + 1] + wc * data[c + 1] + wd * data[d + 1];
      blue += wa * data[a + 2] + wb * data[b + 2] + wc * data[c + 2] + wd * data[d + 2];
    }
    out[3 * i] = red;
    out[3 * i + 1] = green;
    out[3 * i + 2] = blue;
  }
}

/** Adds the gradient of a loss with respect to the levels, from that with respect to what was looked up, [n, 3]. */
export function lookupBackward(
  { size, levels }: TexturePyramid,
  { count, uv, level }: LookupPlaces,
  upstream: Float32Array,
): void {
  for (let i = 0; i < count; i++) {
    const low = levelBelow(levels, level[i]);
    const blend = level[i] > low && low < levels.length - 1 ? level[i] - low : 0;
    const red = upstream[3 * i];
    const green = upstream[3 * i + 1];
    const blue = upstream[3 * i + 2];
    for (let step = 0; step < (blend > 0 ? 2 : 1); step++) {
      const data = levels[low + step];
      const side = size >> (low + step);
      const share = step === 0 ? 1 - blend : blend;
      const x = Math.min(side - 1, Math.max(0, uv[2 * i] * side - 0.5));
      const y = Math.min(side - 1, Math.max(0, uv[2 * i + 1] * side - 0.5));
      const x0 = Math.floor(x);
      const y0 = Math.floor(y);
      const right = share * (x - x0);
      const left = share - right;
      const bottom = y - y0;
      const a = 3 * (y0 * side + x0);
      const b = a + (x0 + 1 < side ? 3 : 0);
      const down = y0 + 1 < side ? 3 * side : 0;
      const wc = left * bottom;
      const wd = right * bottom;
      add(data, a, left - wc, red, green, blue);
      add(data, b, right - wd, red, green, blue);
      add(data, a + down, wc, red, green, blue);
      add(data, b + down, wd, red, green, blue);
    }
  }
}

/** The finer of the two levels that a lookup mixes. */
const levelBelow = (levels: readonly Float32Array[], level: number): number =>
  Math.min(levels.length - 1, Math.max(0, Math.floor(level)));

function add(data: Float32Array, at: number, weight: number, red: number, green: number, blue: number): void {
  data[at] += weight * red;
  data[at + 1] += weight * green;
  data[at + 2] += weight * blue;
}
