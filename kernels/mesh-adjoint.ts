/**
 * Differentiable triangles, adjoint: pixelsBackward, facesBackward, verticesBackward. The readable version is
 * src/render/mesh-twin.ts.
 *
 * Nothing is added up across threads: each pair of a triangle and a band has its own record of floats: gradients of
 * (x·w, y·w, w) of its corners [9], of its normal [3], of its corners' attributes [3, C].
 */
import { NONE } from './mesh-antialias';
import {
  cornerFrom,
  cornerTo,
  findCrossing,
  firstOwns,
  saturated,
  slopeFromX,
  slopeFromY,
  slopeToX,
  slopeToY,
} from './mesh-crossing';
import { BAND, VERTEX } from './mesh-projection';
import { draw } from './tickets';

function add(at: usize, value: f64): void {
  store<f32>(at, load<f32>(at) + f32(value));
}

/** The gradient g of a corner's position on the picture, in pixels, into its (x·w, y·w, w). */
function addPixelGradient(record: usize, corner: i32, v: usize, gx: f64, gy: f64): void {
  const w = load<f64>(v, 16);
  const at = record + usize(corner) * 12;
  add(at, gx / w);
  add(at + 4, gy / w);
  add(at + 8, -((load<f64>(v) / w) * gx + (load<f64>(v, 8) / w) * gy) / w);
}

/**
 * `given`: gradients of the planes mask, depth, normal, attributes [5 + C, H, W]. A record is cleared when it is first met, which
 * `met` [entries] says, bytes.
 */
export function pixelsBackward(
  thread: i32,
  bandCount: i32,
  width: i32,
  height: i32,
  indices: usize,
  clip: usize,
  starts: usize,
  corners: usize,
  attributes: usize,
  channels: i32,
  bands: usize,
  bases: usize,
  scratch: usize,
  triangle: usize,
  raw: usize,
  amounts: usize,
  given: usize,
  records: usize,
  met: usize,
): void {
  const stride = usize(12 + 3 * channels) << 2;
  const all = usize(5 + channels);
  const plane = usize(width * height) << 2;
  const g = scratch + usize(thread) * 1024; // doubles [5 + C], C ≤ 64
  for (;;) {
    const band = draw(1);
    if (band >= bandCount) return;
    const bottom = min(height, (band + 1) * BAND);
    for (let y = band * BAND; y < bottom; y++)
      for (let x = 0; x < width; x++) {
        const p = usize(y * width + x) << 2;
        const id = load<i32>(triangle + p);
        if (id === 0) continue; // background pixels carry no parameters, owners speak for pairs with them
        const t = id - 1;
        const entry = usize(load<i32>(bases + (usize(t) << 2)) + band - load<i32>(bands + (usize(t) << 3)));
        const record = records + entry * stride;
        if (load<u8>(met + entry) === 0) {
          store<u8>(met + entry, 1);
          memory.fill(record, 0, stride);
        }
        for (let c: usize = 0; c < all; c++) store<f64>(g + (c << 3), f64(load<f32>(given + c * plane + p)));
        for (let n = 0; n < 4; n++) {
          // left, above: this pixel is the second of the pair; right, below: the first
          const axis = n & 1;
          const second = n < 2;
          const x0 = second && axis === 0 ? x - 1 : x;
          const y0 = second && axis === 1 ? y - 1 : y;
          if (x0 < 0 || y0 < 0) continue;
          const p0 = usize(y0 * width + x0) << 2;
          const amount = load<f32>(amounts + usize(axis) * plane + p0);
          if (amount === NONE) continue;
          const p1 = axis === 0 ? p0 + 4 : p0 + (usize(width) << 2);
          const receiver = amount > 0 ? p0 : p1;
          const share = f64(second ? amount : -amount);
          let gAmount: f64 = 0;
          for (let c: usize = 0; c < all; c++) {
            const upstream = f64(load<f32>(given + c * plane + receiver));
            store<f64>(g + (c << 3), load<f64>(g + (c << 3)) + share * upstream);
            const from = raw + c * plane;
            gAmount += upstream * (f64(load<f32>(from + p1)) - f64(load<f32>(from + p0)));
          }
          const id0 = load<i32>(triangle + p0);
          const id1 = load<i32>(triangle + p1);
          const d0 = load<f32>(raw + plane + p0);
          const d1 = load<f32>(raw + plane + p1);
          if (!findCrossing(clip, indices, starts, corners, x0, y0, axis, id0, d0, id1, d1)) continue;
          if (saturated || firstOwns === second) continue; // no slope, or the other pixel's triangle has the edge
          const from = clip + usize(load<i32>(indices + (usize(3 * t + cornerFrom) << 2))) * VERTEX;
          const to = clip + usize(load<i32>(indices + (usize(3 * t + cornerTo) << 2))) * VERTEX;
          addPixelGradient(record, cornerFrom, from, -gAmount * slopeFromX, -gAmount * slopeFromY);
          addPixelGradient(record, cornerTo, to, -gAmount * slopeToX, -gAmount * slopeToY);
        }
        interpolationBackward(t, f64(x) + 0.5, f64(y) + 0.5, indices, clip, attributes, usize(channels), g, record);
      }
  }
}

/** From the gradients of one pixel's values to its triangle's corners. */
function interpolationBackward(
  t: i32,
  x: f64,
  y: f64,
  indices: usize,
  clip: usize,
  attributes: usize,
  channels: usize,
  g: usize,
  record: usize,
): void {
  const v0 = usize(load<i32>(indices + (usize(3 * t) << 2)));
  const v1 = usize(load<i32>(indices + (usize(3 * t + 1) << 2)));
  const v2 = usize(load<i32>(indices + (usize(3 * t + 2) << 2)));
  const w0 = load<f64>(clip + v0 * VERTEX, 16);
  const w1 = load<f64>(clip + v1 * VERTEX, 16);
  const w2 = load<f64>(clip + v2 * VERTEX, 16);
  const x0 = load<f64>(clip + v0 * VERTEX) - x * w0;
  const y0 = load<f64>(clip + v0 * VERTEX, 8) - y * w0;
  const x1 = load<f64>(clip + v1 * VERTEX) - x * w1;
  const y1 = load<f64>(clip + v1 * VERTEX, 8) - y * w1;
  const x2 = load<f64>(clip + v2 * VERTEX) - x * w2;
  const y2 = load<f64>(clip + v2 * VERTEX, 8) - y * w2;
  const a0 = x1 * y2 - y1 * x2;
  const a1 = x2 * y0 - y2 * x0;
  const a2 = x0 * y1 - y0 * x1;
  const total = a0 + a1 + a2;
  const b0 = a0 / total;
  const b1 = a1 / total;
  const b2 = a2 / total;
  const gDepth = load<f64>(g, 8);
  let worth0 = w0 * gDepth;
  let worth1 = w1 * gDepth;
  let worth2 = w2 * gDepth;
  const row = channels << 2;
  for (let c: usize = 0; c < channels; c++) {
    const gc = load<f64>(g + ((5 + c) << 3));
    worth0 += gc * f64(load<f32>(attributes + v0 * row + (c << 2)));
    worth1 += gc * f64(load<f32>(attributes + v1 * row + (c << 2)));
    worth2 += gc * f64(load<f32>(attributes + v2 * row + (c << 2)));
    const at = record + 48 + (c << 2);
    add(at, b0 * gc);
    add(at + row, b1 * gc);
    add(at + 2 * row, b2 * gc);
  }
  for (let k: usize = 0; k < 3; k++) add(record + 36 + (k << 2), 0.5 * load<f64>(g + ((2 + k) << 3))); // they are encoded (n + 1) / 2
  const mean = worth0 * b0 + worth1 * b1 + worth2 * b2;
  const g0 = (worth0 - mean) / total;
  const g1 = (worth1 - mean) / total;
  const g2 = (worth2 - mean) / total;
  const gx0 = g2 * y1 - g1 * y2;
  const gy0 = g1 * x2 - g2 * x1;
  const gx1 = g0 * y2 - g2 * y0;
  const gy1 = g2 * x0 - g0 * x2;
  const gx2 = g1 * y0 - g0 * y1;
  const gy2 = g0 * x1 - g1 * x0;
  add(record, gx0);
  add(record + 4, gy0);
  add(record + 8, b0 * gDepth - x * gx0 - y * gy0);
  add(record + 12, gx1);
  add(record + 16, gy1);
  add(record + 20, b1 * gDepth - x * gx1 - y * gy1);
  add(record + 24, gx2);
  add(record + 28, gy2);
  add(record + 32, b2 * gDepth - x * gx2 - y * gy2);
}

/**
 * Adds up each triangle's records in the first that was met, at `own` [F], from 1 (0: none), and turns its first nine floats into world
 * gradients of the corners.
 */
export function facesBackward(
  thread: i32,
  count: i32,
  channels: i32,
  camera: usize,
  indices: usize,
  positions: usize,
  bases: usize,
  records: usize,
  met: usize,
  own: usize,
): void {
  const floats = usize(12 + 3 * channels);
  const stride = floats << 2;
  for (;;) {
    const begin = draw(1024);
    if (begin >= count) return;
    const end = min(count, begin + 1024);
    for (let t = begin; t < end; t++) {
      const first = load<i32>(bases + (usize(t) << 2));
      const last = load<i32>(bases + (usize(t) << 2), 4);
      let record: usize = 0;
      store<i32>(own + (usize(t) << 2), 0);
      for (let e = first; e < last; e++) {
        if (load<u8>(met + usize(e)) === 0) continue;
        const other = records + usize(e) * stride;
        if (record === 0) {
          record = other;
          store<i32>(own + (usize(t) << 2), e + 1);
        } else for (let k: usize = 0; k < floats; k++) add(record + (k << 2), f64(load<f32>(other + (k << 2))));
      }
      if (record === 0) continue;
      for (let k: usize = 0; k < 3; k++) toWorld(record + k * 12, camera);
      normalBackward(t, indices, positions, record);
    }
  }
}

function toWorld(at: usize, camera: usize): void {
  const gx = f64(load<f32>(at));
  const gy = f64(load<f32>(at, 4));
  const gw = f64(load<f32>(at, 8));
  const cx = load<f64>(camera, 128) * gx;
  const cy = load<f64>(camera, 144) * gy;
  const cz = load<f64>(camera, 136) * gx + load<f64>(camera, 152) * gy + gw;
  for (let axis: usize = 0; axis < 3; axis++) {
    const e = camera + (axis << 3);
    store<f32>(at + (axis << 2), f32(load<f64>(e) * cx + load<f64>(e, 32) * cy + load<f64>(e, 64) * cz));
  }
}

function normalBackward(t: i32, indices: usize, positions: usize, record: usize): void {
  const gx = f64(load<f32>(record, 36));
  const gy = f64(load<f32>(record, 40));
  const gz = f64(load<f32>(record, 44));
  if (gx === 0 && gy === 0 && gz === 0) return; // not seen: its vertices may be anything
  const v0 = positions + usize(load<i32>(indices + (usize(3 * t) << 2))) * 12;
  const v1 = positions + usize(load<i32>(indices + (usize(3 * t + 1) << 2))) * 12;
  const v2 = positions + usize(load<i32>(indices + (usize(3 * t + 2) << 2))) * 12;
  const ax = f64(load<f32>(v1)) - f64(load<f32>(v0));
  const ay = f64(load<f32>(v1, 4)) - f64(load<f32>(v0, 4));
  const az = f64(load<f32>(v1, 8)) - f64(load<f32>(v0, 8));
  const bx = f64(load<f32>(v2)) - f64(load<f32>(v0));
  const by = f64(load<f32>(v2, 4)) - f64(load<f32>(v0, 4));
  const bz = f64(load<f32>(v2, 8)) - f64(load<f32>(v0, 8));
  let nx = ay * bz - az * by;
  let ny = az * bx - ax * bz;
  let nz = ax * by - ay * bx;
  const length = sqrt(nx * nx + ny * ny + nz * nz);
  if (!(length > 0)) return;
  nx /= length;
  ny /= length;
  nz /= length;
  const along = nx * gx + ny * gy + nz * gz;
  const cx = (gx - nx * along) / length;
  const cy = (gy - ny * along) / length;
  const cz = (gz - nz * along) / length;
  // ∂L/∂e₁ = e₂ × c, ∂L/∂e₂ = c × e₁
  const px = by * cz - bz * cy;
  const py = bz * cx - bx * cz;
  const pz = bx * cy - by * cx;
  const qx = cy * az - cz * ay;
  const qy = cz * ax - cx * az;
  const qz = cx * ay - cy * ax;
  add(record, -px - qx);
  add(record + 4, -py - qy);
  add(record + 8, -pz - qz);
  add(record + 12, px);
  add(record + 16, py);
  add(record + 20, pz);
  add(record + 24, qx);
  add(record + 28, qy);
  add(record + 32, qz);
}

/** Each vertex gathers from the corners that meet there. */
export function verticesBackward(
  thread: i32,
  count: i32,
  channels: i32,
  starts: usize,
  corners: usize,
  records: usize,
  own: usize,
  gPositions: usize,
  gAttributes: usize,
): void {
  const stride = usize(12 + 3 * channels) << 2;
  const row = usize(channels) << 2;
  for (;;) {
    const begin = draw(1024);
    if (begin >= count) return;
    const end = min(count, begin + 1024);
    for (let v = usize(begin); v < usize(end); v++) {
      const position = gPositions + v * 12;
      const attribute = gAttributes + v * row;
      memory.fill(position, 0, 12);
      memory.fill(attribute, 0, row);
      const last = load<i32>(starts + (v << 2), 4);
      for (let i = load<i32>(starts + (v << 2)); i < last; i++) {
        const corner = load<i32>(corners + (usize(i) << 2));
        const t = usize(corner / 3);
        const k = usize(corner % 3);
        const entry = load<i32>(own + (t << 2));
        if (entry === 0) continue;
        const record = records + usize(entry - 1) * stride;
        for (let axis: usize = 0; axis < 3; axis++)
          add(position + (axis << 2), f64(load<f32>(record + k * 12 + (axis << 2))));
        for (let c: usize = 0; c < usize(channels); c++)
          add(attribute + (c << 2), f64(load<f32>(record + 48 + k * row + (c << 2))));
      }
    }
  }
}
