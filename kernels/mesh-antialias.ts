/** Pixels at silhouettes, mixed with their neighbours. */
import { amount, findCrossing } from './mesh-crossing';
import { BAND } from './mesh-projection';
import { draw } from './tickets';

/** Instead of an amount in −½ … ½: the pair is not mixed. */
export const NONE: f32 = 2;

/** By how much each pixel is mixed with its right and with its lower neighbour: `amounts` [2, H, W]. */
export function crossings(
  thread: i32,
  bandCount: i32,
  width: i32,
  height: i32,
  indices: usize,
  clip: usize,
  starts: usize,
  cornerList: usize,
  triangle: usize,
  depths: usize,
  amounts: usize,
): void {
  const plane = usize(width * height) << 2;
  for (;;) {
    const band = draw(1);
    if (band >= bandCount) return;
    const bottom = min(height, (band + 1) * BAND);
    for (let y = band * BAND; y < bottom; y++)
      for (let x = 0; x < width; x++) {
        const p = usize(y * width + x) << 2;
        const id = load<i32>(triangle + p);
        for (let axis = 0; axis < 2; axis++) {
          const to = amounts + usize(axis) * plane + p;
          store<f32>(to, NONE);
          if (axis === 0 ? x + 1 === width : y + 1 === height) continue;
          const other = axis === 0 ? p + 4 : p + (usize(width) << 2);
          const id1 = load<i32>(triangle + other);
          if (id === id1) continue;
          const d0 = load<f32>(depths + p);
          const d1 = load<f32>(depths + other);
          if (findCrossing(clip, indices, starts, cornerList, x, y, axis, id, d0, id1, d1)) store<f32>(to, f32(amount));
        }
      }
  }
}

/**
 * Pixels that are mixed: of each band their number, and records (pixel, values [P]) from its first pixel's place on. The planes stay
 * as they are.
 */
export function mix(
  thread: i32,
  bandCount: i32,
  width: i32,
  height: i32,
  planes: i32,
  raw: usize,
  amounts: usize,
  counts: usize,
  records: usize,
): void {
  const plane = usize(width * height) << 2;
  const row = usize(width) << 2;
  const size = usize(1 + planes) << 2;
  for (;;) {
    const band = draw(1);
    if (band >= bandCount) return;
    const bottom = min(height, (band + 1) * BAND);
    let count = 0;
    for (let y = band * BAND; y < bottom; y++)
      for (let x = 0; x < width; x++) {
        const p = usize(y * width + x) << 2;
        const record = records + usize(band * BAND * width + count) * size;
        // From the left and from above a pixel receives as the second of the pair, else as the first.
        const left = x > 0 ? load<f32>(amounts + p - 4) : NONE;
        const above = y > 0 ? load<f32>(amounts + plane + p - row) : NONE;
        const right = load<f32>(amounts + p);
        const below = load<f32>(amounts + plane + p);
        const fromLeft = left <= 0;
        const fromAbove = above <= 0;
        const fromRight = right > 0 && right !== NONE;
        const fromBelow = below > 0 && below !== NONE;
        if (!fromLeft && !fromAbove && !fromRight && !fromBelow) continue;
        count++;
        store<i32>(record, y * width + x);
        for (let c: usize = 0; c < usize(planes); c++) {
          const at = raw + c * plane + p;
          const own = load<f32>(at);
          let value = own;
          if (fromLeft) value += left * (own - load<f32>(at - 4));
          if (fromAbove) value += above * (own - load<f32>(at - row));
          if (fromRight) value += right * (load<f32>(at + 4) - own);
          if (fromBelow) value += below * (load<f32>(at + row) - own);
          store<f32>(record + 4 + (c << 2), value);
        }
      }
    store<i32>(counts + (usize(band) << 2), count);
  }
}
