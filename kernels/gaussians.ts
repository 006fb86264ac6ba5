/**
 * Gaussian splatting, forward and adjoint. The readable version is src/render/gaussian-twin.ts, the caller
 * src/render/gaussian-kernel.ts, in this order: project, order, (place the list), fill, blend; blendBackward,
 * parametersBackward.
 *
 * What makes it fast: Gaussians, not pairs with tiles, are sorted; in a tile only blocks of four pixels that a Gaussian can
 * reach with α = 1/255, and that light still passes, are touched; the adjoint touches only those that were blended.
 */
import { PAIR } from './gaussian-blend-adjoint';
import { BASIS, backward, SPLAT, view, writeSplat } from './gaussian-projection';
import { draw } from './tickets';

export { blend } from './gaussian-blend';
export { blendBackward } from './gaussian-blend-adjoint';
export { fill, order } from './gaussian-order';

/** Bytes of scratch per thread: a tile's blocks, and the harmonics. */
const SCRATCH: usize = 10240;

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

/** Adds up each Gaussian's pairs and takes the gradient to its parameters; those that no pixel shows get zeros. */
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
  hits: usize,
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
      const blended = addPairs(load<i32>(bases + (i << 2)), load<i32>(bases + (i << 2), 4), hits, pairs, sums);
      if (!blended || !view(i, camera, means, scales, rotations, opacities, dc, rest, degree, basis)) {
        memory.fill(gMeans + i * 12, 0, 12);
        memory.fill(gScales + i * 12, 0, 12);
        memory.fill(gRotations + i * 16, 0, 16);
        store<f32>(gOpacities + i * 4, 0);
        memory.fill(gDc + i * 12, 0, 12);
        memory.fill(gRest + i * others * 12, 0, others * 12);
        continue;
      }
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

/** The sums [10] of a Gaussian's pairs, in doubles; false when no pixel shows it. */
function addPairs(begin: i32, end: i32, hits: usize, pairs: usize, sums: usize): bool {
  let blended = false;
  for (let n = usize(begin); n < usize(end); n++) {
    if (load<u64>(hits + (n << 3)) === 0) continue;
    const pair = pairs + n * PAIR;
    if (!blended) memory.fill(sums, 0, 80);
    blended = true;
    for (let k: usize = 0; k < 80; k += 16) {
      const two = f64x2.promote_low_f32x4(v128.load64_zero(pair + (k >> 1)));
      v128.store(sums + k, f64x2.add(v128.load(sums + k), two));
    }
  }
  return blended;
}
