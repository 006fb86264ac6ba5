/** Vertices on the picture, and which pixels a triangle may cover. */
import { NEAR } from './mesh-crossing';
import { draw } from './tickets';

/** Rows of a band. */
export const BAND: i32 = 16;

/** Bytes of a vertex, doubles: (x·w, y·w, w, x, y) in pixels, w is camera z. */
export const VERTEX: usize = 40;

const FARTHEST: f64 = 1e9;

/** Vertices. Camera, doubles: extrinsics [3, 4], k0, k2, k4, k5, then W·k0, W·k2, H·k4, H·k5. */
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
      const xw = width * (k0 * cx + k2 * w);
      const yw = height * (k4 * cy + k5 * w);
      store<f64>(clip + v * VERTEX, xw);
      store<f64>(clip + v * VERTEX, yw, 8);
      store<f64>(clip + v * VERTEX, w, 16);
      store<f64>(clip + v * VERTEX, xw / w, 24);
      store<f64>(clip + v * VERTEX, yw / w, 32);
    }
  }
}

/** No coordinate is so far off, or not a number, that double precision misplaces edges. */
function isClose(v: usize): bool {
  return max(abs(load<f64>(v)), max(abs(load<f64>(v, 8)), abs(load<f64>(v, 16)))) <= FARTHEST;
}

/** The pixels that each triangle may cover, both ends included: left, right, top, bottom, 16 bits each; and the bands [from, to). */
export function bounds(
  thread: i32,
  count: i32,
  indices: usize,
  clip: usize,
  width: i32,
  height: i32,
  boxes: usize,
  bands: usize,
): void {
  for (;;) {
    const begin = draw(4096);
    if (begin >= count) return;
    const end = min(count, begin + 4096);
    for (let t = begin; t < end; t++) {
      const out = bands + (usize(t) << 3);
      store<i64>(out, 0);
      const a = clip + usize(load<i32>(indices + (usize(3 * t) << 2))) * VERTEX;
      const b = clip + usize(load<i32>(indices + (usize(3 * t + 1) << 2))) * VERTEX;
      const c = clip + usize(load<i32>(indices + (usize(3 * t + 2) << 2))) * VERTEX;
      const aw = load<f64>(a, 16);
      const bw = load<f64>(b, 16);
      const cw = load<f64>(c, 16);
      if (!(aw >= NEAR || bw >= NEAR || cw >= NEAR) || !(isClose(a) && isClose(b) && isClose(c))) continue;
      const box = boxes + (usize(t) << 3);
      store<u16>(box, 0);
      store<u16>(box, u16(width - 1), 2);
      let top = 0;
      let bottom = height - 1;
      if (aw >= NEAR && bw >= NEAR && cw >= NEAR) {
        const x0 = load<f64>(a, 24);
        const x1 = load<f64>(b, 24);
        const x2 = load<f64>(c, 24);
        const y0 = load<f64>(a, 32);
        const y1 = load<f64>(b, 32);
        const y2 = load<f64>(c, 32);
        const left = max(ceil(min(x0, min(x1, x2)) - 0.5 - 1e-6), 0);
        const right = min(floor(max(x0, max(x1, x2)) - 0.5 + 1e-6), width - 1);
        const upper = max(ceil(min(y0, min(y1, y2)) - 0.5 - 1e-6), 0);
        const lower = min(floor(max(y0, max(y1, y2)) - 0.5 + 1e-6), height - 1);
        if (!(left <= right && upper <= lower)) continue; // between centres, beside the picture, or not a number
        top = i32(upper);
        bottom = i32(lower);
        store<u16>(box, u16(i32(left)));
        store<u16>(box, u16(i32(right)), 2);
      }
      store<u16>(box, u16(top), 4);
      store<u16>(box, u16(bottom), 6);
      store<i32>(out, top / BAND);
      store<i32>(out, bottom / BAND + 1, 4);
    }
  }
}
