/**
 * Ray marching through a radiance field of tri-vectors, forward and adjoint, four ranks at a time. The readable version is
 * src/render/field-twin.ts, the caller src/render/field-kernel.ts, in this order: arrange, march; marchBackward, collect.
 *
 * Pixels are taken in squares of 8 × 8, whose rays pass the same cells. The adjoint adds up in a fixed number of groups of rows of
 * squares, each with blocks of its own, so that threads leave every bit.
 */
import { blockBytes } from './field-blocks';
import { cell, distanceOf, firstSample, lastInCell, nextCell, place, setRay, stride, toDepth } from './field-ray';
import { alpha, evaluate, logistic, sampleBackward, slope } from './field-sample';
import { draw } from './tickets';

export { arrange, collect } from './field-blocks';

const SQUARE: i32 = 8;
const ENOUGH: f64 = 1e-3;

/** Color [3, H, W], α, depth and median depth [H, W]. */
export function march(
  thread: i32,
  width: i32,
  height: i32,
  camera: usize,
  grid: usize,
  regions: usize,
  resolution: i32,
  ranks: i32,
  dim: i32,
  step: f64,
  blocks: usize,
  offsets: usize,
  background: usize,
  color: usize,
  opacity: usize,
  depth: usize,
  median: usize,
): void {
  const size = blockBytes(ranks, dim);
  const bytes = usize(ranks) << 2;
  const plane = usize(width * height) << 2;
  const columns = (width + SQUARE - 1) / SQUARE;
  const squares = columns * ((height + SQUARE - 1) / SQUARE);
  for (;;) {
    const square = draw(1);
    if (square >= squares) return;
    const left = (square % columns) * SQUARE;
    const top = (square / columns) * SQUARE;
    const right = min(width, left + SQUARE);
    const bottom = min(height, top + SQUARE);
    for (let row = top; row < bottom; row++)
      for (let column = left; column < right; column++) {
        const p = usize(row * width + column) << 2;
        let T: f64 = 1;
        let sums = f64x2.splat(0); // nothing, red
        let sums2 = f64x2.splat(0); // green, blue
        let d: f64 = 0;
        let half: f64 = 0;
        if (setRay(camera, column, row, width, height, step, offsets, f64(resolution) * f64(dim))) {
          let n = firstSample;
          while (T >= ENOUGH) {
            n = nextCell(n, step, grid, regions, resolution, dim);
            if (n < 0) break;
            const block = blocks + usize(cell) * size;
            let at = place;
            do {
              evaluate(block, bytes, dim, at, step);
              const w = T * alpha;
              const z = distanceOf(n, step);
              sums = f64x2.add(sums, f64x2.mul(f64x2.splat(w), f64x2.promote_low_f32x4(logistic)));
              const high = v128.shuffle<i32>(logistic, logistic, 2, 3, 2, 3);
              sums2 = f64x2.add(sums2, f64x2.mul(f64x2.splat(w), f64x2.promote_low_f32x4(high)));
              d += w * z;
              const after = T * (1 - alpha);
              if (T >= 0.5 && after < 0.5) half = z;
              T = after;
              n += 1;
              at = f32x4.add(at, stride);
            } while (n <= lastInCell && T >= ENOUGH);
          }
        }
        store<f32>(color + p, f32(f64x2.extract_lane(sums, 1) + T * f64(load<f32>(background))));
        store<f32>(color + plane + p, f32(f64x2.extract_lane(sums2, 0) + T * f64(load<f32>(background, 4))));
        store<f32>(color + 2 * plane + p, f32(f64x2.extract_lane(sums2, 1) + T * f64(load<f32>(background, 8))));
        store<f32>(opacity + p, f32(1 - T));
        store<f32>(depth + p, f32(d * toDepth));
        store<f32>(median + p, f32(half * toDepth));
      }
  }
}

/**
 * Replays each ray, knowing its color: what lies behind sample i has color (P − Cᵢ) / Tᵢ₊₁. A group clears its block of a cell when
 * it first meets it, and says so at `seen` [groups, count], bytes.
 */
export function marchBackward(
  thread: i32,
  groups: i32,
  count: i32,
  width: i32,
  height: i32,
  camera: usize,
  grid: usize,
  regions: usize,
  resolution: i32,
  ranks: i32,
  dim: i32,
  step: f64,
  blocks: usize,
  offsets: usize,
  color: usize,
  gColor: usize,
  gBlocks: usize,
  seen: usize,
  gBackground: usize,
): void {
  const size = blockBytes(ranks, dim);
  for (;;) {
    const group = draw(1);
    if (group >= groups) return;
    const ownSeen = seen + usize(group) * usize(count);
    memory.fill(ownSeen, 0, usize(count));
    const ofBackground = gBackground + usize(group) * 24;
    memory.fill(ofBackground, 0, 24);
    for (let top = group * SQUARE; top < height; top += groups * SQUARE)
      for (let left = 0; left < width; left += SQUARE)
        for (let row = top; row < min(height, top + SQUARE); row++)
          for (let column = left; column < min(width, left + SQUARE); column++)
            pixelBackward(
              column,
              row,
              width,
              height,
              camera,
              grid,
              regions,
              resolution,
              ranks,
              dim,
              step,
              blocks,
              offsets,
              color,
              gColor,
              gBlocks + usize(group) * (usize(count) * size),
              ownSeen,
              ofBackground,
            );
  }
}

function pixelBackward(
  column: i32,
  row: i32,
  width: i32,
  height: i32,
  camera: usize,
  grid: usize,
  regions: usize,
  resolution: i32,
  ranks: i32,
  dim: i32,
  step: f64,
  blocks: usize,
  offsets: usize,
  color: usize,
  gColor: usize,
  gBlocks: usize,
  seen: usize,
  gBackground: usize,
): void {
  const size = blockBytes(ranks, dim);
  const bytes = usize(ranks) << 2;
  const plane = usize(width * height) << 2;
  const p = usize(row * width + column) << 2;
  const g0 = load<f32>(gColor + p);
  const g1 = load<f32>(gColor + plane + p);
  const g2 = load<f32>(gColor + 2 * plane + p);
  const g = f32x4(0, g0, g1, g2);
  // what is left of the color, times its gradient
  let rest =
    f64(g0) * f64(load<f32>(color + p)) +
    f64(g1) * f64(load<f32>(color + plane + p)) +
    f64(g2) * f64(load<f32>(color + 2 * plane + p));
  let T: f64 = 1;
  if (setRay(camera, column, row, width, height, step, offsets, f64(resolution) * f64(dim))) {
    let n = firstSample;
    while (T >= ENOUGH) {
      n = nextCell(n, step, grid, regions, resolution, dim);
      if (n < 0) break;
      const block = blocks + usize(cell) * size;
      const to = gBlocks + usize(cell) * size;
      if (load<u8>(seen + usize(cell)) === 0) {
        store<u8>(seen + usize(cell), 1);
        memory.fill(to, 0, size);
      }
      let at = place;
      do {
        evaluate(block, bytes, dim, at, step);
        const worth =
          f64(f32x4.extract_lane(logistic, 1)) * f64(g0) +
          f64(f32x4.extract_lane(logistic, 2)) * f64(g1) +
          f64(f32x4.extract_lane(logistic, 3)) * f64(g2);
        const w = T * alpha;
        const after = T * (1 - alpha);
        rest -= w * worth;
        const gSum = step * after * (worth - rest / after) * slope;
        const steep = f32x4.mul(logistic, f32x4.sub(f32x4.splat(1), logistic));
        const gColors = f32x4.mul(f32x4.mul(g, f32x4.splat(f32(w))), steep);
        sampleBackward(block, to, bytes, dim, f32x4.replace_lane(gColors, 0, f32(gSum)));
        T = after;
        n += 1;
        at = f32x4.add(at, stride);
      } while (n <= lastInCell && T >= ENOUGH);
    }
  }
  store<f64>(gBackground, load<f64>(gBackground) + T * f64(g0));
  store<f64>(gBackground, load<f64>(gBackground, 8) + T * f64(g1), 8);
  store<f64>(gBackground, load<f64>(gBackground, 16) + T * f64(g2), 16);
}
