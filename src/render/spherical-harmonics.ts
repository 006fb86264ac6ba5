/**
 * Real spherical harmonics up to degree 3 as polynomials of a unit vector, with the signs and the order that splat files use.
 * Source: Sloan 2013, "Efficient Spherical Harmonic Evaluation"; the table of Kerbl et al. 2023.
 */

const { PI, sqrt } = Math;
const c1 = sqrt(3 / PI) / 2;
const d0 = sqrt(15 / PI) / 2;
const d1 = sqrt(5 / PI) / 4;
const d2 = sqrt(15 / PI) / 4;
const e0 = sqrt(35 / (2 * PI)) / 4;
const e1 = sqrt(105 / PI) / 2;
const e2 = sqrt(21 / (2 * PI)) / 4;
const e3 = sqrt(7 / PI) / 4;
const e4 = sqrt(105 / PI) / 4;

/** The (degree + 1)² values, the constant one first. */
export function sphericalHarmonics(degree: number, x: number, y: number, z: number): number[] {
  const [xx, yy, zz] = [x * x, y * y, z * z];
  return [
    1 / (2 * sqrt(PI)),
    ...[-c1 * y, c1 * z, -c1 * x],
    ...[d0 * x * y, -d0 * y * z, d1 * (2 * zz - xx - yy), -d0 * x * z, d2 * (xx - yy)],
    -e0 * y * (3 * xx - yy),
    e1 * x * y * z,
    -e2 * y * (4 * zz - xx - yy),
    e3 * z * (2 * zz - 3 * xx - 3 * yy),
    -e2 * x * (4 * zz - xx - yy),
    e4 * z * (xx - yy),
    -e0 * x * (xx - 3 * yy),
  ].slice(0, (degree + 1) ** 2);
}

/** Derivatives of the polynomials by x, y and z, [(degree + 1)²][3]. */
export function sphericalHarmonicsGradient(degree: number, x: number, y: number, z: number): number[][] {
  const [xx, yy, zz] = [x * x, y * y, z * z];
  return [
    [0, 0, 0],
    [0, -c1, 0],
    [0, 0, c1],
    [-c1, 0, 0],
    [d0 * y, d0 * x, 0],
    [0, -d0 * z, -d0 * y],
    [-2 * d1 * x, -2 * d1 * y, 4 * d1 * z],
    [-d0 * z, 0, -d0 * x],
    [2 * d2 * x, -2 * d2 * y, 0],
    [-6 * e0 * x * y, -3 * e0 * (xx - yy), 0],
    [e1 * y * z, e1 * x * z, e1 * x * y],
    [2 * e2 * x * y, -e2 * (4 * zz - xx - 3 * yy), -8 * e2 * y * z],
    [-6 * e3 * x * z, -6 * e3 * y * z, e3 * (6 * zz - 3 * xx - 3 * yy)],
    [-e2 * (4 * zz - 3 * xx - yy), 2 * e2 * x * y, -8 * e2 * x * z],
    [2 * e4 * x * z, -2 * e4 * y * z, e4 * (xx - yy)],
    [-3 * e0 * (xx - yy), 6 * e0 * x * y, 0],
  ].slice(0, (degree + 1) ** 2);
}
