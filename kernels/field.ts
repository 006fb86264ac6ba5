/**
 * Ray marching through a radiance field of tri-vectors, forward and adjoint, four ranks at a time. The readable version is
 * src/render/field-twin.ts, the caller src/render/field-kernel.ts, in this order: arrange, march; marchBackward, collect.
 *
 * A cell's block of floats, Q ranks (a multiple of four, the rest zeros): lines [3, dim, Q], density [Q], colors [3, Q]. The
 * adjoint adds up in a fixed number of groups of rows, each with blocks of its own, so that threads leave every bit.
 */
import { exp, exp4, ln, sum4 } from './elementary';
import { draw } from './tickets';

const C0: f32 = 0.28209479177387814;
const OPAQUE: f64 = 0.999;
const ENOUGH: f64 = 1e-3;

/** Into blocks. */
export function arrange(
  thread: i32,
  count: i32,
  rank: i32,
  ranks: i32,
  dim: i32,
  trivec: usize,
  density: usize,
  dc: usize,
  blocks: usize,
): void {
  const stride = usize((3 * dim + 4) * ranks) << 2;
  for (;;) {
    const begin = draw(64);
    if (begin >= count) return;
    const end = min(count, begin + 64);
    for (let n = begin; n < end; n++) {
      const block = blocks + usize(n) * stride;
      memory.fill(block, 0, stride);
      for (let r = 0; r < rank; r++) {
        const row = n * rank + r;
        for (let k = 0; k < 3 * dim; k++)
          store<f32>(block + (usize(k * ranks + r) << 2), load<f32>(trivec + (usize(row * 3 * dim + k) << 2)));
        store<f32>(block + (usize(3 * dim * ranks + r) << 2), load<f32>(density + (usize(row) << 2)));
        for (let c = 0; c < 3; c++)
          store<f32>(block + (usize((3 * dim + 1 + c) * ranks + r) << 2), load<f32>(dc + (usize(row * 3 + c) << 2)));
      }
    }
  }
}

// The ray at hand, in the unit box. Camera, doubles: rotation [3, 3], the eye, fx, fy, cx, cy.
let ox: f64 = 0;
let oy: f64 = 0;
let oz: f64 = 0;
let dx: f64 = 0;
let dy: f64 = 0;
let dz: f64 = 0;
let toDepth: f64 = 0;
let enter: f64 = 0;
let leave: f64 = 0;

function through(o: f64, d: f64): bool {
  if (abs(d) < 1e-12) return o >= 0 && o < 1;
  const a = -o / d;
  const b = (1 - o) / d;
  enter = max(enter, min(a, b));
  leave = min(leave, max(a, b));
  return true;
}

function setRay(camera: usize, column: i32, row: i32, width: i32, height: i32): bool {
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
  return through(ox, dx) && through(oy, dy) && through(oz, dz) && enter <= leave && leave < Infinity;
}

// The sample at hand.
let z: f64 = 0;
let cell: i32 = 0;
let indexX: i32 = 0;
let indexY: i32 = 0;
let indexZ: i32 = 0;
let weightX: f32 = 0;
let weightY: f32 = 0;
let weightZ: f32 = 0;
let sum: f64 = 0;
let sigma: f64 = 0;
let alpha: f64 = 0;
let red: f64 = 0;
let green: f64 = 0;
let blue: f64 = 0;

/** Distance at which the ray leaves slab `c` of `size` on one axis. */
function exitOf(o: f64, d: f64, c: f64, size: f64): f64 {
  if (abs(d) < 1e-12) return Infinity;
  return ((d > 0 ? c + 1 : c) / size - o) / d;
}

/** The number of the next sample from n on that lies in a cell, at most `last`; −1 when there is none. */
function nextSample(n: f64, last: f64, offset: f64, step: f64, grid: usize, resolution: i32, dim: i32): f64 {
  const size = f64(resolution);
  while (n <= last) {
    z = (n + offset) * step;
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
    cell = load<i32>(grid + (usize((i32(cx) * resolution + i32(cy)) * resolution + i32(cw)) << 2)) - 1;
    if (cell >= 0) {
      const qx = (x - cx) * f64(dim) - 0.5;
      const qy = (y - cy) * f64(dim) - 0.5;
      const qz = (w - cw) * f64(dim) - 0.5;
      indexX = min(max(i32(qx), 0), dim - 2);
      indexY = min(max(i32(qy), 0), dim - 2);
      indexZ = min(max(i32(qz), 0), dim - 2);
      weightX = f32(qx - f64(indexX));
      weightY = f32(qy - f64(indexY));
      weightZ = f32(qz - f64(indexZ));
      return n;
    }
    const exit = min(exitOf(ox, dx, cx, size), min(exitOf(oy, dy, cy, size), exitOf(oz, dz, cw, size)));
    n = max(n + 1, ceil(exit / step - offset - 1e-6));
  }
  return -1;
}

function lerp(at: usize, next: usize, weight: f32): v128 {
  const a = v128.load(at);
  return f32x4.add(a, f32x4.mul(f32x4.sub(v128.load(at + next), a), f32x4.splat(weight)));
}

/** Density, color and α at the sample. */
function evaluate(block: usize, ranks: i32, dim: i32, step: f64): void {
  const row = usize(ranks) << 2;
  const lineX = block + usize(indexX) * row;
  const lineY = block + usize(dim + indexY) * row;
  const lineZ = block + usize(2 * dim + indexZ) * row;
  const tail = block + usize(3 * dim) * row;
  let s = f32x4.splat(0);
  let r = f32x4.splat(0);
  let g = f32x4.splat(0);
  let b = f32x4.splat(0);
  for (let o: usize = 0; o < row; o += 16) {
    const product = f32x4.mul(
      f32x4.mul(lerp(lineX + o, row, weightX), lerp(lineY + o, row, weightY)),
      lerp(lineZ + o, row, weightZ),
    );
    s = f32x4.add(s, f32x4.mul(product, v128.load(tail + o)));
    r = f32x4.add(r, f32x4.mul(product, v128.load(tail + row + o)));
    g = f32x4.add(g, f32x4.mul(product, v128.load(tail + 2 * row + o)));
    b = f32x4.add(b, f32x4.mul(product, v128.load(tail + 3 * row + o)));
  }
  const logitR = C0 * sum4(r);
  const logitG = C0 * sum4(g);
  const logitB = C0 * sum4(b);
  sum = f64(sum4(s));
  const e = exp4(f32x4.neg(f32x4.abs(f32x4(logitR, logitG, logitB, f32(sum)))));
  red = sigmoid(logitR, f64(f32x4.extract_lane(e, 0)));
  green = sigmoid(logitG, f64(f32x4.extract_lane(e, 1)));
  blue = sigmoid(logitB, f64(f32x4.extract_lane(e, 2)));
  // softplus; far below zero its logarithm is the exponential itself
  const tiny = f64(f32x4.extract_lane(e, 3));
  sigma = sum >= 10 ? sum : max(sum, 0) + (tiny < 1e-8 ? tiny : ln(1 + tiny));
  alpha = min(1 - exp(-sigma * step), OPAQUE);
}

/** From e = e^−|x|. */
function sigmoid(x: f32, e: f64): f64 {
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

export function march(
  thread: i32,
  width: i32,
  height: i32,
  camera: usize,
  grid: usize,
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
  const stride = usize((3 * dim + 4) * ranks) << 2;
  const plane = usize(width * height) << 2;
  for (;;) {
    const row = draw(1);
    if (row >= height) return;
    for (let column = 0; column < width; column++) {
      const p = usize(row * width + column) << 2;
      let T: f64 = 1;
      let r: f64 = 0;
      let g: f64 = 0;
      let b: f64 = 0;
      let d: f64 = 0;
      let half: f64 = 0;
      if (setRay(camera, column, row, width, height)) {
        const offset = f64(load<f32>(offsets + p));
        const last = floor(leave / step - offset);
        let n = max(0, ceil(enter / step - offset));
        while (T >= ENOUGH) {
          n = nextSample(n, last, offset, step, grid, resolution, dim);
          if (n < 0) break;
          evaluate(blocks + usize(cell) * stride, ranks, dim, step);
          const w = T * alpha;
          r += w * red;
          g += w * green;
          b += w * blue;
          d += w * z;
          const after = T * (1 - alpha);
          if (T >= 0.5 && after < 0.5) half = z;
          T = after;
          n += 1;
        }
      }
      store<f32>(color + p, f32(r + T * f64(load<f32>(background))));
      store<f32>(color + plane + p, f32(g + T * f64(load<f32>(background, 4))));
      store<f32>(color + 2 * plane + p, f32(b + T * f64(load<f32>(background, 8))));
      store<f32>(opacity + p, f32(1 - T));
      store<f32>(depth + p, f32(d * toDepth));
      store<f32>(median + p, f32(half * toDepth));
    }
  }
}

function addTo(at: usize, v: v128): void {
  v128.store(at, f32x4.add(v128.load(at), v));
}

/** Replays each ray, knowing its color: what lies behind sample i has color (P − Cᵢ) / Tᵢ₊₁. */
export function marchBackward(
  thread: i32,
  groups: i32,
  count: i32,
  width: i32,
  height: i32,
  camera: usize,
  grid: usize,
  resolution: i32,
  ranks: i32,
  dim: i32,
  step: f64,
  blocks: usize,
  offsets: usize,
  color: usize,
  gColor: usize,
  gBlocks: usize,
  gBackground: usize,
): void {
  const stride = usize((3 * dim + 4) * ranks) << 2;
  const plane = usize(width * height) << 2;
  for (;;) {
    const group = draw(1);
    if (group >= groups) return;
    const own = gBlocks + usize(group) * (usize(count) * stride);
    memory.fill(own, 0, usize(count) * stride);
    let b0: f64 = 0;
    let b1: f64 = 0;
    let b2: f64 = 0;
    for (let row = group; row < height; row += groups)
      for (let column = 0; column < width; column++) {
        const p = usize(row * width + column) << 2;
        const g0 = f64(load<f32>(gColor + p));
        const g1 = f64(load<f32>(gColor + plane + p));
        const g2 = f64(load<f32>(gColor + 2 * plane + p));
        // what is left of the color, times its gradient
        let rest =
          g0 * f64(load<f32>(color + p)) +
          g1 * f64(load<f32>(color + plane + p)) +
          g2 * f64(load<f32>(color + 2 * plane + p));
        let T: f64 = 1;
        if (setRay(camera, column, row, width, height)) {
          const offset = f64(load<f32>(offsets + p));
          const last = floor(leave / step - offset);
          let n = max(0, ceil(enter / step - offset));
          while (T >= ENOUGH) {
            n = nextSample(n, last, offset, step, grid, resolution, dim);
            if (n < 0) break;
            evaluate(blocks + usize(cell) * stride, ranks, dim, step);
            const worth = red * g0 + green * g1 + blue * g2;
            const w = T * alpha;
            const after = T * (1 - alpha);
            rest -= w * worth;
            const gAlpha = T * (worth - rest / after);
            const gSum = step * (1 - alpha) * gAlpha * (sum < 10 ? 1 - exp(-sigma) : 1);
            sampleBackward(
              blocks + usize(cell) * stride,
              own + usize(cell) * stride,
              ranks,
              dim,
              f32(gSum),
              f32(w * g0 * red * (1 - red)) * C0,
              f32(w * g1 * green * (1 - green)) * C0,
              f32(w * g2 * blue * (1 - blue)) * C0,
            );
            T = after;
            n += 1;
          }
        }
        b0 += T * g0;
        b1 += T * g1;
        b2 += T * g2;
      }
    store<f64>(gBackground + usize(group) * 24, b0);
    store<f64>(gBackground + usize(group) * 24, b1, 8);
    store<f64>(gBackground + usize(group) * 24, b2, 16);
  }
}

function sampleBackward(
  block: usize,
  to: usize,
  ranks: i32,
  dim: i32,
  gSum: f32,
  gRed: f32,
  gGreen: f32,
  gBlue: f32,
): void {
  const row = usize(ranks) << 2;
  const x = usize(indexX) * row;
  const y = usize(dim + indexY) * row;
  const w = usize(2 * dim + indexZ) * row;
  const tail = usize(3 * dim) * row;
  const s = f32x4.splat(gSum);
  const r = f32x4.splat(gRed);
  const g = f32x4.splat(gGreen);
  const b = f32x4.splat(gBlue);
  for (let o: usize = 0; o < row; o += 16) {
    const lx = lerp(block + x + o, row, weightX);
    const ly = lerp(block + y + o, row, weightY);
    const lz = lerp(block + w + o, row, weightZ);
    const xy = f32x4.mul(lx, ly);
    const product = f32x4.mul(xy, lz);
    addTo(to + tail + o, f32x4.mul(product, s));
    addTo(to + tail + row + o, f32x4.mul(product, r));
    addTo(to + tail + 2 * row + o, f32x4.mul(product, g));
    addTo(to + tail + 3 * row + o, f32x4.mul(product, b));
    const gProduct = f32x4.add(
      f32x4.add(f32x4.mul(s, v128.load(block + tail + o)), f32x4.mul(r, v128.load(block + tail + row + o))),
      f32x4.add(
        f32x4.mul(g, v128.load(block + tail + 2 * row + o)),
        f32x4.mul(b, v128.load(block + tail + 3 * row + o)),
      ),
    );
    spread(to + x + o, row, weightX, f32x4.mul(gProduct, f32x4.mul(ly, lz)));
    spread(to + y + o, row, weightY, f32x4.mul(gProduct, f32x4.mul(lx, lz)));
    spread(to + w + o, row, weightZ, f32x4.mul(gProduct, xy));
  }
}

/** The adjoint of `lerp`. */
function spread(at: usize, next: usize, weight: f32, g: v128): void {
  addTo(at, f32x4.mul(g, f32x4.splat(1 - weight)));
  addTo(at + next, f32x4.mul(g, f32x4.splat(weight)));
}

/** Adds the groups up and takes the blocks apart. */
export function collect(
  thread: i32,
  groups: i32,
  count: i32,
  rank: i32,
  ranks: i32,
  dim: i32,
  gBlocks: usize,
  gTrivec: usize,
  gDensity: usize,
  gDc: usize,
): void {
  const floats = usize((3 * dim + 4) * ranks);
  const stride = floats << 2;
  const group = usize(count) * stride;
  for (;;) {
    const begin = draw(64);
    if (begin >= count) return;
    const end = min(count, begin + 64);
    for (let n = begin; n < end; n++) {
      const block = gBlocks + usize(n) * stride;
      for (let k = 1; k < groups; k++)
        for (let o: usize = 0; o < stride; o += 16) addTo(block + o, v128.load(block + usize(k) * group + o));
      for (let r = 0; r < rank; r++) {
        const row = n * rank + r;
        for (let k = 0; k < 3 * dim; k++)
          store<f32>(gTrivec + (usize(row * 3 * dim + k) << 2), load<f32>(block + (usize(k * ranks + r) << 2)));
        store<f32>(gDensity + (usize(row) << 2), load<f32>(block + (usize(3 * dim * ranks + r) << 2)));
        for (let c = 0; c < 3; c++)
          store<f32>(gDc + (usize(row * 3 + c) << 2), load<f32>(block + (usize((3 * dim + 1 + c) * ranks + r) << 2)));
      }
    }
  }
}
