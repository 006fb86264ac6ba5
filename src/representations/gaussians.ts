/**
 * 3D Gaussians in the object frame, after all activations; plain arrays, row after row. Colors are degree-0 spherical
 * harmonics: color = max(0, 0.5 + SH_C0·colorsDc), display-referred. Quaternions are (w, x, y, z).
 * Source: Kerbl et al. 2023, "3D Gaussian Splatting"; reference/pipelines.md §9.
 */
export interface Gaussians {
  /** [G, 3] */
  readonly means: Float32Array;
  /** [G, 3] deviations along the principal axes */
  readonly scales: Float32Array;
  /** [G, 4], unit length */
  readonly rotations: Float32Array;
  /** [G] in 0 … 1 */
  readonly opacities: Float32Array;
  /** [G, 3] */
  readonly colorsDc: Float32Array;
}

/** The constant spherical harmonic, 1/(2√π). */
export const SH_C0 = 0.28209479177387814;

/** Covariances R(q)·diag(s²)·R(q)ᵀ, upper triangles [G, 6] as (xx, xy, xz, yy, yz, zz). */
export function gaussianCovariances({ scales, rotations }: Gaussians): Float32Array {
  const count = scales.length / 3;
  const out = new Float32Array(6 * count);
  for (let i = 0; i < count; i++) {
    const [w, x, y, z] = rotations.subarray(4 * i, 4 * i + 4);
    const [sx, sy, sz] = scales.subarray(3 * i, 3 * i + 3);
    // M = R·diag(s), row by row; the covariance is M·Mᵀ.
    const m = [
      (1 - 2 * (y * y + z * z)) * sx,
      2 * (x * y - w * z) * sy,
      2 * (x * z + w * y) * sz,
      2 * (x * y + w * z) * sx,
      (1 - 2 * (x * x + z * z)) * sy,
      2 * (y * z - w * x) * sz,
      2 * (x * z - w * y) * sx,
      2 * (y * z + w * x) * sy,
      (1 - 2 * (x * x + y * y)) * sz,
    ];
    const dot = (a: number, b: number) =>
      m[3 * a] * m[3 * b] + m[3 * a + 1] * m[3 * b + 1] + m[3 * a + 2] * m[3 * b + 2];
    out.set([dot(0, 0), dot(0, 1), dot(0, 2), dot(1, 1), dot(1, 2), dot(2, 2)], 6 * i);
  }
  return out;
}

/** Display-referred colors [G, 3], not clamped above. */
export const gaussianColors = ({ colorsDc }: Gaussians): Float32Array =>
  colorsDc.map((f) => Math.max(0, 0.5 + SH_C0 * f));
