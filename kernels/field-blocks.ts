/**
 * A cell's parameters as a block of floats, Q ranks (a multiple of four, the rest zeros): lines [3, dim, Q], density [Q],
 * colors [3, Q].
 */
import { REGION, regionsPerSide } from './field-ray';
import { draw } from './tickets';

const NEAR: f64 = 0.2; // camera z of a cell's centre up to which it is not drawn
const LARGEST: f32 = 1e6; // a cell with a larger value, or with NaN, is not drawn

export function blockBytes(ranks: i32, dim: i32): usize {
  return usize((3 * dim + 4) * ranks) << 2;
}

/** Into blocks. Cells that are not drawn leave the grid [R³] of cells + 1; the regions of the others are marked. */
export function arrange(
  thread: i32,
  count: i32,
  rank: i32,
  ranks: i32,
  dim: i32,
  camera: usize,
  positions: usize,
  resolution: i32,
  trivec: usize,
  density: usize,
  dc: usize,
  blocks: usize,
  grid: usize,
  regions: usize,
): void {
  const stride = blockBytes(ranks, dim);
  const perSide = regionsPerSide(resolution);
  const lines = usize(3 * dim);
  const next = usize(ranks) << 2; // bytes from row to row
  for (;;) {
    const begin = draw(64);
    if (begin >= count) return;
    const end = min(count, begin + 64);
    for (let n = begin; n < end; n++) {
      const block = blocks + usize(n) * stride;
      if (rank !== ranks) memory.fill(block, 0, stride);
      let largest: f32 = 0; // NaN wins
      for (let r: usize = 0; r < usize(rank); r++) {
        const row = usize(n * rank) + r;
        let to = block + (r << 2);
        let from = trivec + ((row * lines) << 2);
        for (let k: usize = 0; k < lines; k++, to += next, from += 4) {
          const value = load<f32>(from);
          largest = max(largest, abs(value));
          store<f32>(to, value);
        }
        const value = load<f32>(density + (row << 2));
        largest = max(largest, abs(value));
        store<f32>(to, value);
        for (let c: usize = 0; c < 3; c++) {
          to += next;
          const value = load<f32>(dc + ((row * 3 + c) << 2));
          largest = max(largest, abs(value));
          store<f32>(to, value);
        }
      }
      const x = f64(load<f32>(positions + usize(n) * 12));
      const y = f64(load<f32>(positions + usize(n) * 12, 4));
      const z = f64(load<f32>(positions + usize(n) * 12, 8));
      const depth =
        load<f64>(camera, 48) * (x - 0.5) +
        load<f64>(camera, 56) * (y - 0.5) +
        load<f64>(camera, 64) * (z - 0.5) +
        load<f64>(camera, 128);
      const size = f64(resolution);
      const ix = i32(floor(x * size));
      const iy = i32(floor(y * size));
      const iz = i32(floor(z * size));
      if (largest <= LARGEST && depth > NEAR)
        store<u8>(regions + usize(((ix / REGION) * perSide + iy / REGION) * perSide + iz / REGION), 1);
      else store<i32>(grid + (usize((ix * resolution + iy) * resolution + iz) << 2), 0);
    }
  }
}

/** Adds up what the groups have of each cell, and takes the blocks apart. `seen` [groups, count]: bytes, which group has which. */
export function collect(
  thread: i32,
  groups: i32,
  count: i32,
  rank: i32,
  ranks: i32,
  dim: i32,
  gBlocks: usize,
  seen: usize,
  gTrivec: usize,
  gDensity: usize,
  gDc: usize,
): void {
  const stride = blockBytes(ranks, dim);
  const lines = usize(3 * dim);
  const next = usize(ranks) << 2;
  const group = usize(count) * stride;
  for (;;) {
    const begin = draw(64);
    if (begin >= count) return;
    const end = min(count, begin + 64);
    for (let n = usize(begin); n < usize(end); n++) {
      let block: usize = 0;
      for (let k: usize = 0; k < usize(groups); k++) {
        if (load<u8>(seen + k * usize(count) + n) === 0) continue;
        const other = gBlocks + k * group + n * stride;
        if (block === 0) block = other;
        else
          for (let o: usize = 0; o < stride; o += 16)
            v128.store(block + o, f32x4.add(v128.load(block + o), v128.load(other + o)));
      }
      if (block === 0) {
        memory.fill(gTrivec + ((n * usize(rank) * lines) << 2), 0, (usize(rank) * lines) << 2);
        memory.fill(gDensity + ((n * usize(rank)) << 2), 0, usize(rank) << 2);
        memory.fill(gDc + ((n * usize(rank) * 3) << 2), 0, (usize(rank) * 3) << 2);
        continue;
      }
      for (let r: usize = 0; r < usize(rank); r++) {
        const row = n * usize(rank) + r;
        let from = block + (r << 2);
        let to = gTrivec + ((row * lines) << 2);
        for (let k: usize = 0; k < lines; k++, from += next, to += 4) store<f32>(to, load<f32>(from));
        store<f32>(gDensity + (row << 2), load<f32>(from));
        for (let c: usize = 0; c < 3; c++) {
          from += next;
          store<f32>(gDc + ((row * 3 + c) << 2), load<f32>(from));
        }
      }
    }
  }
}
