/**
 * Gaussian splatting, forward and adjoint, four pixels at a time. The readable version is src/render/gaussian-twin.ts, the
 * caller src/render/gaussian-kernel.ts, in this order: project, order, (place the list), fill, blend; blendBackward,
 * parametersBackward.
 *
 * What makes it fast: Gaussians, not pairs with tiles, are sorted; in a tile only the runs of pixels that can reach α = 1/255
 * are touched, found row by row from power = −½A·(δx + β·δy)² − ½γ·δy²; nothing is added up across threads: each
 * pair of a Gaussian and a tile has its own place for gradients.
 */
import { exp4, sum4 } from './elementary';
import { BASIS, backward, SPLAT, view, writeSplat } from './gaussian-projection';
import { draw } from './tickets';

/** Bytes of scratch per thread: planes of 16 × 16 floats, and the harmonics. */
const PLANE: usize = 1024;
const SCRATCH: usize = 10240;

/** Bytes of a pair's sums. */
const PAIR: usize = 48;

const OPAQUE: f32 = 0.99;
const FAINT: f32 = 1.0 / 255.0;
const ENOUGH: f32 = 1e-4;

export function scratchBytes(): i32 {
  return i32(SCRATCH);
}

/** Records and tile rectangles [x0, y0, x1, y1), empty where a Gaussian is not drawn. */
export function project(
  thread: i32,
  count: i32,
  camera: usize,
  means: usize,
  scales: usize,
  rotations: usize,
  opacities: usize,
  dc: usize,
  rest: usize,
  degree: i32,
  splats: usize,
  rects: usize,
  tilesX: i32,
  tilesY: i32,
  scratch: usize,
): void {
  const basis = scratch + usize(thread) * SCRATCH;
  for (;;) {
    const from = draw(512);
    if (from >= count) return;
    const to = min(count, from + 512);
    for (let i = usize(from); i < usize(to); i++) {
      const rect = rects + (i << 4);
      const drawn =
        view(i, camera, means, scales, rotations, opacities, dc, rest, degree, basis) &&
        writeSplat(i, camera, opacities, splats + i * SPLAT, rect, tilesX, tilesY);
      if (!drawn) memory.fill(rect, 0, 16);
    }
  }
}

function tilesOf(rect: usize): i32 {
  return (load<i32>(rect, 8) - load<i32>(rect)) * (load<i32>(rect, 12) - load<i32>(rect, 4));
}

/**
 * The drawn Gaussians by depth, ties by number, as (depth bits, number) at `sorted`; the first pair of each at `bases`; the
 * first list entry of each tile at `offsets` [tiles + 1]; → the number of pairs (exact below 2⁵³), and that of drawn Gaussians
 * at `drawnCount`.
 */
export function order(
  count: i32,
  splats: usize,
  rects: usize,
  bases: usize,
  tilesX: i32,
  tiles: i32,
  sorted: usize,
  spare: usize,
  histogram: usize,
  offsets: usize,
  drawnCount: usize,
): f64 {
  memory.fill(histogram, 0, 3 * 8192);
  memory.fill(offsets, 0, (usize(tiles) + 1) << 2);
  let pairs: f64 = 0;
  let drawn = 0;
  for (let i = 0; i < count; i++) {
    const rect = rects + (usize(i) << 4);
    const n = tilesOf(rect);
    store<i32>(bases + (usize(i) << 2), i32(pairs));
    if (n === 0) continue;
    pairs += n;
    const key = load<u32>(splats + usize(i) * SPLAT, 36); // depths are positive: their bits sort as they do
    store<u32>(spare + (usize(drawn) << 3), key);
    store<i32>(spare + (usize(drawn) << 3), i, 4);
    drawn++;
    for (let pass: u32 = 0; pass < 3; pass++) {
      const bin = histogram + (pass << 13) + (((key >> (pass * 11)) & 2047) << 2);
      store<i32>(bin, load<i32>(bin) + 1);
    }
    const y1 = load<i32>(rect, 12);
    const x1 = load<i32>(rect, 8);
    for (let y = load<i32>(rect, 4); y < y1; y++)
      for (let x = load<i32>(rect); x < x1; x++) {
        const at = offsets + (usize(y * tilesX + x + 1) << 2);
        store<i32>(at, load<i32>(at) + 1);
      }
  }
  store<i32>(bases + (usize(count) << 2), i32(pairs));
  store<i32>(drawnCount, drawn);
  for (let t: usize = 1; t <= usize(tiles); t++)
    store<i32>(offsets + (t << 2), load<i32>(offsets + (t << 2)) + load<i32>(offsets + (t << 2) - 4));
  // Three stable passes over 11 bits: spare → sorted → spare → sorted.
  let source = spare;
  let target = sorted;
  for (let pass: u32 = 0; pass < 3; pass++) {
    const bins = histogram + (pass << 13);
    let start = 0;
    for (let bin: usize = 0; bin < 2048; bin++) {
      const n = load<i32>(bins + (bin << 2));
      store<i32>(bins + (bin << 2), start);
      start += n;
    }
    for (let k: usize = 0; k < usize(drawn); k++) {
      const entry = load<u64>(source + (k << 3));
      const bin = bins + (((u32(entry) >> (pass * 11)) & 2047) << 2);
      const place = load<i32>(bin);
      store<i32>(bin, place + 1);
      store<u64>(target + (usize(place) << 3), entry);
    }
    const swap = source;
    source = target;
    target = swap;
  }
  return pairs;
}

/** Each tile's Gaussians in order. `cursors` [tiles] is overwritten. */
export function fill(
  drawn: i32,
  rects: usize,
  tilesX: i32,
  tiles: i32,
  sorted: usize,
  offsets: usize,
  cursors: usize,
  list: usize,
): void {
  memory.copy(cursors, offsets, usize(tiles) << 2);
  for (let k: usize = 0; k < usize(drawn); k++) {
    const i = load<i32>(sorted + (k << 3), 4);
    const rect = rects + (usize(i) << 4);
    const y1 = load<i32>(rect, 12);
    const x1 = load<i32>(rect, 8);
    for (let y = load<i32>(rect, 4); y < y1; y++)
      for (let x = load<i32>(rect); x < x1; x++) {
        const cursor = cursors + (usize(y * tilesX + x) << 2);
        const at = load<i32>(cursor);
        store<i32>(cursor, at + 1);
        store<i32>(list + (usize(at) << 2), i);
      }
  }
}

// The run of pixels of a row, found by `run`.
let firstBlock: i32 = 0;
let lastBlock: i32 = 0;
let center: f32 = 0; // u = center − px
let rowPower: f32 = 0;

/** Which blocks of 4 pixels of the row at py in the tile that begins at x can reach α = 1/255; false when none. */
function run(splat: usize, x: f32, py: f32): bool {
  const dy = load<f32>(splat, 4) - py;
  const halfGamma = load<f32>(splat, 16);
  center = load<f32>(splat) + load<f32>(splat, 12) * dy;
  rowPower = -halfGamma * dy * dy;
  const half = sqrt(max((load<f32>(splat, 40) + 2 * rowPower) * load<f32>(splat, 48), 0)) + 0.01;
  const from = max(ceil(center - half) - x, 0);
  const to = min(floor(center + half) - x, 15);
  if (!(from <= to)) return false;
  firstBlock = i32(from) >> 2;
  lastBlock = i32(to) >> 2;
  return true;
}

function firstRow(splat: usize, y: f32): i32 {
  return i32(max(ceil(load<f32>(splat, 4) - load<f32>(splat, 44) - 0.01) - y, 0));
}

function lastRow(splat: usize, y: f32, rows: i32): i32 {
  return i32(min(floor(load<f32>(splat, 4) + load<f32>(splat, 44) + 0.01) - y, f32(rows - 1)));
}

/** Color [3, H, W], alpha, depth, transmittance [H, W], and per pixel the number of list entries up to its last one. */
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
  color: usize,
  alpha: usize,
  depth: usize,
  transmittance: usize,
  lastEntry: usize,
): void {
  const T = scratch + usize(thread) * SCRATCH;
  const alive = T + 5 * PLANE;
  const last = T + 6 * PLANE;
  const plane = usize(width * height) << 2;
  for (;;) {
    const tile = draw(1);
    if (tile >= tiles) return;
    const x = (tile % tilesX) << 4;
    const y = (tile / tilesX) << 4;
    const columns = min(16, width - x);
    const rows = min(16, height - y);
    memory.fill(T + PLANE, 0, 6 * PLANE);
    for (let p: usize = 0; p < 256; p++) store<f32>(T + (p << 2), 1);
    for (let r = 0; r < rows; r++) memory.fill(alive + (usize(r) << 6), 255, usize(columns) << 2);
    let left = rows * columns;
    const begin = load<i32>(offsets + (usize(tile) << 2));
    const entries = load<i32>(offsets + (usize(tile) << 2), 4) - begin;
    for (let k = 0; k < entries && left > 0; k++) {
      const splat = splats + usize(load<i32>(list + (usize(begin + k) << 2))) * SPLAT;
      const minusHalfA = f32x4.splat(-load<f32>(splat, 8));
      const opacity = f32x4.splat(load<f32>(splat, 20));
      const red = f32x4.splat(load<f32>(splat, 24));
      const green = f32x4.splat(load<f32>(splat, 28));
      const blue = f32x4.splat(load<f32>(splat, 32));
      const z = f32x4.splat(load<f32>(splat, 36));
      const entry = i32x4.splat(k + 1);
      const rowEnd = lastRow(splat, f32(y), rows);
      for (let row = firstRow(splat, f32(y)); row <= rowEnd; row++) {
        if (!run(splat, f32(x), f32(y + row))) continue;
        const blockEnd = lastBlock;
        const power0 = f32x4.splat(rowPower);
        const offset = center - f32(x);
        for (let block = firstBlock; block <= blockEnd; block++) {
          const at = (usize(row) << 6) + (usize(block) << 4);
          const living = v128.load(alive + at);
          const u = f32x4.sub(f32x4.splat(offset - f32(block << 2)), f32x4(0, 1, 2, 3));
          const power = f32x4.add(power0, f32x4.mul(minusHalfA, f32x4.mul(u, u)));
          const a = f32x4.min(f32x4.splat(OPAQUE), f32x4.mul(opacity, exp4(power)));
          let taken = v128.and(living, f32x4.ge(a, f32x4.splat(FAINT)));
          if (!v128.any_true(taken)) continue;
          const before = v128.load(T + at);
          const after = f32x4.mul(before, f32x4.sub(f32x4.splat(1), a));
          const stop = v128.and(taken, f32x4.lt(after, f32x4.splat(ENOUGH)));
          if (v128.any_true(stop)) {
            left -= popcnt(i32x4.bitmask(stop));
            v128.store(alive + at, v128.andnot(living, stop));
            taken = v128.andnot(taken, stop);
          }
          const w = v128.and(f32x4.mul(a, before), taken);
          v128.store(T + at, v128.bitselect(after, before, taken));
          v128.store(T + at, f32x4.add(v128.load(T + at, 1024), f32x4.mul(w, red)), 1024);
          v128.store(T + at, f32x4.add(v128.load(T + at, 2048), f32x4.mul(w, green)), 2048);
          v128.store(T + at, f32x4.add(v128.load(T + at, 3072), f32x4.mul(w, blue)), 3072);
          v128.store(T + at, f32x4.add(v128.load(T + at, 4096), f32x4.mul(w, z)), 4096);
          v128.store(last + at, v128.bitselect(entry, v128.load(last + at), taken));
        }
      }
    }
    for (let r = 0; r < rows; r++)
      for (let s = 0; s < columns; s++) {
        const at = T + (usize((r << 4) + s) << 2);
        const out = usize((y + r) * width + x + s) << 2;
        const rest = load<f32>(at);
        store<f32>(color + out, load<f32>(at, 1024) + rest * load<f32>(background));
        store<f32>(color + plane + out, load<f32>(at, 2048) + rest * load<f32>(background, 4));
        store<f32>(color + 2 * plane + out, load<f32>(at, 3072) + rest * load<f32>(background, 8));
        store<f32>(alpha + out, 1 - rest);
        store<f32>(depth + out, load<f32>(at, 4096));
        store<f32>(transmittance + out, rest);
        store<i32>(lastEntry + out, load<i32>(at, 6144));
      }
  }
}

/**
 * Back to front: of each pair the sums over its pixels, as `backward` of gaussian-projection.ts reads them, in the order of
 * `bases`; and of each tile the gradient of the background.
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
  rects: usize,
  bases: usize,
  background: usize,
  scratch: usize,
  transmittance: usize,
  lastEntry: usize,
  gColor: usize,
  gAlpha: usize,
  gDepth: usize,
  pairs: usize,
  gBackground: usize,
): void {
  // Planes: T, color behind times its gradient, gradients of r, g, b, depth, the last entry, alpha.
  const T = scratch + usize(thread) * SCRATCH;
  const plane = usize(width * height) << 2;
  const one = f32x4.splat(1);
  for (;;) {
    const tile = draw(1);
    if (tile >= tiles) return;
    const tileX = tile % tilesX;
    const tileY = tile / tilesX;
    const x = tileX << 4;
    const y = tileY << 4;
    const columns = min(16, width - x);
    const rows = min(16, height - y);
    memory.fill(T, 0, 8 * PLANE);
    let deepest = 0;
    let b0: f32 = 0;
    let b1: f32 = 0;
    let b2: f32 = 0;
    for (let r = 0; r < rows; r++)
      for (let s = 0; s < columns; s++) {
        const at = T + (usize((r << 4) + s) << 2);
        const from = usize((y + r) * width + x + s) << 2;
        const rest = load<f32>(transmittance + from);
        const g0 = load<f32>(gColor + from);
        const g1 = load<f32>(gColor + plane + from);
        const g2 = load<f32>(gColor + 2 * plane + from);
        const entry = load<i32>(lastEntry + from);
        store<f32>(at, rest);
        store<f32>(
          at,
          g0 * load<f32>(background) + g1 * load<f32>(background, 4) + g2 * load<f32>(background, 8),
          1024,
        );
        store<f32>(at, g0, 2048);
        store<f32>(at, g1, 3072);
        store<f32>(at, g2, 4096);
        store<f32>(at, load<f32>(gDepth + from), 5120);
        store<i32>(at, entry, 6144);
        store<f32>(at, load<f32>(gAlpha + from), 7168);
        b0 += rest * g0;
        b1 += rest * g1;
        b2 += rest * g2;
        deepest = max(deepest, entry);
      }
    store<f32>(gBackground + usize(tile) * 12, b0);
    store<f32>(gBackground + usize(tile) * 12, b1, 4);
    store<f32>(gBackground + usize(tile) * 12, b2, 8);

    const begin = load<i32>(offsets + (usize(tile) << 2));
    const entries = load<i32>(offsets + (usize(tile) << 2), 4) - begin;
    for (let k = entries - 1; k >= 0; k--) {
      const i = load<i32>(list + (usize(begin + k) << 2));
      const rect = rects + (usize(i) << 4);
      const rank = (tileY - load<i32>(rect, 4)) * (load<i32>(rect, 8) - load<i32>(rect)) + tileX - load<i32>(rect);
      const pair = pairs + usize(load<i32>(bases + (usize(i) << 2)) + rank) * PAIR;
      if (k >= deepest) {
        memory.fill(pair, 0, PAIR);
        continue;
      }
      const splat = splats + usize(i) * SPLAT;
      const minusHalfA = f32x4.splat(-load<f32>(splat, 8));
      const opacity = f32x4.splat(load<f32>(splat, 20));
      const red = f32x4.splat(load<f32>(splat, 24));
      const green = f32x4.splat(load<f32>(splat, 28));
      const blue = f32x4.splat(load<f32>(splat, 32));
      const z = f32x4.splat(load<f32>(splat, 36));
      const entry = i32x4.splat(k);
      let h = f32x4.splat(0);
      let hu = f32x4.splat(0);
      let huu = f32x4.splat(0);
      let hy = f32x4.splat(0);
      let huy = f32x4.splat(0);
      let hyy = f32x4.splat(0);
      let gRed = f32x4.splat(0);
      let gGreen = f32x4.splat(0);
      let gBlue = f32x4.splat(0);
      let gZ = f32x4.splat(0);
      const rowEnd = lastRow(splat, f32(y), rows);
      for (let row = firstRow(splat, f32(y)); row <= rowEnd; row++) {
        if (!run(splat, f32(x), f32(y + row))) continue;
        const blockEnd = lastBlock;
        const power0 = f32x4.splat(rowPower);
        const offset = center - f32(x);
        let rowH = f32x4.splat(0);
        let rowHu = f32x4.splat(0);
        for (let block = firstBlock; block <= blockEnd; block++) {
          const at = T + (usize(row) << 6) + (usize(block) << 4);
          const u = f32x4.sub(f32x4.splat(offset - f32(block << 2)), f32x4(0, 1, 2, 3));
          const power = f32x4.add(power0, f32x4.mul(minusHalfA, f32x4.mul(u, u)));
          const unclamped = f32x4.mul(opacity, exp4(power));
          const a = f32x4.min(f32x4.splat(OPAQUE), unclamped);
          const taken = v128.and(i32x4.gt_s(v128.load(at, 6144), entry), f32x4.ge(a, f32x4.splat(FAINT)));
          if (!v128.any_true(taken)) continue;
          const after = v128.load(at);
          const before = f32x4.div(after, f32x4.sub(one, a));
          v128.store(at, v128.bitselect(before, after, taken));
          const gr = v128.load(at, 2048);
          const gg = v128.load(at, 3072);
          const gb = v128.load(at, 4096);
          const gz = v128.load(at, 5120);
          const w = v128.and(f32x4.mul(a, before), taken);
          gRed = f32x4.add(gRed, f32x4.mul(w, gr));
          gGreen = f32x4.add(gGreen, f32x4.mul(w, gg));
          gBlue = f32x4.add(gBlue, f32x4.mul(w, gb));
          gZ = f32x4.add(gZ, f32x4.mul(w, gz));
          const own = f32x4.add(
            f32x4.add(f32x4.mul(red, gr), f32x4.mul(green, gg)),
            f32x4.add(f32x4.add(f32x4.mul(blue, gb), f32x4.mul(z, gz)), v128.load(at, 7168)),
          );
          const behind = v128.load(at, 1024);
          const difference = v128.and(f32x4.sub(own, behind), taken);
          v128.store(at, f32x4.add(behind, f32x4.mul(a, difference)), 1024);
          // h = α·∂L/∂α; none through the clamp at 0.99
          const gPower = v128.and(
            f32x4.mul(f32x4.mul(a, before), difference),
            f32x4.lt(unclamped, f32x4.splat(OPAQUE)),
          );
          const gPowerU = f32x4.mul(gPower, u);
          rowH = f32x4.add(rowH, gPower);
          rowHu = f32x4.add(rowHu, gPowerU);
          huu = f32x4.add(huu, f32x4.mul(gPowerU, u));
        }
        const dy = f32x4.splat(load<f32>(splat, 4) - f32(y + row));
        const rowHy = f32x4.mul(rowH, dy);
        h = f32x4.add(h, rowH);
        hu = f32x4.add(hu, rowHu);
        hy = f32x4.add(hy, rowHy);
        huy = f32x4.add(huy, f32x4.mul(rowHu, dy));
        hyy = f32x4.add(hyy, f32x4.mul(rowHy, dy));
      }
      store<f32>(pair, sum4(h));
      store<f32>(pair, sum4(hu), 4);
      store<f32>(pair, sum4(huu), 8);
      store<f32>(pair, sum4(hy), 12);
      store<f32>(pair, sum4(huy), 16);
      store<f32>(pair, sum4(hyy), 20);
      store<f32>(pair, sum4(gRed), 24);
      store<f32>(pair, sum4(gGreen), 28);
      store<f32>(pair, sum4(gBlue), 32);
      store<f32>(pair, sum4(gZ), 36);
    }
  }
}

/** Adds up each Gaussian's pairs and takes the gradient to its parameters; those not drawn get zeros. */
export function parametersBackward(
  thread: i32,
  count: i32,
  camera: usize,
  means: usize,
  scales: usize,
  rotations: usize,
  opacities: usize,
  dc: usize,
  rest: usize,
  degree: i32,
  bases: usize,
  pairs: usize,
  gMeans: usize,
  gScales: usize,
  gRotations: usize,
  gOpacities: usize,
  gDc: usize,
  gRest: usize,
  scratch: usize,
): void {
  const basis = scratch + usize(thread) * SCRATCH;
  const sums = basis + BASIS;
  const others = usize((degree + 1) * (degree + 1) - 1);
  for (;;) {
    const from = draw(512);
    if (from >= count) return;
    const to = min(count, from + 512);
    for (let i = usize(from); i < usize(to); i++) {
      const begin = load<i32>(bases + (i << 2));
      const end = load<i32>(bases + (i << 2), 4);
      if (end === begin || !view(i, camera, means, scales, rotations, opacities, dc, rest, degree, basis)) {
        memory.fill(gMeans + i * 12, 0, 12);
        memory.fill(gScales + i * 12, 0, 12);
        memory.fill(gRotations + i * 16, 0, 16);
        store<f32>(gOpacities + i * 4, 0);
        memory.fill(gDc + i * 12, 0, 12);
        memory.fill(gRest + i * others * 12, 0, others * 12);
        continue;
      }
      memory.fill(sums, 0, 80);
      for (let pair = pairs + usize(begin) * PAIR; pair < pairs + usize(end) * PAIR; pair += PAIR)
        for (let k: usize = 0; k < 10; k++)
          store<f64>(sums + (k << 3), load<f64>(sums + (k << 3)) + f64(load<f32>(pair + (k << 2))));
      backward(
        i,
        camera,
        scales,
        rotations,
        opacities,
        rest,
        degree,
        basis,
        sums,
        gMeans,
        gScales,
        gRotations,
        gOpacities,
        gDc,
        gRest,
      );
    }
  }
}
