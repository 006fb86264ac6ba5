/**
 * One Gaussian onto the picture, and back: the readable version with sources is src/render/gaussian-projection.ts. Double
 * precision, since conics of needles cancel; pixels are blended in single precision.
 */
import { isFiniteNumber, ln } from './elementary';
import { harmonics } from './harmonics';

// The camera, doubles: extrinsics [3, 4], then focal lengths and principal point in pixels, limits of x/z and y/z, the eye.
const FOCAL: usize = 96;
const CENTER: usize = 112;
const LIMIT: usize = 128;
const EYE: usize = 144;

const KERNEL: f64 = 0.1; // px², the 2D filter
const EPSILON: f64 = 1e-6;
const NEAR: f64 = 0.2;
const TILE: f64 = 16;
const BRIGHTEST: f64 = 1e18; // beyond, gradients leave single precision
const REACH_SLACK: f64 = 0.1; // pixels, more than single precision moves an ellipse
const LOG2E: f64 = 1.4426950408889634;
const LN255_TWICE: f64 = 11.082527090316852; // 2·ln 255
const WIDEST: f64 = 1e6; // pixels; beyond, double precision does not tell the axes apart

/**
 * Bytes of a record, floats: μx μy A β γ log₂o' r g b z reach extent 1/A, where α = 2^(log₂o' − A·(δx + β·δy)² − γ·δy²), at least
 * 1/255 where A·(δx + β·δy)² + γ·δy² ≤ reach, for that |δy| ≤ extent. A and γ are half the conic's, over ln 2.
 */
export const SPLAT: usize = 64;
/** Doubles of the spherical harmonics and their derivatives. */
export const BASIS: usize = 512;

// The Gaussian at hand, left by `view` for `writeSplat` and `backward`.
let tx: f64 = 0;
let ty: f64 = 0;
let tz: f64 = 0;
let sx: f64 = 0; // t̃x, t̃y
let sy: f64 = 0;
let r00: f64 = 0;
let r01: f64 = 0;
let r02: f64 = 0;
let r10: f64 = 0;
let r11: f64 = 0;
let r12: f64 = 0;
let r20: f64 = 0;
let r21: f64 = 0;
let r22: f64 = 0;
let v00: f64 = 0; // Σ
let v01: f64 = 0;
let v02: f64 = 0;
let v11: f64 = 0;
let v12: f64 = 0;
let v22: f64 = 0;
let u00: f64 = 0; // U = J·R
let u01: f64 = 0;
let u02: f64 = 0;
let u10: f64 = 0;
let u11: f64 = 0;
let u12: f64 = 0;
let a0: f64 = 0;
let b: f64 = 0;
let c0: f64 = 0;
let det: f64 = 0;
let det0: f64 = 0;
let rho: f64 = 0;
let dirX: f64 = 0;
let dirY: f64 = 0;
let dirZ: f64 = 0;
let distance: f64 = 0;
let red: f64 = 0; // before the clamp at zero
let green: f64 = 0;
let blue: f64 = 0;

/** Fills the state above; false when the Gaussian is behind the camera, transparent, or not finite. */
export function view(
  i: usize,
  camera: usize,
  means: usize,
  scales: usize,
  rotations: usize,
  opacities: usize,
  dc: usize,
  rest: usize,
  degree: i32,
  basis: usize,
): bool {
  const x = f64(load<f32>(means + i * 12));
  const y = f64(load<f32>(means + i * 12, 4));
  const z = f64(load<f32>(means + i * 12, 8));
  tz = load<f64>(camera, 64) * x + load<f64>(camera, 72) * y + load<f64>(camera, 80) * z + load<f64>(camera, 88);
  if (!(tz > NEAR)) return false;
  tx = load<f64>(camera, 0) * x + load<f64>(camera, 8) * y + load<f64>(camera, 16) * z + load<f64>(camera, 24);
  ty = load<f64>(camera, 32) * x + load<f64>(camera, 40) * y + load<f64>(camera, 48) * z + load<f64>(camera, 56);
  const opacity = f64(load<f32>(opacities + i * 4));
  if (!(opacity >= 1.0 / 255 && opacity <= 1)) return false;

  const qw = f64(load<f32>(rotations + i * 16));
  const qx = f64(load<f32>(rotations + i * 16, 4));
  const qy = f64(load<f32>(rotations + i * 16, 8));
  const qz = f64(load<f32>(rotations + i * 16, 12));
  r00 = 1 - 2 * (qy * qy + qz * qz);
  r01 = 2 * (qx * qy - qw * qz);
  r02 = 2 * (qx * qz + qw * qy);
  r10 = 2 * (qx * qy + qw * qz);
  r11 = 1 - 2 * (qx * qx + qz * qz);
  r12 = 2 * (qy * qz - qw * qx);
  r20 = 2 * (qx * qz - qw * qy);
  r21 = 2 * (qy * qz + qw * qx);
  r22 = 1 - 2 * (qx * qx + qy * qy);
  const s0 = f64(load<f32>(scales + i * 12));
  const s1 = f64(load<f32>(scales + i * 12, 4));
  const s2 = f64(load<f32>(scales + i * 12, 8));
  const w0 = s0 * s0;
  const w1 = s1 * s1;
  const w2 = s2 * s2;
  v00 = r00 * r00 * w0 + r01 * r01 * w1 + r02 * r02 * w2;
  v01 = r00 * r10 * w0 + r01 * r11 * w1 + r02 * r12 * w2;
  v02 = r00 * r20 * w0 + r01 * r21 * w1 + r02 * r22 * w2;
  v11 = r10 * r10 * w0 + r11 * r11 * w1 + r12 * r12 * w2;
  v12 = r10 * r20 * w0 + r11 * r21 * w1 + r12 * r22 * w2;
  v22 = r20 * r20 * w0 + r21 * r21 * w1 + r22 * r22 * w2;

  const fx = load<f64>(camera + FOCAL);
  const fy = load<f64>(camera + FOCAL, 8);
  const lx = load<f64>(camera + LIMIT);
  const ly = load<f64>(camera + LIMIT, 8);
  sx = min(max(tx / tz, -lx), lx) * tz;
  sy = min(max(ty / tz, -ly), ly) * tz;
  const j0 = fx / tz;
  const j1 = fy / tz;
  const k0 = (-fx * sx) / (tz * tz);
  const k1 = (-fy * sy) / (tz * tz);
  u00 = j0 * load<f64>(camera, 0) + k0 * load<f64>(camera, 64);
  u01 = j0 * load<f64>(camera, 8) + k0 * load<f64>(camera, 72);
  u02 = j0 * load<f64>(camera, 16) + k0 * load<f64>(camera, 80);
  u10 = j1 * load<f64>(camera, 32) + k1 * load<f64>(camera, 64);
  u11 = j1 * load<f64>(camera, 40) + k1 * load<f64>(camera, 72);
  u12 = j1 * load<f64>(camera, 48) + k1 * load<f64>(camera, 80);
  const m0 = v00 * u00 + v01 * u01 + v02 * u02;
  const m1 = v01 * u00 + v11 * u01 + v12 * u02;
  const m2 = v02 * u00 + v12 * u01 + v22 * u02;
  a0 = u00 * m0 + u01 * m1 + u02 * m2;
  b = u10 * m0 + u11 * m1 + u12 * m2;
  c0 =
    u10 * (v00 * u10 + v01 * u11 + v02 * u12) +
    u11 * (v01 * u10 + v11 * u11 + v12 * u12) +
    u12 * (v02 * u10 + v12 * u11 + v22 * u12);
  det0 = a0 * c0 - b * b;
  det = (a0 + KERNEL) * (c0 + KERNEL) - b * b;
  if (!(det0 > EPSILON) || !(det > EPSILON)) return false; // ρ = 0
  rho = sqrt(det0 / (det + EPSILON) + EPSILON);
  if (!(opacity * rho >= 1.0 / 255)) return false; // too faint for any pixel
  if (!isFiniteNumber(det * rho * opacity)) return false;

  dirX = x - load<f64>(camera + EYE);
  dirY = y - load<f64>(camera + EYE, 8);
  dirZ = z - load<f64>(camera + EYE, 16);
  distance = sqrt(dirX * dirX + dirY * dirY + dirZ * dirZ);
  dirX /= distance;
  dirY /= distance;
  dirZ /= distance;
  harmonics(basis, degree, dirX, dirY, dirZ);
  const constant = load<f64>(basis);
  red = 0.5 + constant * f64(load<f32>(dc + i * 12));
  green = 0.5 + constant * f64(load<f32>(dc + i * 12, 4));
  blue = 0.5 + constant * f64(load<f32>(dc + i * 12, 8));
  const others = (degree + 1) * (degree + 1) - 1;
  let o = rest + i * others * 12;
  for (let k = 1; k <= others; k++, o += 12) {
    const value = load<f64>(basis + (k << 5));
    red += value * f64(load<f32>(o));
    green += value * f64(load<f32>(o, 4));
    blue += value * f64(load<f32>(o, 8));
  }
  return max(abs(red), max(abs(green), abs(blue))) <= BRIGHTEST; // NaN, too
}

/** The record that pixels are blended from, and the tiles it touches; false when there are none. */
export function writeSplat(
  i: usize,
  camera: usize,
  opacities: usize,
  splat: usize,
  rect: usize,
  tilesX: f64,
  tilesY: f64,
): bool {
  const mx = (load<f64>(camera + FOCAL) * tx) / tz + load<f64>(camera + CENTER);
  const my = (load<f64>(camera + FOCAL, 8) * ty) / tz + load<f64>(camera + CENTER, 8);
  const a = a0 + KERNEL;
  const c = c0 + KERNEL;
  const middle = 0.5 * (a + c);
  const radius = ceil(3 * sqrt(middle + sqrt(max(0.1, middle * middle - det))));
  if (!(radius <= WIDEST)) return false;
  const inverseA = a - (b * b) / c;
  const opacity = f64(load<f32>(opacities + i * 4)) * rho;
  const reach = 2 * ln(255 * opacity); // α ≥ 1/255 where u²/inverseA + δy²/c ≤ this
  const wide = min(radius, sqrt(reach * a) + REACH_SLACK);
  const high = min(radius, sqrt(reach * c) + REACH_SLACK);
  // The published tiles are those of the square about the 3σ circle; of these, the ones with α ≥ 1/255.
  const x0 = min(max(max(trunc((mx - radius) / TILE), floor((mx - wide) / TILE)), 0), tilesX);
  const x1 = min(max(min(trunc((mx + radius + (TILE - 1)) / TILE), floor((mx + wide) / TILE) + 1), 0), tilesX);
  const y0 = min(max(max(trunc((my - radius) / TILE), floor((my - high) / TILE)), 0), tilesY);
  const y1 = min(max(min(trunc((my + radius + (TILE - 1)) / TILE), floor((my + high) / TILE) + 1), 0), tilesY);
  if (!(x1 > x0 && y1 > y0)) return false; // NaN, too
  store<f32>(splat, f32(mx));
  store<f32>(splat, f32(my), 4);
  store<f32>(splat, f32((0.5 * LOG2E) / inverseA), 8);
  store<f32>(splat, f32(-b / c), 12);
  store<f32>(splat, f32((0.5 * LOG2E) / c), 16);
  store<f32>(splat, f32(0.5 * LOG2E * (reach - LN255_TWICE)), 20);
  store<f32>(splat, f32(max(red, 0)), 24);
  store<f32>(splat, f32(max(green, 0)), 28);
  store<f32>(splat, f32(max(blue, 0)), 32);
  store<f32>(splat, f32(tz), 36);
  store<f32>(splat, f32(0.5 * LOG2E * reach), 40);
  store<f32>(splat, f32(sqrt(reach * c)), 44);
  store<f32>(splat, f32(inverseA / (0.5 * LOG2E)), 48);
  const check = mx + my + 0.5 / inverseA + sqrt(reach * c) + inverseA;
  if (!isFiniteNumber(f64(f32(check))) || !(inverseA > 0)) return false;
  store<i32>(rect, i32(x0));
  store<i32>(rect, i32(y0), 4);
  store<i32>(rect, i32(x1), 8);
  store<i32>(rect, i32(y1), 12);
  return true;
}

/**
 * The gradient of one Gaussian from its sums over pixels, doubles at `sums`: Σh, Σhu, Σhu², Σhδy, Σhuδy, Σhδy², then those of
 * r, g, b and z, where h = ∂L/∂power. After `view`.
 */
export function backward(
  i: usize,
  camera: usize,
  scales: usize,
  rotations: usize,
  opacities: usize,
  rest: usize,
  degree: i32,
  basis: usize,
  sums: usize,
  gMeans: usize,
  gScales: usize,
  gRotations: usize,
  gOpacities: usize,
  gDc: usize,
  gRest: usize,
): void {
  const fx = load<f64>(camera + FOCAL);
  const fy = load<f64>(camera + FOCAL, 8);
  const a = a0 + KERNEL;
  const c = c0 + KERNEL;
  const A = 1 / (a - (b * b) / c);
  const beta = -b / c;
  const gamma = 1 / c;
  const opacity = f64(load<f32>(opacities + i * 4));
  const h = load<f64>(sums);
  const hu = load<f64>(sums, 8);
  const hy = load<f64>(sums, 24);
  const gMuX = -A * hu;
  const gMuY = -A * beta * hu - gamma * hy;
  const gP = 0.5 * A * A * load<f64>(sums, 16); // of 1/A = a − b²/c
  const gBeta = -A * load<f64>(sums, 32);
  const gGamma = -0.5 * load<f64>(sums, 40);
  let ga = gP;
  let gb = 2 * beta * gP - gBeta * gamma;
  let gc = beta * beta * gP - beta * gamma * gBeta - gamma * gamma * gGamma;

  const gOpacityDrawn = h / (opacity * rho);
  store<f32>(gOpacities + i * 4, f32(rho * gOpacityDrawn));
  const gRho = (opacity * gOpacityDrawn) / (2 * rho);
  const g0 = gRho / (det + EPSILON);
  const g1 = (-gRho * det0) / ((det + EPSILON) * (det + EPSILON));
  ga += g0 * c0 + g1 * c;
  gc += g0 * a0 + g1 * a;
  gb -= 2 * b * (g0 + g1);

  // M·U, with M = [[ga, gb/2], [gb/2, gc]]
  const hb = 0.5 * gb;
  const m00 = ga * u00 + hb * u10;
  const m01 = ga * u01 + hb * u11;
  const m02 = ga * u02 + hb * u12;
  const m10 = hb * u00 + gc * u10;
  const m11 = hb * u01 + gc * u11;
  const m12 = hb * u02 + gc * u12;
  // ∂L/∂Σ = Uᵀ·M·U, symmetric
  const e00 = u00 * m00 + u10 * m10;
  const e01 = u00 * m01 + u10 * m11;
  const e02 = u00 * m02 + u10 * m12;
  const e11 = u01 * m01 + u11 * m11;
  const e12 = u01 * m02 + u11 * m12;
  const e22 = u02 * m02 + u12 * m12;
  // ∂L/∂U = 2·M·U·Σ, and ∂L/∂J = ∂L/∂U·Rᵀ; only j00, j02, j11, j12 are not constant
  const w00 = 2 * (m00 * v00 + m01 * v01 + m02 * v02);
  const w01 = 2 * (m00 * v01 + m01 * v11 + m02 * v12);
  const w02 = 2 * (m00 * v02 + m01 * v12 + m02 * v22);
  const w10 = 2 * (m10 * v00 + m11 * v01 + m12 * v02);
  const w11 = 2 * (m10 * v01 + m11 * v11 + m12 * v12);
  const w12 = 2 * (m10 * v02 + m11 * v12 + m12 * v22);
  const j00 = w00 * load<f64>(camera, 0) + w01 * load<f64>(camera, 8) + w02 * load<f64>(camera, 16);
  const j02 = w00 * load<f64>(camera, 64) + w01 * load<f64>(camera, 72) + w02 * load<f64>(camera, 80);
  const j11 = w10 * load<f64>(camera, 32) + w11 * load<f64>(camera, 40) + w12 * load<f64>(camera, 48);
  const j12 = w10 * load<f64>(camera, 64) + w11 * load<f64>(camera, 72) + w12 * load<f64>(camera, 80);

  const z2 = tz * tz;
  const gsx = (-fx / z2) * j02;
  const gsy = (-fy / z2) * j12;
  let gtz = (-fx / z2) * j00 - (fy / z2) * j11 + ((2 * fx * sx) / (z2 * tz)) * j02 + ((2 * fy * sy) / (z2 * tz)) * j12;
  let gtx: f64 = 0;
  let gty: f64 = 0;
  const lx = load<f64>(camera + LIMIT);
  const ly = load<f64>(camera + LIMIT, 8);
  if (abs(tx / tz) > lx) gtz += (tx > 0 ? lx : -lx) * gsx;
  else gtx = gsx;
  if (abs(ty / tz) > ly) gtz += (ty > 0 ? ly : -ly) * gsy;
  else gty = gsy;
  gtx += (fx / tz) * gMuX;
  gty += (fy / tz) * gMuY;
  gtz += load<f64>(sums, 72) - (fx * tx * gMuX + fy * ty * gMuY) / z2;

  // Color: clamped below at zero; with harmonics above degree 0 it depends on the direction, hence on the mean.
  const gRed = red > 0 ? load<f64>(sums, 48) : 0;
  const gGreen = green > 0 ? load<f64>(sums, 56) : 0;
  const gBlue = blue > 0 ? load<f64>(sums, 64) : 0;
  const constant = load<f64>(basis);
  store<f32>(gDc + i * 12, f32(constant * gRed));
  store<f32>(gDc + i * 12, f32(constant * gGreen), 4);
  store<f32>(gDc + i * 12, f32(constant * gBlue), 8);
  const others = (degree + 1) * (degree + 1) - 1;
  let gdx: f64 = 0;
  let gdy: f64 = 0;
  let gdz: f64 = 0;
  for (let k = 1; k <= others; k++) {
    const o = (i * others + k - 1) * 12;
    const f = basis + (k << 5);
    const value = load<f64>(f);
    store<f32>(gRest + o, f32(value * gRed));
    store<f32>(gRest + o, f32(value * gGreen), 4);
    store<f32>(gRest + o, f32(value * gBlue), 8);
    const g =
      gRed * f64(load<f32>(rest + o)) + gGreen * f64(load<f32>(rest + o, 4)) + gBlue * f64(load<f32>(rest + o, 8));
    gdx += g * load<f64>(f, 8);
    gdy += g * load<f64>(f, 16);
    gdz += g * load<f64>(f, 24);
  }
  const along = gdx * dirX + gdy * dirY + gdz * dirZ;
  for (let axis: usize = 0; axis < 3; axis++) {
    const g =
      load<f64>(camera + axis * 8) * gtx +
      load<f64>(camera + axis * 8, 32) * gty +
      load<f64>(camera + axis * 8, 64) * gtz;
    const direction = axis === 0 ? gdx - along * dirX : axis === 1 ? gdy - along * dirY : gdz - along * dirZ;
    store<f32>(gMeans + i * 12 + axis * 4, f32(g + direction / distance));
  }

  // V = 2·∂L/∂Σ·N with N = R·diag(s); ∂L/∂s and Γ = V·diag(s)
  const s0 = f64(load<f32>(scales + i * 12));
  const s1 = f64(load<f32>(scales + i * 12, 4));
  const s2 = f64(load<f32>(scales + i * 12, 8));
  const p00 = 2 * (e00 * r00 + e01 * r10 + e02 * r20);
  const p10 = 2 * (e01 * r00 + e11 * r10 + e12 * r20);
  const p20 = 2 * (e02 * r00 + e12 * r10 + e22 * r20);
  const p01 = 2 * (e00 * r01 + e01 * r11 + e02 * r21);
  const p11 = 2 * (e01 * r01 + e11 * r11 + e12 * r21);
  const p21 = 2 * (e02 * r01 + e12 * r11 + e22 * r21);
  const p02 = 2 * (e00 * r02 + e01 * r12 + e02 * r22);
  const p12 = 2 * (e01 * r02 + e11 * r12 + e12 * r22);
  const p22 = 2 * (e02 * r02 + e12 * r12 + e22 * r22);
  store<f32>(gScales + i * 12, f32(s0 * (p00 * r00 + p10 * r10 + p20 * r20)));
  store<f32>(gScales + i * 12, f32(s1 * (p01 * r01 + p11 * r11 + p21 * r21)), 4);
  store<f32>(gScales + i * 12, f32(s2 * (p02 * r02 + p12 * r12 + p22 * r22)), 8);
  const t00 = p00 * s0 * s0;
  const t10 = p10 * s0 * s0;
  const t20 = p20 * s0 * s0;
  const t01 = p01 * s1 * s1;
  const t11 = p11 * s1 * s1;
  const t21 = p21 * s1 * s1;
  const t02 = p02 * s2 * s2;
  const t12 = p12 * s2 * s2;
  const t22 = p22 * s2 * s2;
  const w = f64(load<f32>(rotations + i * 16));
  const x = f64(load<f32>(rotations + i * 16, 4));
  const y = f64(load<f32>(rotations + i * 16, 8));
  const z = f64(load<f32>(rotations + i * 16, 12));
  const q = gRotations + i * 16;
  store<f32>(q, f32(2 * (-z * t01 + y * t02 + z * t10 - x * t12 - y * t20 + x * t21)));
  store<f32>(q, f32(2 * (y * t01 + z * t02 + y * t10 - 2 * x * t11 - w * t12 + z * t20 + w * t21 - 2 * x * t22)), 4);
  store<f32>(q, f32(2 * (-2 * y * t00 + x * t01 + w * t02 + x * t10 + z * t12 - w * t20 + z * t21 - 2 * y * t22)), 8);
  store<f32>(q, f32(2 * (-2 * z * t00 - w * t01 + x * t02 + w * t10 - 2 * z * t11 + y * t12 + x * t20 + y * t21)), 12);
}
