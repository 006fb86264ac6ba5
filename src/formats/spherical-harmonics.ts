/**
 * Real spherical harmonics up to degree 3, in the order, signs and scale that Gaussian splats use everywhere, and how
 * their coefficients change when the axes are turned.
 * Source: Kerbl et al. 2023, "3D Gaussian Splatting"; the same table: KHR_gaussian_splatting, appendix A.
 */
import { SH_C0, type ShDegree, shRestCount } from './splats.ts';

/** Y_0 … Y_15 at the unit direction (x, y, z). Orthonormal over the sphere. */
export function sphericalHarmonics(x: number, y: number, z: number): number[] {
  const [xx, yy, zz] = [x * x, y * y, z * z];
  return [
    SH_C0,
    -0.4886025119029199 * y,
    0.4886025119029199 * z,
    -0.4886025119029199 * x,
    1.0925484305920792 * x * y,
    -1.0925484305920792 * y * z,
    0.31539156525252005 * (2 * zz - xx - yy),
    -1.0925484305920792 * x * z,
    0.5462742152960396 * (xx - yy),
    -0.5900435899266435 * y * (3 * xx - yy),
    2.890611442640554 * x * y * z,
    -0.4570457994644658 * y * (4 * zz - xx - yy),
    0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy),
    -0.4570457994644658 * x * (4 * zz - xx - yy),
    1.445305721320277 * z * (xx - yy),
    -0.5900435899266435 * x * (xx - 3 * yy),
  ];
}

/**
 * Coefficients after the scene is turned by R: the turned scene seen along R·d looks as the scene did along d.
 * @param rest      [G, K, 3], degrees 1 … `degree`
 * @param rotation  R, [3, 3] row-major
 */
export function rotateHarmonics(rest: Float32Array, degree: ShDegree, rotation: ArrayLike<number>): Float32Array {
  const K = shRestCount(degree);
  const matrix = harmonicsRotation(rotation);
  const out = new Float32Array(rest.length);
  for (let base = 0; base < rest.length; base += 3 * K) {
    for (let l = 1; l <= degree; l++) {
      const first = l * l - 1; // of degree l, in rows that leave out degree 0
      for (let i = first; i < first + 2 * l + 1; i++) {
        for (let c = 0; c < 3; c++) {
          let sum = 0;
          for (let j = first; j < first + 2 * l + 1; j++) sum += matrix[i * 15 + j] * rest[base + 3 * j + c];
          out[base + 3 * i + c] = sum;
        }
      }
    }
  }
  return out;
}

// Gauss–Legendre nodes and weights on [−1, 1]; four are exact to degree 7, products of harmonics here have at most 6.
const HEIGHTS = [-0.8611363115940526, -0.3399810435848563, 0.3399810435848563, 0.8611363115940526];
const WEIGHTS = [0.34785484513745385, 0.6521451548625461, 0.6521451548625461, 0.34785484513745385];
const TURNS = 8;

/** M [15, 15], M_ij = ∫ Y_i(d) Y_j(Rᵀd) over the sphere, by an exact quadrature. */
function harmonicsRotation(r: ArrayLike<number>): Float64Array {
  const matrix = new Float64Array(15 * 15);
  for (const [h, z] of HEIGHTS.entries()) {
    for (let t = 0; t < TURNS; t++) {
      const angle = (2 * Math.PI * t) / TURNS;
      const [x, y] = [Math.sqrt(1 - z * z) * Math.cos(angle), Math.sqrt(1 - z * z) * Math.sin(angle)];
      const here = sphericalHarmonics(x, y, z);
      const there = sphericalHarmonics(
        r[0] * x + r[3] * y + r[6] * z,
        r[1] * x + r[4] * y + r[7] * z,
        r[2] * x + r[5] * y + r[8] * z,
      );
      const weight = (WEIGHTS[h] * 2 * Math.PI) / TURNS;
      for (let i = 0; i < 15; i++)
        for (let j = 0; j < 15; j++) matrix[i * 15 + j] += weight * here[i + 1] * there[j + 1];
    }
  }
  return matrix.map((value) => (Math.abs(value) < 1e-14 ? 0 : value));
}
