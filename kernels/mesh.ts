/**
 * Differentiable triangles, forward: the readable version is src/render/mesh-twin.ts, the caller src/render/mesh-kernel.ts, in
 * this order: project, bounds, order, (place the list), fill, corners, raster, antialias; the adjoint is in mesh-adjoint.ts.
 *
 * The picture is cut into bands of 16 rows, each drawn by one thread from its own list of triangles.
 */
import { amount, findCrossing, firstReceives, NEAR } from './mesh-crossing';
import { draw } from './tickets';

export { facesBackward, pixelsBackward, verticesBackward } from './mesh-adjoint';

const BAND: i32 = 16;
const FARTHEST: f64 = 1e9;

/** Vertices as (x·w, y·w, w) in pixels, doubles. Camera, doubles: extrinsics [3, 4], k0, k2, k4, k5, then W·k0, W·k2, H·k4, H·k5. */
export function project(
  thread: i32,
  count: i32,
  camera: usize,
  positions: usize,
  clip: usize,
  width: f64,
  height: f64,
): void {
  const k0 = load<f64>(camera, 96);
  const k2 = load<f64>(camera, 104);
  const k4 = load<f64>(camera, 112);
  const k5 = load<f64>(camera, 120);
  for (;;) {
    const begin = draw(4096);
    if (begin >= count) return;
    const end = min(count, begin + 4096);
    for (let v = usize(begin); v < usize(end); v++) {
      const x = f64(load<f32>(positions + v * 12));
      const y = f64(load<f32>(positions + v * 12, 4));
      const z = f64(load<f32>(positions + v * 12, 8));
      const w =
        load<f64>(camera, 64) * x + load<f64>(camera, 72) * y + load<f64>(camera, 80) * z + load<f64>(camera, 88);
      const cx =
        load<f64>(camera, 0) * x + load<f64>(camera, 8) * y + load<f64>(camera, 16) * z + load<f64>(camera, 24);
      const cy =
        load<f64>(camera, 32) * x + load<f64>(camera, 40) * y + load<f64>(camera, 48) * z + load<f64>(camera, 56);
      store<f64>(clip + v * 24, width * (k0 * cx + k2 * w));
      store<f64>(clip + v * 24, height * (k4 * cy + k5 * w), 8);
      store<f64>(clip + v * 24, w, 16);
    }
  }
}

/** No coordinate is so far off, or not a number, that double precision misplaces edges. */
function isClose(v: usize): bool {
  return max(abs(load<f64>(v)), max(abs(load<f64>(v, 8)), abs(load<f64>(v, 16)))) <= FARTHEST;
}

/** The bands [from, to) that each triangle may cover. */
export function bounds(
  thread: i32,
  count: i32,
  indices: usize,
  clip: usize,
  width: i32,
  height: i32,
  bands: usize,
): void {
  for (;;) {
    const begin = draw(4096);
    if (begin >= count) return;
    const end = min(count, begin + 4096);
    for (let t = begin; t < end; t++) {
      const out = bands + (usize(t) << 3);
      store<i64>(out, 0);
      const a = clip + usize(load<i32>(indices + (usize(3 * t) << 2))) * 24;
      const b = clip + usize(load<i32>(indices + (usize(3 * t + 1) << 2))) * 24;
      const c = clip + usize(load<i32>(indices + (usize(3 * t + 2) << 2))) * 24;
      const aw = load<f64>(a, 16);
      const bw = load<f64>(b, 16);
      const cw = load<f64>(c, 16);
      if (!(aw >= NEAR || bw >= NEAR || cw >= NEAR) || !(isClose(a) && isClose(b) && isClose(c))) continue;
      let top = 0;
      let bottom = height - 1;
      if (aw >= NEAR && bw >= NEAR && cw >= NEAR) {
        const x0 = load<f64>(a) / aw;
        const x1 = load<f64>(b) / bw;
        const x2 = load<f64>(c) / cw;
        const y0 = load<f64>(a, 8) / aw;
        const y1 = load<f64>(b, 8) / bw;
        const y2 = load<f64>(c, 8) / cw;
        const left = max(ceil(min(x0, min(x1, x2)) - 0.5 - 1e-6), 0);
        const right = min(floor(max(x0, max(x1, x2)) - 0.5 + 1e-6), width - 1);
        const upper = max(ceil(min(y0, min(y1, y2)) - 0.5 - 1e-6), 0);
        const lower = min(floor(max(y0, max(y1, y2)) - 0.5 + 1e-6), height - 1);
        if (!(left <= right && upper <= lower)) continue; // between centres, beside the picture, or not a number
        top = i32(upper);
        bottom = i32(lower);
      }
      store<i32>(out, top / BAND);
      store<i32>(out, bottom / BAND + 1, 4);
    }
  }
}

/** Where each triangle's and each band's entries begin; → their number. */
export function order(count: i32, bands: usize, bandCount: i32, bases: usize, offsets: usize): f64 {
  memory.fill(offsets, 0, (usize(bandCount) + 1) << 2);
  let entries: f64 = 0;
  for (let t = 0; t < count; t++) {
    const from = load<i32>(bands + (usize(t) << 3));
    const to = load<i32>(bands + (usize(t) << 3), 4);
    store<i32>(bases + (usize(t) << 2), i32(entries));
    entries += to - from;
    for (let b = from; b < to; b++) {
      const at = offsets + (usize(b + 1) << 2);
      store<i32>(at, load<i32>(at) + 1);
    }
  }
  store<i32>(bases + (usize(count) << 2), i32(entries));
  for (let b: usize = 1; b <= usize(bandCount); b++)
    store<i32>(offsets + (b << 2), load<i32>(offsets + (b << 2)) + load<i32>(offsets + (b << 2) - 4));
  return entries;
}

/** Each band's triangles, in their order. */
export function fill(count: i32, bands: usize, bandCount: i32, offsets: usize, cursors: usize, list: usize): void {
  memory.copy(cursors, offsets, usize(bandCount) << 2);
  for (let t = 0; t < count; t++) {
    const to = load<i32>(bands + (usize(t) << 3), 4);
    for (let b = load<i32>(bands + (usize(t) << 3)); b < to; b++) {
      const cursor = cursors + (usize(b) << 2);
      const at = load<i32>(cursor);
      store<i32>(cursor, at + 1);
      store<i32>(list + (usize(at) << 2), t);
    }
  }
}

/** The corners 3·t + k that meet at each vertex, in their order: `starts` [V + 1], `corners` [3·F]. */
export function corners(vertices: i32, faces: i32, indices: usize, starts: usize, cursors: usize, out: usize): void {
  memory.fill(starts, 0, (usize(vertices) + 1) << 2);
  for (let c: usize = 0; c < usize(3 * faces); c++) {
    const at = starts + (usize(load<i32>(indices + (c << 2)) + 1) << 2);
    store<i32>(at, load<i32>(at) + 1);
  }
  for (let v: usize = 1; v <= usize(vertices); v++)
    store<i32>(starts + (v << 2), load<i32>(starts + (v << 2)) + load<i32>(starts + (v << 2) - 4));
  memory.copy(cursors, starts, usize(vertices) << 2);
  for (let c: usize = 0; c < usize(3 * faces); c++) {
    const cursor = cursors + (usize(load<i32>(indices + (c << 2))) << 2);
    const at = load<i32>(cursor);
    store<i32>(cursor, at + 1);
    store<i32>(out + (usize(at) << 2), i32(c));
  }
}

/** Triangles and the planes mask, depth, normal, attributes [5 + C, H, W] before anti-aliasing. */
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
      drawTriangle(load<i32>(list + (usize(k) << 2)), indices, clip, width, top, bottom, nearest, triangle);
    const plane = usize(width * height) << 2;
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
  const a = clip + usize(load<i32>(indices + (usize(3 * t) << 2))) * 24;
  const b = clip + usize(load<i32>(indices + (usize(3 * t + 1) << 2))) * 24;
  const c = clip + usize(load<i32>(indices + (usize(3 * t + 2) << 2))) * 24;
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
  width: i32,
  top: i32,
  bottom: i32,
  nearest: usize,
  triangle: usize,
): void {
  if (!setEdges(t, indices, clip)) return;
  for (let y = top; y <= bottom; y++) {
    const fy = f64(y) + 0.5;
    from = 0;
    to = f64(width - 1);
    clipRow(e0x, e0y * fy + e0);
    clipRow(e1x, e1y * fy + e1);
    clipRow(e2x, e2y * fy + e2);
    if (!(from <= to)) continue;
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
    for (let c = 0; c < 5 + channels; c++) store<f32>(out + usize(c) * plane, 0);
    return;
  }
  setEdges(t, indices, clip);
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
    f32(b0 * load<f64>(clip + v0 * 24, 16) + b1 * load<f64>(clip + v1 * 24, 16) + b2 * load<f64>(clip + v2 * 24, 16)),
  );
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
  store<f32>(out + 2 * plane, length > 0 ? f32(nx / length) : 0);
  store<f32>(out + 3 * plane, length > 0 ? f32(ny / length) : 0);
  store<f32>(out + 4 * plane, length > 0 ? f32(nz / length) : 0);
  for (let c: usize = 0; c < usize(channels); c++) {
    const stride = usize(channels) << 2;
    const value =
      b0 * f64(load<f32>(attributes + v0 * stride + (c << 2))) +
      b1 * f64(load<f32>(attributes + v1 * stride + (c << 2))) +
      b2 * f64(load<f32>(attributes + v2 * stride + (c << 2)));
    store<f32>(out + (5 + c) * plane, f32(value));
  }
}

/** Mixes pixels at silhouettes and encodes normals; with `smooth` 0 it only encodes. */
export function antialias(
  thread: i32,
  smooth: i32,
  bandCount: i32,
  width: i32,
  height: i32,
  indices: usize,
  clip: usize,
  starts: usize,
  cornerList: usize,
  channels: i32,
  triangle: usize,
  raw: usize,
  out: usize,
): void {
  const plane = usize(width * height) << 2;
  for (;;) {
    const band = draw(1);
    if (band >= bandCount) return;
    const bottom = min(height, (band + 1) * BAND);
    for (let c: usize = 0; c < usize(5 + channels); c++) {
      const from = usize(band * BAND * width) << 2;
      memory.copy(out + c * plane + from, raw + c * plane + from, (usize(bottom * width) << 2) - from);
    }
    for (let y = band * BAND; y < bottom; y++)
      for (let x = 0; x < width; x++) {
        const p = usize(y * width + x) << 2;
        if (smooth !== 0)
          for (let n = 0; n < 4; n++) {
            // left, above: this pixel is the second of the pair; right, below: the first
            const axis = n & 1;
            const second = n < 2;
            const x0 = second && axis === 0 ? x - 1 : x;
            const y0 = second && axis === 1 ? y - 1 : y;
            const x1 = axis === 0 ? x0 + 1 : x0;
            const y1 = axis === 1 ? y0 + 1 : y0;
            if (x0 < 0 || y0 < 0 || x1 >= width || y1 >= height) continue;
            const p0 = usize(y0 * width + x0) << 2;
            const p1 = usize(y1 * width + x1) << 2;
            const id0 = load<i32>(triangle + p0);
            const id1 = load<i32>(triangle + p1);
            if (id0 === id1) continue;
            const depths = raw + plane;
            if (
              !findCrossing(
                clip,
                indices,
                starts,
                cornerList,
                x0,
                y0,
                axis,
                id0,
                load<f32>(depths + p0),
                id1,
                load<f32>(depths + p1),
              )
            )
              continue;
            if (firstReceives === second) continue; // the other pixel's
            for (let c: usize = 0; c < usize(5 + channels); c++) {
              const from = raw + c * plane;
              const value = out + c * plane + p;
              store<f32>(
                value,
                f32(f64(load<f32>(value)) + amount * (f64(load<f32>(from + p1)) - f64(load<f32>(from + p0)))),
              );
            }
          }
        for (let c: usize = 2; c < 5; c++) {
          const value = out + c * plane + p;
          store<f32>(value, 0.5 * (load<f32>(value) + 1));
        }
      }
  }
}
