/** Front to back: pixels from the Gaussians of their tile. */
import { exp2of4 } from './elementary';
import { SPLAT } from './gaussian-projection';
import { blocksReached, ROWS, storePixels } from './gaussian-tile';
import { draw } from './tickets';

// A block's floats, four pixels each: transmittance, red, green, blue, depth, last entry; and its pixels' x and y in the tile.
const BLOCK: usize = 128;

const OPAQUE: f32 = 0.99;
const ENOUGH: f32 = 1e-4;

/**
 * Color [3, H, W], alpha, depth, and for the adjoint: transmittance [H, W], per pixel the number of list entries up to its last
 * one, and per pair the blocks that it added to.
 */
export function blend(
  thread: i32,
  width: i32,
  height: i32,
  tilesX: i32,
  tiles: i32,
  splats: usize,
  list: usize,
  offsets: usize,
  background: usize,
  scratch: usize,
  scratchSize: i32,
  color: usize,
  alpha: usize,
  depth: usize,
  transmittance: usize,
  lastEntry: usize,
  hits: usize,
): void {
  const blocks = scratch + usize(thread) * usize(scratchSize);
  const spare = blocks + 64 * BLOCK;
  const plane = usize(width * height) << 2;
  const sign = i32x4.splat(0x80000000);
  for (;;) {
    const tile = draw(1);
    if (tile >= tiles) return;
    const x = (tile % tilesX) << 4;
    const y = (tile / tilesX) << 4;
    let alive = clearTile(blocks, width - x, height - y);
    let entry = list + (usize(load<i32>(offsets + (usize(tile) << 2))) << 3);
    const end = list + (usize(load<i32>(offsets + (usize(tile) << 2), 4)) << 3);
    let number = 0;
    for (; entry < end && alive !== 0; entry += 8) {
      const splat = splats + usize(load<u32>(entry)) * SPLAT;
      const pair = hits + (usize(load<u32>(entry, 4)) << 3);
      number++;
      let reached = blocksReached(splat, f32(x), f32(y)) & alive;
      let hit: u64 = 0;
      if (reached !== 0) {
        const mx = f32x4.splat(load<f32>(splat) - f32(x));
        const my = f32x4.splat(load<f32>(splat, 4) - f32(y));
        const A = v128.load32_splat(splat, 8);
        const beta = v128.load32_splat(splat, 12);
        const gamma = v128.load32_splat(splat, 16);
        const opacity = v128.load32_splat(splat, 20);
        const reach = v128.load32_splat(splat, 40);
        const red = v128.load32_splat(splat, 24);
        const green = v128.load32_splat(splat, 28);
        const blue = v128.load32_splat(splat, 32);
        const z = v128.load32_splat(splat, 36);
        const last = i32x4.splat(number);
        do {
          const block = ctz(reached);
          reached &= reached - 1;
          const at = blocks + usize(block) * BLOCK;
          const dy = f32x4.sub(my, v128.load(at, 112));
          const u = f32x4.add(f32x4.sub(mx, v128.load(at, 96)), f32x4.mul(beta, dy));
          const q = f32x4.add(f32x4.mul(A, f32x4.mul(u, u)), f32x4.mul(gamma, f32x4.mul(dy, dy)));
          const a = f32x4.min(f32x4.splat(OPAQUE), exp2of4(f32x4.sub(opacity, q)));
          const before = v128.load(at);
          const visible = f32x4.le(q, reach);
          const after = f32x4.mul(before, f32x4.sub(f32x4.splat(1), a));
          const goesOn = f32x4.ge(after, f32x4.splat(ENOUGH)); // false where the pixel has stopped, its sign is set
          const taken = v128.and(visible, goesOn);
          const now = v128.or(v128.bitselect(after, before, taken), v128.and(v128.andnot(visible, goesOn), sign));
          const w = v128.and(f32x4.mul(a, before), taken);
          v128.store(at, now);
          v128.store(at, f32x4.add(v128.load(at, 16), f32x4.mul(w, red)), 16);
          v128.store(at, f32x4.add(v128.load(at, 32), f32x4.mul(w, green)), 32);
          v128.store(at, f32x4.add(v128.load(at, 48), f32x4.mul(w, blue)), 48);
          v128.store(at, f32x4.add(v128.load(at, 64), f32x4.mul(w, z)), 64);
          v128.store(at, v128.bitselect(last, v128.load(at, 80), taken), 80);
          hit |= u64(v128.any_true(taken)) << block;
          if (i32x4.bitmask(now) === 15) alive &= ~((1 as u64) << block);
        } while (reached !== 0);
      }
      store<u64>(pair, hit);
    }
    for (; entry < end; entry += 8) store<u64>(hits + (usize(load<u32>(entry, 4)) << 3), 0);

    const rows = min(ROWS, height - y);
    for (let column = 0; column < 4; column++) {
      const count = width - x - (column << 2);
      if (count <= 0) break;
      for (let row = 0; row < rows; row++) {
        const at = blocks + usize((column << 4) + row) * BLOCK;
        const to = usize((y + row) * width + x + (column << 2)) << 2;
        const rest = f32x4.abs(v128.load(at));
        for (let c: usize = 0; c < 3; c++) {
          const own = v128.load(at + 16 + (c << 4));
          const behind = f32x4.mul(rest, v128.load32_splat(background + (c << 2)));
          storePixels(color + c * plane + to, count, spare, f32x4.add(own, behind));
        }
        storePixels(alpha + to, count, spare, f32x4.sub(f32x4.splat(1), rest));
        storePixels(depth + to, count, spare, v128.load(at, 64));
        storePixels(transmittance + to, count, spare, rest);
        storePixels(lastEntry + to, count, spare, v128.load(at, 80));
      }
    }
  }
}

/** Nothing blended yet; pixels beyond the picture have stopped. → the blocks with pixels. */
function clearTile(blocks: usize, columns: i32, rows: i32): u64 {
  let alive: u64 = 0;
  for (let block = 0; block < 64; block++) {
    const at = blocks + usize(block) * BLOCK;
    const row = block & 15;
    const x = f32x4.add(f32x4.splat(f32((block >> 4) << 2)), f32x4(0, 1, 2, 3));
    const inside = row < rows ? f32x4.lt(x, f32x4.splat(f32(columns))) : i32x4.splat(0);
    v128.store(at, v128.bitselect(f32x4.splat(1), f32x4.splat(-1), inside));
    for (let k: usize = 16; k < 96; k += 16) v128.store(at + k, i32x4.splat(0));
    v128.store(at, x, 96);
    v128.store(at, f32x4.splat(f32(row)), 112);
    if (v128.any_true(inside)) alive |= (1 as u64) << block;
  }
  return alive;
}
