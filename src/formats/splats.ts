/**
 * Gaussians as formats exchange them: plain arrays in the object frame of docs/conventions.md, z up.
 *
 * A Gaussian's covariance is R(q)·diag(s²)·R(q)ᵀ. Seen along the unit direction d from the camera, its colour is
 *   max(0, 0.5 + Σ c_k · Y_k(d)),
 * display-referred sRGB, with the real harmonics of spherical-harmonics.ts.
 */
import { ModelError } from './triangle-scene.ts';

export type ShDegree = 0 | 1 | 2 | 3;

export interface Splats {
  readonly means: Float32Array; // [G, 3]
  readonly scales: Float32Array; // [G, 3], standard deviations along the Gaussian's own axes, ≥ 0
  readonly rotations: Float32Array; // [G, 4], unit quaternions (w, x, y, z)
  readonly opacities: Float32Array; // [G], in [0, 1]
  readonly shDegree: ShDegree;
  readonly shDc: Float32Array; // [G, 3], coefficients of degree 0
  readonly shRest: Float32Array; // [G, K, 3], K = shRestCount(shDegree); those of degree 1 first
  readonly antialiased?: boolean; // made with the 2-D filter of mip-splatting, which a viewer should use; only SPZ keeps it
}

export interface ReadSplats {
  readonly splats: Splats;
  /** What was repaired or left out, in words. */
  readonly warnings: readonly string[];
}

/** K, the number of coefficients per channel above degree 0: 0, 3, 8, 15. */
export const shRestCount = (degree: ShDegree): number => (degree + 1) ** 2 - 1;

/** Y_0; a Gaussian's colour without its harmonics above degree 0 is 0.5 + SH_C0 · shDc. */
export const SH_C0 = 0.28209479177387814;

/** All arrays of the largest scene that is read: 2 GiB, 9 million Gaussians with all harmonics. */
const MAX_BYTES = 2 ** 31;

/** @throws ModelError when so many Gaussians would not fit into memory; call it before anything is allocated */
export function expectSplatCount(format: string, count: number, degree: ShDegree): void {
  if (count === 0) throw new ModelError(`${format}: expected Gaussians, got none. Export them again.`);
  const bytes = count * 4 * (14 + 3 * shRestCount(degree));
  if (!(bytes <= MAX_BYTES)) {
    throw new ModelError(
      `${format}: ${count} Gaussians of degree ${degree} need ${bytes} bytes, at most ${MAX_BYTES} are read. Prune the scene.`,
    );
  }
}

/**
 * Splats without those that hold numbers that are not finite; quaternions made unit, a zero quaternion no turn, opacities
 * cut to [0, 1], scales made positive.
 * @throws ModelError when nothing is left
 */
export function soundSplats(format: string, src: Splats, warnings: readonly string[] = []): ReadSplats {
  const count = src.opacities.length;
  const width = 3 * shRestCount(src.shDegree);
  const isSound = (g: number): boolean => {
    let sum = src.opacities[g] * 0;
    for (let c = 0; c < 3; c++) sum += (src.means[3 * g + c] + src.scales[3 * g + c] + src.shDc[3 * g + c]) * 0;
    for (let c = 0; c < 4; c++) sum += src.rotations[4 * g + c] * 0;
    for (let c = 0; c < width; c++) sum += src.shRest[width * g + c] * 0;
    return sum === 0;
  };
  const kept: number[] = [];
  for (let g = 0; g < count; g++) if (isSound(g)) kept.push(g);
  if (kept.length === 0) {
    throw new ModelError(`${format}: all ${count} Gaussians hold numbers that are not finite. Export them again.`);
  }
  const said = [...warnings];
  if (kept.length < count) {
    said.push(`${format}: ${count - kept.length} Gaussians hold numbers that are not finite; left out.`);
  }
  const rows = (values: Float32Array, size: number) =>
    kept.length === count
      ? values
      : Float32Array.from(
          { length: kept.length * size },
          (_, i) => values[kept[Math.floor(i / size)] * size + (i % size)],
        );
  return {
    splats: {
      means: rows(src.means, 3),
      scales: rows(src.scales, 3).map(Math.abs),
      rotations: unitQuaternions(rows(src.rotations, 4)),
      opacities: rows(src.opacities, 1).map((value) => Math.min(1, Math.max(0, value))),
      shDegree: src.shDegree,
      shDc: rows(src.shDc, 3),
      shRest: rows(src.shRest, width),
      antialiased: src.antialiased,
    },
    warnings: said,
  };
}

/** One of the two quaternions of each turn: the one whose largest part, the first on ties, is positive. */
function unitQuaternions(src: Float32Array): Float32Array {
  const out = new Float32Array(src.length);
  for (let i = 0; i < src.length; i += 4) {
    const length = Math.hypot(src[i], src[i + 1], src[i + 2], src[i + 3]);
    if (!(length > 1e-20)) {
      out[i] = 1;
      continue;
    }
    let largest = i;
    for (let c = 1; c < 4; c++) if (Math.abs(src[i + c]) > Math.abs(src[largest])) largest = i + c;
    const scale = Math.sign(src[largest]) / length;
    for (let c = 0; c < 4; c++) out[i + c] = src[i + c] * scale + 0;
  }
  return out;
}

/** What every splat writer asks before it writes a byte. @throws Error naming the array that does not fit */
export function expectSplats(writer: string, splats: Splats): void {
  const count = splats.opacities.length;
  if (count === 0) throw new Error(`${writer}: expected at least one Gaussian, got none.`);
  const rest = shRestCount(splats.shDegree) * 3;
  for (const [name, width] of Object.entries({
    means: 3,
    scales: 3,
    rotations: 4,
    opacities: 1,
    shDc: 3,
    shRest: rest,
  })) {
    const values = splats[name as 'means'];
    if (values.length !== count * width) {
      throw new Error(
        `${writer}: ${name} have ${values.length} values, expected ${count * width} for ${count} Gaussians of degree ${splats.shDegree}.`,
      );
    }
    if (!values.every(Number.isFinite)) throw new Error(`${writer}: ${name} must be finite.`);
  }
}
