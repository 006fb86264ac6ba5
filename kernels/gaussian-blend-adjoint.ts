/**
 * Back to front: the adjoint of gaussian-blend.ts. Nothing is added up across threads: each pair of a Gaussian and a tile has
 * its own place.
 */
import { exp2of4, sum4, sums4 } from './elementary';
import { SPLAT } from './gaussian-projection';
import { loadPixels, ROWS } from './gaussian-tile';
import { draw } from './tickets';

// A block's floats, four pixels each: transmittance, worth of what is behind, gradients of red, green, blue, depth, last entry;
// and its pixels' x and y in the tile.
const BLOCK: usize = 144;

/** Bytes of a pair's sums: 10 floats, two spare. */
export const PAIR: usize = 48;

const OPAQUE: f32 = 0.99;

/**
 * Of each pair with blocks at `hits` the sums over its pixels, as `backward` of gaussian-projection.ts reads them; and of each
 * tile the gradient of the background.
 */
export function blendBackward(
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
  transmittance: usize,
  lastEntry: usize,
  hits: usize,
  gColor: usize,
  gAlpha: usize,
  gDepth: usize,
  pairs: usize,
  gBackground: usize,
): void {
  const blocks = scratch + usize(thread) * usize(scratchSize);
  const spare = blocks + 64 * BLOCK;
  const plane = usize(width * height) << 2;
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  for (;;) {
    const tile = draw(1);
    if (tile >= tiles) return;
    const x = (tile % tilesX) << 4;
    const y = (tile / tilesX) << 4;

    let b0 = zero;
    let b1 = zero;
    let b2 = zero;
    let deepest = i32x4.splat(0);
    const rows = min(ROWS, height - y);
    for (let column = 0; column < 4; column++) {
      const count = width - x - (column << 2);
      if (count <= 0) break;
      for (let row = 0; row < rows; row++) {
        const at = blocks + usize((column << 4) + row) * BLOCK;
        const from = usize((y + row) * width + x + (column << 2)) << 2;
        const rest = loadPixels(transmittance + from, count, spare);
        const g0 = loadPixels(gColor + from, count, spare);
        const g1 = loadPixels(gColor + plane + from, count, spare);
        const g2 = loadPixels(gColor + 2 * plane + from, count, spare);
        const last = loadPixels(lastEntry + from, count, spare);
        // A unit of weight is worth color·g + depth·gDepth + gAlpha to the loss; gAlpha, alike for all, is taken off what is behind.
        const behind = f32x4.sub(
          f32x4.add(
            f32x4.add(f32x4.mul(g0, v128.load32_splat(background)), f32x4.mul(g1, v128.load32_splat(background, 4))),
            f32x4.mul(g2, v128.load32_splat(background, 8)),
          ),
          loadPixels(gAlpha + from, count, spare),
        );
        v128.store(at, rest);
        v128.store(at, behind, 16);
        v128.store(at, g0, 32);
        v128.store(at, g1, 48);
        v128.store(at, g2, 64);
        v128.store(at, loadPixels(gDepth + from, count, spare), 80);
        v128.store(at, last, 96);
        v128.store(at, f32x4.add(f32x4.splat(f32(column << 2)), f32x4(0, 1, 2, 3)), 112);
        v128.store(at, f32x4.splat(f32(row)), 128);
        b0 = f32x4.add(b0, f32x4.mul(rest, g0));
        b1 = f32x4.add(b1, f32x4.mul(rest, g1));
        b2 = f32x4.add(b2, f32x4.mul(rest, g2));
        deepest = i32x4.max_s(deepest, last);
      }
    }
    v128.store(spare, deepest);
    const entries = max(max(load<i32>(spare), load<i32>(spare, 4)), max(load<i32>(spare, 8), load<i32>(spare, 12)));
    store<f32>(gBackground + usize(tile) * 12, sum4(b0));
    store<f32>(gBackground + usize(tile) * 12, sum4(b1), 4);
    store<f32>(gBackground + usize(tile) * 12, sum4(b2), 8);

    const begin = load<i32>(offsets + (usize(tile) << 2));
    for (let k = entries - 1; k >= 0; k--) {
      const entry = list + (usize(begin + k) << 3);
      const number = usize(load<u32>(entry, 4));
      let hit = load<u64>(hits + (number << 3));
      if (hit === 0) continue;
      const splat = splats + usize(load<u32>(entry)) * SPLAT;
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
      const place = i32x4.splat(k);
      let h = zero;
      let hu = zero;
      let huu = zero;
      let hy = zero;
      let huy = zero;
      let hyy = zero;
      let gRed = zero;
      let gGreen = zero;
      let gBlue = zero;
      let gZ = zero;
      do {
        const at = blocks + usize(ctz(hit)) * BLOCK;
        hit &= hit - 1;
        const dy = f32x4.sub(my, v128.load(at, 128));
        const u = f32x4.add(f32x4.sub(mx, v128.load(at, 112)), f32x4.mul(beta, dy));
        const q = f32x4.add(f32x4.mul(A, f32x4.mul(u, u)), f32x4.mul(gamma, f32x4.mul(dy, dy)));
        const unclamped = exp2of4(f32x4.sub(opacity, q));
        const a = f32x4.min(f32x4.splat(OPAQUE), unclamped);
        const taken = v128.and(i32x4.gt_s(v128.load(at, 96), place), f32x4.le(q, reach));
        const after = v128.load(at);
        const before = f32x4.div(after, f32x4.sub(one, a));
        v128.store(at, v128.bitselect(before, after, taken));
        const gr = v128.load(at, 32);
        const gg = v128.load(at, 48);
        const gb = v128.load(at, 64);
        const gz = v128.load(at, 80);
        const w = v128.and(f32x4.mul(a, before), taken);
        gRed = f32x4.add(gRed, f32x4.mul(w, gr));
        gGreen = f32x4.add(gGreen, f32x4.mul(w, gg));
        gBlue = f32x4.add(gBlue, f32x4.mul(w, gb));
        gZ = f32x4.add(gZ, f32x4.mul(w, gz));
        const own = f32x4.add(
          f32x4.add(f32x4.mul(red, gr), f32x4.mul(green, gg)),
          f32x4.add(f32x4.mul(blue, gb), f32x4.mul(z, gz)),
        );
        const behind = v128.load(at, 16);
        const difference = f32x4.sub(own, behind);
        v128.store(at, f32x4.add(behind, v128.and(f32x4.mul(a, difference), taken)), 16);
        // h = α·∂L/∂α; none through the clamp at 0.99
        const gPower = v128.and(f32x4.mul(w, difference), f32x4.lt(unclamped, f32x4.splat(OPAQUE)));
        const gPowerU = f32x4.mul(gPower, u);
        const gPowerY = f32x4.mul(gPower, dy);
        h = f32x4.add(h, gPower);
        hu = f32x4.add(hu, gPowerU);
        hy = f32x4.add(hy, gPowerY);
        huu = f32x4.add(huu, f32x4.mul(gPowerU, u));
        huy = f32x4.add(huy, f32x4.mul(gPowerU, dy));
        hyy = f32x4.add(hyy, f32x4.mul(gPowerY, dy));
      } while (hit !== 0);
      const pair = pairs + number * PAIR;
      v128.store(pair, sums4(h, hu, huu, hy));
      v128.store(pair, sums4(huy, hyy, gRed, gGreen), 16);
      v128.store(pair, sums4(gBlue, gZ, zero, zero), 32);
    }
  }
}
