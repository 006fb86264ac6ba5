/** Real spherical harmonics up to degree 3; the readable version is src/render/spherical-harmonics.ts. */

const C0: f64 = 0.28209479177387814;
const C1: f64 = 0.4886025119029199;
const D0: f64 = 1.0925484305920792;
const D1: f64 = 0.31539156525252005;
const D2: f64 = 0.5462742152960396;
const E0: f64 = 0.5900435899266435;
const E1: f64 = 2.890611442640554;
const E2: f64 = 0.4570457994644658;
const E3: f64 = 0.3731763325901154;
const E4: f64 = 1.445305721320277;

function put(out: usize, k: i32, value: f64, dx: f64, dy: f64, dz: f64): void {
  const o = out + (k << 5);
  store<f64>(o, value);
  store<f64>(o, dx, 8);
  store<f64>(o, dy, 16);
  store<f64>(o, dz, 24);
}

/** Each basis polynomial at the unit vector (x, y, z), and its three derivatives: 4 doubles a function. */
export function harmonics(out: usize, degree: i32, x: f64, y: f64, z: f64): void {
  put(out, 0, C0, 0, 0, 0);
  if (degree < 1) return;
  put(out, 1, -C1 * y, 0, -C1, 0);
  put(out, 2, C1 * z, 0, 0, C1);
  put(out, 3, -C1 * x, -C1, 0, 0);
  if (degree < 2) return;
  const xx = x * x;
  const yy = y * y;
  const zz = z * z;
  put(out, 4, D0 * x * y, D0 * y, D0 * x, 0);
  put(out, 5, -D0 * y * z, 0, -D0 * z, -D0 * y);
  put(out, 6, D1 * (2 * zz - xx - yy), -2 * D1 * x, -2 * D1 * y, 4 * D1 * z);
  put(out, 7, -D0 * x * z, -D0 * z, 0, -D0 * x);
  put(out, 8, D2 * (xx - yy), 2 * D2 * x, -2 * D2 * y, 0);
  if (degree < 3) return;
  put(out, 9, -E0 * y * (3 * xx - yy), -6 * E0 * x * y, -3 * E0 * (xx - yy), 0);
  put(out, 10, E1 * x * y * z, E1 * y * z, E1 * x * z, E1 * x * y);
  put(out, 11, -E2 * y * (4 * zz - xx - yy), 2 * E2 * x * y, -E2 * (4 * zz - xx - 3 * yy), -8 * E2 * y * z);
  put(out, 12, E3 * z * (2 * zz - 3 * xx - 3 * yy), -6 * E3 * x * z, -6 * E3 * y * z, E3 * (6 * zz - 3 * xx - 3 * yy));
  put(out, 13, -E2 * x * (4 * zz - xx - yy), -E2 * (4 * zz - 3 * xx - yy), 2 * E2 * x * y, -8 * E2 * x * z);
  put(out, 14, E4 * z * (xx - yy), 2 * E4 * x * z, -2 * E4 * y * z, E4 * (xx - yy));
  put(out, 15, -E0 * x * (xx - 3 * yy), -3 * E0 * (xx - yy), 6 * E0 * x * y, 0);
}
