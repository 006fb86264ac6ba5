/** Rays through the unit box, from cell to cell. */

// The ray at hand. Camera, doubles: rotation [3, 3], the eye, fx, fy, cx, cy.
let ox: f64 = 0;
let oy: f64 = 0;
let oz: f64 = 0;
let dx: f64 = 0;
let dy: f64 = 0;
let dz: f64 = 0;
let inverseX: f64 = 0;
let inverseY: f64 = 0;
let inverseZ: f64 = 0;
let enter: f64 = 0;
let leave: f64 = 0;
let offset: f64 = 0;

/** A length along the ray times this is camera z. */
export let toDepth: f64 = 0;
/** Numbers of the first and last sample in the box. */
export let firstSample: f64 = 0;
export let lastSample: f64 = 0;
/** From sample to sample, (x, y, z) in samples of a cell's lines. */
export let stride: v128 = i32x4.splat(0);

// The cell at hand.
export let cell: i32 = 0;
/** The sample that `nextCell` gave: (x, y, z) in samples of the cell's lines, from its first one. */
export let place: v128 = i32x4.splat(0);
/** The last sample that surely lies in it. */
export let lastInCell: f64 = 0;

/** The ray of a pixel; false when it misses the box. */
export function setRay(
  camera: usize,
  column: i32,
  row: i32,
  width: i32,
  height: i32,
  step: f64,
  offsets: usize,
  samplesPerSide: f64,
): bool {
  const x = ((f64(column) + 0.5) / f64(width) - load<f64>(camera, 112)) / load<f64>(camera, 96);
  const y = ((f64(row) + 0.5) / f64(height) - load<f64>(camera, 120)) / load<f64>(camera, 104);
  const length = sqrt(x * x + y * y + 1);
  ox = load<f64>(camera, 72);
  oy = load<f64>(camera, 80);
  oz = load<f64>(camera, 88);
  dx = (load<f64>(camera) * x + load<f64>(camera, 24) * y + load<f64>(camera, 48)) / length;
  dy = (load<f64>(camera, 8) * x + load<f64>(camera, 32) * y + load<f64>(camera, 56)) / length;
  dz = (load<f64>(camera, 16) * x + load<f64>(camera, 40) * y + load<f64>(camera, 64)) / length;
  toDepth = 1 / length;
  enter = 0;
  leave = Infinity;
  if (!(through(ox, dx) && through(oy, dy) && through(oz, dz) && enter <= leave && leave < Infinity)) return false;
  inverseX = inverse(dx);
  inverseY = inverse(dy);
  inverseZ = inverse(dz);
  offset = f64(load<f32>(offsets + (usize(row * width + column) << 2)));
  firstSample = max(0, ceil(enter / step - offset));
  lastSample = floor(leave / step - offset);
  const scale = step * samplesPerSide;
  stride = f32x4(f32(dx * scale), f32(dy * scale), f32(dz * scale), 0);
  return true;
}

function through(o: f64, d: f64): bool {
  if (abs(d) < 1e-12) return o >= 0 && o < 1;
  const a = -o / d;
  const b = (1 - o) / d;
  enter = max(enter, min(a, b));
  leave = min(leave, max(a, b));
  return true;
}

/** Large where the ray does not move along the axis, so that no slab is left. */
function inverse(d: f64): f64 {
  return abs(d) < 1e-12 ? 1e300 : 1 / d;
}

/** Distance at which the ray leaves slab `c` of an axis. */
function exitOf(o: f64, inverse: f64, c: f64, cellSize: f64): f64 {
  return ((inverse > 0 ? c + 1 : c) * cellSize - o) * inverse;
}

/** The first sample after n that may lie outside these slabs. */
function afterSlabs(n: f64, step: f64, cx: f64, cy: f64, cz: f64, size: f64): f64 {
  const exit = min(exitOf(ox, inverseX, cx, size), min(exitOf(oy, inverseY, cy, size), exitOf(oz, inverseZ, cz, size)));
  return max(n + 1, ceil(exit / step - offset - 1e-6));
}

/** The distance of a sample from the eye. */
export function distanceOf(sample: f64, step: f64): f64 {
  return (sample + offset) * step;
}

/** Cells of a region per side. Rays leave a region without cells in one go. */
export const REGION: i32 = 4;

export function regionsPerSide(resolution: i32): i32 {
  return (resolution + REGION - 1) / REGION;
}

/**
 * The number of the next sample from n on that lies in a cell of `grid`, which becomes the one at hand; −1 when there is none.
 * `regions`: bytes, which region has cells.
 */
export function nextCell(n: f64, step: f64, grid: usize, regions: usize, resolution: i32, dim: i32): f64 {
  const size = f64(resolution);
  const cellSize = 1 / size;
  const perSide = regionsPerSide(resolution);
  while (n <= lastSample) {
    const z = distanceOf(n, step);
    const x = (ox + z * dx) * size;
    const y = (oy + z * dy) * size;
    const w = (oz + z * dz) * size;
    const cx = floor(x);
    const cy = floor(y);
    const cw = floor(w);
    if (!(cx >= 0 && cy >= 0 && cw >= 0 && cx < size && cy < size && cw < size)) {
      n += 1;
      continue;
    }
    const ix = i32(cx);
    const iy = i32(cy);
    const iz = i32(cw);
    if (load<u8>(regions + usize(((ix / REGION) * perSide + iy / REGION) * perSide + iz / REGION)) === 0) {
      const regionSize = f64(REGION) * cellSize;
      n = afterSlabs(n, step, f64(ix / REGION), f64(iy / REGION), f64(iz / REGION), regionSize);
      continue;
    }
    const beyond = afterSlabs(n, step, cx, cy, cw, cellSize);
    cell = load<i32>(grid + (usize((ix * resolution + iy) * resolution + iz) << 2)) - 1;
    if (cell >= 0) {
      const d = f64(dim);
      place = f32x4(f32((x - cx) * d - 0.5), f32((y - cy) * d - 0.5), f32((w - cw) * d - 0.5), 0);
      lastInCell = min(beyond - 1, lastSample);
      return n;
    }
    n = beyond;
  }
  return -1;
}
