/** Elementary functions without tables: modules on one shared memory must not carry data of their own. */

/** eˣ of four numbers ≤ 0, to about one unit in the last place; below −80 it stays at e⁻⁸⁰. */
export function exp4(x: v128): v128 {
  const t = f32x4.max(x, f32x4.splat(-80));
  const n = f32x4.nearest(f32x4.mul(t, f32x4.splat(1.44269504)));
  // r = t − n·ln 2, with ln 2 in two parts
  let r = f32x4.sub(t, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  let p = f32x4.splat(1.9875691e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.333452e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665796e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666666e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0e-1));
  p = f32x4.add(f32x4.mul(f32x4.mul(p, r), r), f32x4.add(r, f32x4.splat(1)));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

/** 2ˣ of four numbers in −126 … 126, to about 3e-7; beyond, anything. */
export function exp2of4(x: v128): v128 {
  // Adding 1.5·2²³ rounds to an integer n, which is then in the low bits.
  const shifted = f32x4.add(x, f32x4.splat(12582912));
  const r = f32x4.sub(x, f32x4.sub(shifted, f32x4.splat(12582912)));
  let p = f32x4.splat(0.00132764701);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.00967554096));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.0555071346));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.240221202));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.693146944));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.00000012));
  return i32x4.add(p, i32x4.shl(shifted, 23)); // n into the exponent
}

/** eˣ of a number ≤ 0, to about 1e-15; below −700 it stays at e⁻⁷⁰⁰. */
export function exp(x: f64): f64 {
  const t = max(x, -700);
  const n = nearest(t * 1.4426950408889634);
  const r = t - n * 0.6931471803691238 - n * 1.9082149292705877e-10;
  let p: f64 = 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  return p * reinterpret<f64>((i64(n) + 1023) << 52);
}

/** ln x of a positive, normal number, to about 1e-13: x = m·2ᵏ, ln m = 2·artanh((m − 1) / (m + 1)). */
export function ln(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  let k = f64(i32((bits >> 52) & 0x7ff) - 1023);
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    k += 1;
  }
  const s = (m - 1) / (m + 1);
  const q = s * s;
  let sum: f64 = 1.0 / 15;
  sum = sum * q + 1.0 / 13;
  sum = sum * q + 1.0 / 11;
  sum = sum * q + 1.0 / 9;
  sum = sum * q + 1.0 / 7;
  sum = sum * q + 1.0 / 5;
  sum = sum * q + 1.0 / 3;
  sum = sum * q + 1;
  return k * 0.6931471805599453 + 2 * s * sum;
}

/** ln(1 + x) of a number in 0 … 1, to about 2e-7. */
export function log1p(x: f32): f32 {
  let p: f32 = -0.00324398139;
  p = p * x + 0.0198512655;
  p = p * x - 0.0569591634;
  p = p * x + 0.106036171;
  p = p * x - 0.153055698;
  p = p * x + 0.196759313;
  p = p * x - 0.249541327;
  p = p * x + 0.333299637;
  p = p * x - 0.499999017;
  p = p * x + 1;
  return p * x;
}

/** The sum of the four numbers, in a fixed order. */
export function sum4(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** The sums of the numbers of a, of b, of c and of d, in a fixed order. */
export function sums4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7));
}

export function isFiniteNumber(x: f64): bool {
  return x - x === 0;
}
