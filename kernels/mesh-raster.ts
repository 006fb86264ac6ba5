/** The nearest triangle at each pixel's centre, and what it shows there. */
import { NEAR } from './mesh-crossing';
import { BAND, VERTEX } from './mesh-projection';
import { draw } from './tickets';

/** Pixels: in a box narrower than this each is tried, without finding the ends of its rows. */
const NARROW: i32 = 8;

/** Triangles and the planes mask, depth, normal (n + 1) / 2, attributes [5 + C, H, W] before anti-aliasing. */
export function raster(
  thread: i32,
  bandCount: i32,
  width: i32,
  height: i32,
  indices: usize,
  clip: usize,
  positions: usize,
  attributes: usize,
  channels: i32,
  boxes: usize,
  list: usize,
  offsets: usize,
  scratch: usize,
  triangle: usize,
  raw: usize,
): void {
  const nearest = scratch + usize(thread) * (usize(width * BAND) << 3);
  for (;;) {
    const band = draw(1);
    if (band >= bandCount) return;
    const top = band * BAND;
    const bottom = min(height, top + BAND) - 1;
    memory.fill(nearest, 0, usize(width * BAND) << 3);
    memory.fill(triangle + (usize(top * width) << 2), 0, usize((bottom - top + 1) * width) << 2);
    const end = load<i32>(offsets + (usize(band) << 2), 4);
    for (let k = load<i32>(offsets + (usize(band) << 2)); k < end; k++)
      drawTriangle(load<i32>(list + (usize(k) << 2)), indices, clip, boxes, width, top, bottom, nearest, triangle);
    const plane = usize(width * height) << 2;
    shaded = -1;
    for (let y = top; y <= bottom; y++)
      for (let x = 0; x < width; x++) {
        const p = usize(y * width + x) << 2;
        shade(load<i32>(triangle + p) - 1, x, y, indices, clip, positions, attributes, channels, raw + p, plane);
      }
  }
}

// Edge functions of the triangle at hand: weight / w of each vertex at the pixel's centre.
let e0x: f64 = 0;
let e0y: f64 = 0;
let e0: f64 = 0;
let e1x: f64 = 0;
let e1y: f64 = 0;
let e1: f64 = 0;
let e2x: f64 = 0;
let e2y: f64 = 0;
let e2: f64 = 0;

function setEdges(t: i32, indices: usize, clip: usize): bool {
  const a = clip + usize(load<i32>(indices + (usize(3 * t) << 2))) * VERTEX;
  const b = clip + usize(load<i32>(indices + (usize(3 * t + 1) << 2))) * VERTEX;
  const c = clip + usize(load<i32>(indices + (usize(3 * t + 2) << 2))) * VERTEX;
  const ax = load<f64>(a);
  const ay = load<f64>(a, 8);
  const aw = load<f64>(a, 16);
  const bx = load<f64>(b);
  const by = load<f64>(b, 8);
  const bw = load<f64>(b, 16);
  const cx = load<f64>(c);
  const cy = load<f64>(c, 8);
  const cw = load<f64>(c, 16);
  e0x = by * cw - bw * cy;
  e0y = bw * cx - bx * cw;
  e0 = bx * cy - by * cx;
  const inverse = 1 / (ax * e0x + ay * e0y + aw * e0);
  if (inverse - inverse !== 0 || inverse === 0) return false;
  e1x = (cy * aw - cw * ay) * inverse;
  e1y = (cw * ax - cx * aw) * inverse;
  e1 = (cx * ay - cy * ax) * inverse;
  e2x = (ay * bw - aw * by) * inverse;
  e2y = (aw * bx - ax * bw) * inverse;
  e2 = (ax * by - ay * bx) * inverse;
  e0x *= inverse;
  e0y *= inverse;
  e0 *= inverse;
  return true;
}

// The columns of a row that may be inside.
let from: f64 = 0;
let to: f64 = 0;

function clipRow(slope: f64, rest: f64): void {
  if (slope > 0) from = max(from, ceil(-rest / slope - 0.5 - 1e-6));
  else if (slope < 0) to = min(to, floor(-rest / slope - 0.5 + 1e-6));
  else if (rest < 0) to = -1;
}

function drawTriangle(
  t: i32,
  indices: usize,
  clip: usize,
  boxes: usize,
  width: i32,
  top: i32,
  bottom: i32,
  nearest: usize,
  triangle: usize,
): void {
  if (!setEdges(t, indices, clip)) return;
  const box = boxes + (usize(t) << 3);
  const left = i32(load<u16>(box));
  const right = i32(load<u16>(box, 2));
  const first = max(top, i32(load<u16>(box, 4)));
  const end = min(bottom, i32(load<u16>(box, 6)));
  const narrow = right - left < NARROW;
  for (let y = first; y <= end; y++) {
    const fy = f64(y) + 0.5;
    from = f64(left);
    to = f64(right);
    if (!narrow) {
      clipRow(e0x, e0y * fy + e0);
      clipRow(e1x, e1y * fy + e1);
      clipRow(e2x, e2y * fy + e2);
      if (!(from <= to)) continue;
    }
    const last = i32(to);
    for (let x = i32(from); x <= last; x++) {
      const fx = f64(x) + 0.5;
      const a = e0x * fx + e0y * fy + e0;
      const b = e1x * fx + e1y * fy + e1;
      const c = e2x * fx + e2y * fy + e2;
      const inverse = a + b + c;
      const at = nearest + (usize((y - top) * width + x) << 3);
      if (a < 0 || b < 0 || c < 0 || !(inverse > load<f64>(at)) || !(inverse < 1 / NEAR)) continue;
      store<f64>(at, inverse);
      store<i32>(triangle + (usize(y * width + x) << 2), t + 1);
    }
  }
}

// The triangle shaded last, whose edges are set, and its encoded normal.
let shaded: i32 = -1;
let normalX: f32 = 0;
let normalY: f32 = 0;
let normalZ: f32 = 0;

function shade(
  t: i32,
  x: i32,
  y: i32,
  indices: usize,
  clip: usize,
  positions: usize,
  attributes: usize,
  channels: i32,
  out: usize,
  plane: usize,
): void {
  if (t < 0) {
    for (let c = 0; c < 5 + channels; c++) store<f32>(out + usize(c) * plane, c >= 2 && c < 5 ? 0.5 : 0);
    return;
  }
  if (t !== shaded) {
    shaded = t;
    setEdges(t, indices, clip);
    setNormal(t, indices, positions);
  }
  const fx = f64(x) + 0.5;
  const fy = f64(y) + 0.5;
  let b0 = e0x * fx + e0y * fy + e0;
  let b1 = e1x * fx + e1y * fy + e1;
  let b2 = e2x * fx + e2y * fy + e2;
  const total = b0 + b1 + b2;
  b0 /= total;
  b1 /= total;
  b2 /= total;
  const v0 = usize(load<i32>(indices + (usize(3 * t) << 2)));
  const v1 = usize(load<i32>(indices + (usize(3 * t + 1) << 2)));
  const v2 = usize(load<i32>(indices + (usize(3 * t + 2) << 2)));
  store<f32>(out, 1);
  store<f32>(
    out + plane,
    f32(
      b0 * load<f64>(clip + v0 * VERTEX, 16) +
        b1 * load<f64>(clip + v1 * VERTEX, 16) +
        b2 * load<f64>(clip + v2 * VERTEX, 16),
    ),
  );
  store<f32>(out + 2 * plane, normalX);
  store<f32>(out + 3 * plane, normalY);
  store<f32>(out + 4 * plane, normalZ);
  const stride = usize(channels) << 2;
  for (let c: usize = 0; c < usize(channels); c++) {
    const value =
      b0 * f64(load<f32>(attributes + v0 * stride + (c << 2))) +
      b1 * f64(load<f32>(attributes + v1 * stride + (c << 2))) +
      b2 * f64(load<f32>(attributes + v2 * stride + (c << 2)));
    store<f32>(out + (5 + c) * plane, f32(value));
  }
}

function setNormal(t: i32, indices: usize, positions: usize): void {
  const v0 = usize(load<i32>(indices + (usize(3 * t) << 2)));
  const v1 = usize(load<i32>(indices + (usize(3 * t + 1) << 2)));
  const v2 = usize(load<i32>(indices + (usize(3 * t + 2) << 2)));
  const px = f64(load<f32>(positions + v0 * 12));
  const py = f64(load<f32>(positions + v0 * 12, 4));
  const pz = f64(load<f32>(positions + v0 * 12, 8));
  const ax = f64(load<f32>(positions + v1 * 12)) - px;
  const ay = f64(load<f32>(positions + v1 * 12, 4)) - py;
  const az = f64(load<f32>(positions + v1 * 12, 8)) - pz;
  const bx = f64(load<f32>(positions + v2 * 12)) - px;
  const by = f64(load<f32>(positions + v2 * 12, 4)) - py;
  const bz = f64(load<f32>(positions + v2 * 12, 8)) - pz;
  const nx = ay * bz - az * by;
  const ny = az * bx - ax * bz;
  const nz = ax * by - ay * bx;
  const length = sqrt(nx * nx + ny * ny + nz * nz);
  normalX = length > 0 ? f32(0.5 * (nx / length + 1)) : 0.5;
  normalY = length > 0 ? f32(0.5 * (ny / length + 1)) : 0.5;
  normalZ = length > 0 ? f32(0.5 * (nz / length + 1)) : 0.5;
}
