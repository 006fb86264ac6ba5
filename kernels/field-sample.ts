/** The field at a sample and its adjoint, four ranks at a time. */
import { exp, exp4, log1p, sums4 } from './elementary';

const C0: f32 = 0.28209479177387814;
const OPAQUE: f64 = 0.999;

/** Lines' samples below, and how far it is to the next, (x, y, z). */
let index: v128 = i32x4.splat(0);
let weight: v128 = i32x4.splat(0);

/** Logistic function of the density's sum, and the color: red, green, blue. */
export let logistic: v128 = i32x4.splat(0);
/** Of density by its sum. */
export let slope: f64 = 0;
export let alpha: f64 = 0;

/** Density, color and α at `place`, (x, y, z) in samples of the cell's lines; `row`: bytes of a row of ranks. */
export function evaluate(block: usize, row: usize, dim: i32, place: v128, step: f64): void {
  index = i32x4.min_s(i32x4.max_s(i32x4.trunc_sat_f32x4_s(place), i32x4.splat(0)), i32x4.splat(dim - 2));
  weight = f32x4.sub(place, f32x4.convert_i32x4_s(index));
  const x = v128.shuffle<i32>(weight, weight, 0, 0, 0, 0);
  const y = v128.shuffle<i32>(weight, weight, 1, 1, 1, 1);
  const z = v128.shuffle<i32>(weight, weight, 2, 2, 2, 2);
  const lineX = block + usize(i32x4.extract_lane(index, 0)) * row;
  const lineY = block + usize(dim + i32x4.extract_lane(index, 1)) * row;
  const lineZ = block + usize(2 * dim + i32x4.extract_lane(index, 2)) * row;
  const tail = block + usize(3 * dim) * row;
  let s = f32x4.splat(0);
  let r = f32x4.splat(0);
  let g = f32x4.splat(0);
  let b = f32x4.splat(0);
  for (let o: usize = 0; o < row; o += 16) {
    const product = f32x4.mul(f32x4.mul(lerp(lineX + o, row, x), lerp(lineY + o, row, y)), lerp(lineZ + o, row, z));
    s = f32x4.add(s, f32x4.mul(product, v128.load(tail + o)));
    r = f32x4.add(r, f32x4.mul(product, v128.load(tail + row + o)));
    g = f32x4.add(g, f32x4.mul(product, v128.load(tail + 2 * row + o)));
    b = f32x4.add(b, f32x4.mul(product, v128.load(tail + 3 * row + o)));
  }
  const v = f32x4.mul(sums4(s, r, g, b), f32x4(1, C0, C0, C0));
  const e = exp4(f32x4.neg(f32x4.abs(v)));
  const one = f32x4.splat(1);
  logistic = f32x4.div(v128.bitselect(one, e, f32x4.ge(v, f32x4.splat(0))), f32x4.add(one, e));
  // softplus
  const sum = f32x4.extract_lane(v, 0);
  let sigma = sum;
  slope = 1;
  if (sum < 10) {
    sigma = max(sum, 0) + log1p(f32x4.extract_lane(e, 0));
    slope = f64(f32x4.extract_lane(logistic, 0));
  }
  alpha = min(absorbed(f64(sigma) * step), OPAQUE);
}

function lerp(at: usize, next: usize, weight: v128): v128 {
  const a = v128.load(at);
  return f32x4.add(a, f32x4.mul(f32x4.sub(v128.load(at + next), a), weight));
}

/** 1 − e⁻ˣ of a number ≥ 0; for a small one, as most are, from the series. */
function absorbed(x: f64): f64 {
  if (x > 0.5) return 1 - exp(-x);
  let p: f64 = 1.0 / 362880;
  p = p * x - 1.0 / 40320;
  p = p * x + 1.0 / 5040;
  p = p * x - 1.0 / 720;
  p = p * x + 1.0 / 120;
  p = p * x - 1.0 / 24;
  p = p * x + 1.0 / 6;
  p = p * x - 0.5;
  p = p * x + 1;
  return p * x;
}

/** After `evaluate`: adds the gradients of the cell's block to those at `to`, from those of the sums of density and of the colors. */
export function sampleBackward(block: usize, to: usize, row: usize, dim: i32, gSums: v128): void {
  const lineX = usize(i32x4.extract_lane(index, 0)) * row;
  const lineY = usize(dim + i32x4.extract_lane(index, 1)) * row;
  const lineZ = usize(2 * dim + i32x4.extract_lane(index, 2)) * row;
  const tail = usize(3 * dim) * row;
  const x = v128.shuffle<i32>(weight, weight, 0, 0, 0, 0);
  const y = v128.shuffle<i32>(weight, weight, 1, 1, 1, 1);
  const z = v128.shuffle<i32>(weight, weight, 2, 2, 2, 2);
  const scaled = f32x4.mul(gSums, f32x4(1, C0, C0, C0));
  const s = v128.shuffle<i32>(scaled, scaled, 0, 0, 0, 0);
  const r = v128.shuffle<i32>(scaled, scaled, 1, 1, 1, 1);
  const g = v128.shuffle<i32>(scaled, scaled, 2, 2, 2, 2);
  const b = v128.shuffle<i32>(scaled, scaled, 3, 3, 3, 3);
  for (let o: usize = 0; o < row; o += 16) {
    const lx = lerp(block + lineX + o, row, x);
    const ly = lerp(block + lineY + o, row, y);
    const lz = lerp(block + lineZ + o, row, z);
    const xy = f32x4.mul(lx, ly);
    const product = f32x4.mul(xy, lz);
    const own = block + tail + o;
    const target = to + tail + o;
    addTo(target, f32x4.mul(product, s));
    addTo(target + row, f32x4.mul(product, r));
    addTo(target + 2 * row, f32x4.mul(product, g));
    addTo(target + 3 * row, f32x4.mul(product, b));
    const gProduct = f32x4.add(
      f32x4.add(f32x4.mul(s, v128.load(own)), f32x4.mul(r, v128.load(own + row))),
      f32x4.add(f32x4.mul(g, v128.load(own + 2 * row)), f32x4.mul(b, v128.load(own + 3 * row))),
    );
    spread(to + lineX + o, row, x, f32x4.mul(gProduct, f32x4.mul(ly, lz)));
    spread(to + lineY + o, row, y, f32x4.mul(gProduct, f32x4.mul(lx, lz)));
    spread(to + lineZ + o, row, z, f32x4.mul(gProduct, xy));
  }
}

function addTo(at: usize, v: v128): void {
  v128.store(at, f32x4.add(v128.load(at), v));
}

/** The adjoint of `lerp`. */
function spread(at: usize, next: usize, weight: v128, g: v128): void {
  const above = f32x4.mul(g, weight);
  addTo(at, f32x4.sub(g, above));
  addTo(at + next, above);
}
