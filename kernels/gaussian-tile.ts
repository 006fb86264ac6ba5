/**
 * What blending and its adjoint share: a tile of 16 × 16 pixels is 64 blocks of four neighbours in a row, block 16·column + row.
 * A set of blocks is a bit mask.
 */

/** Blocks below each other in a tile. */
export const ROWS: i32 = 16;

const SLACK: f32 = 0.01; // pixels, more than rounding can move an ellipse

/**
 * Blocks of the tile whose first pixel is (x, y) that the splat can reach with α = 1/255: where A·u² + γ·δy² ≤ its reach. Four
 * rows at a time.
 */
export function blocksReached(splat: usize, x: f32, y: f32): u64 {
  const my = load<f32>(splat, 4) - y;
  const extent = load<f32>(splat, 44) + SLACK;
  const first = i32(max(ceil(my - extent), 0));
  const last = i32(min(floor(my + extent), 15));
  if (first > last) return 0;
  const mx = f32x4.splat(load<f32>(splat) - x);
  const beta = f32x4.splat(load<f32>(splat, 12));
  const gamma = f32x4.splat(load<f32>(splat, 16));
  const reach = f32x4.splat(load<f32>(splat, 40));
  const inverseA = f32x4.splat(load<f32>(splat, 48));
  let blocks: u64 = 0;
  for (let row = first & ~3; row <= last; row += 4) {
    const dy = f32x4.sub(f32x4.splat(my - f32(row)), f32x4(0, 1, 2, 3));
    const center = f32x4.add(mx, f32x4.mul(beta, dy));
    const room = f32x4.max(f32x4.sub(reach, f32x4.mul(gamma, f32x4.mul(dy, dy))), f32x4.splat(0));
    const half = f32x4.add(f32x4.sqrt(f32x4.mul(room, inverseA)), f32x4.splat(SLACK));
    const left = f32x4.sub(center, half);
    const right = f32x4.add(center, half);
    blocks |= columnReached(left, right, 0) << row;
    blocks |= columnReached(left, right, 4) << (16 + row);
    blocks |= columnReached(left, right, 8) << (32 + row);
    blocks |= columnReached(left, right, 12) << (48 + row);
  }
  const rows = ((0xffff << first) & (0xffff >> (15 - last))) as u64;
  return blocks & (rows * 0x0001000100010001);
}

/** Of four rows, those whose interval meets the pixels from x to x + 3. */
function columnReached(left: v128, right: v128, x: f32): u64 {
  return u64(i32x4.bitmask(v128.and(f32x4.ge(right, f32x4.splat(x)), f32x4.le(left, f32x4.splat(x + 3)))));
}

/** Four pixels of a plane; with fewer than four left in the row the others are 0. `spare`: 16 bytes. */
export function loadPixels(from: usize, count: i32, spare: usize): v128 {
  if (count >= 4) return v128.load(from);
  v128.store(spare, i32x4.splat(0));
  for (let i: usize = 0; i < usize(max(count, 0)); i++) store<f32>(spare + (i << 2), load<f32>(from + (i << 2)));
  return v128.load(spare);
}

/** Those of the four pixels that are in the row. */
export function storePixels(to: usize, count: i32, spare: usize, pixels: v128): void {
  if (count >= 4) {
    v128.store(to, pixels);
    return;
  }
  v128.store(spare, pixels);
  for (let i: usize = 0; i < usize(max(count, 0)); i++) store<f32>(to + (i << 2), load<f32>(spare + (i << 2)));
}
