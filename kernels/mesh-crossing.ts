/** Where a silhouette crosses between two neighbouring pixels; the readable version is src/render/mesh-crossing.ts. */
import { VERTEX } from './mesh-projection';

export const NEAR: f64 = 1e-3;
const SLACK: f64 = 1.0 / 16;
const SHORTEST: f64 = 1e-3;

// The crossing found last.
export let amount: f64 = 0;
export let firstReceives: bool = false;
export let firstOwns: bool = false;
export let saturated: bool = false;
export let cornerFrom: i32 = 0; // corners of the owner's triangle, 0 … 2
export let cornerTo: i32 = 0;
export let slopeFromX: f64 = 0;
export let slopeFromY: f64 = 0;
export let slopeToX: f64 = 0;
export let slopeToY: f64 = 0;

function vertexOf(indices: usize, t: i32, k: i32): i32 {
  return load<i32>(indices + (usize(3 * t + k) << 2));
}

/** Pixel coordinate of a vertex along axis 0 or 1. */
function pixel(clip: usize, v: i32, axis: usize): f64 {
  return load<f64>(clip + usize(v) * VERTEX + (axis << 3), 24);
}

function depthOf(clip: usize, v: i32): f64 {
  return load<f64>(clip + usize(v) * VERTEX, 16);
}

/**
 * Pixel (x, y) shows triangle + 1 `id0` at `depth0`, its neighbour along `axis` (right or below) shows `id1`; they differ.
 * False when nothing is mixed.
 */
export function findCrossing(
  clip: usize,
  indices: usize,
  starts: usize,
  corners: usize,
  x: i32,
  y: i32,
  axis: i32,
  id0: i32,
  depth0: f32,
  id1: i32,
  depth1: f32,
): bool {
  firstOwns = id1 === 0 || (id0 !== 0 && depth0 <= depth1);
  const sign: f64 = firstOwns ? 1 : -1;
  const t = (firstOwns ? id0 : id1) - 1;
  const along = usize(axis);
  const across = 1 - along;
  const step = firstOwns ? 0 : 1;
  const centerAlong = f64(axis === 0 ? x + step : y + step) + 0.5;
  const centerAcross = f64(axis === 0 ? y : x) + 0.5;
  for (let k = 0; k < 3; k++) if (!(depthOf(clip, vertexOf(indices, t, k)) >= NEAR)) return false;
  let bestX: f64 = 0;
  let best = -1;
  let bestPa: f64 = 0;
  let bestPc: f64 = 0;
  let bestQa: f64 = 0;
  let bestQc: f64 = 0;
  for (let k = 0; k < 3; k++) {
    const from = vertexOf(indices, t, k);
    const to = vertexOf(indices, t, k === 2 ? 0 : k + 1);
    const pc = pixel(clip, from, across) - centerAcross;
    const qc = pixel(clip, to, across) - centerAcross;
    if (pc < 0 === qc < 0) continue;
    const pa = pixel(clip, from, along) - centerAlong;
    const qa = pixel(clip, to, along) - centerAlong;
    const X = (pa * qc - qa * pc) / (qc - pc);
    if (best < 0 || sign * X > sign * bestX) {
      best = k;
      bestX = X;
      bestPa = pa;
      bestPc = pc;
      bestQa = qa;
      bestQc = qc;
    }
  }
  if (best < 0) return false;
  const rise = bestQc - bestPc;
  if (abs(rise) < abs(bestQa - bestPa)) return false;
  const distance = sign * bestX;
  if (!(distance > -SLACK && distance < 1 + SLACK)) return false;
  cornerFrom = best;
  cornerTo = best === 2 ? 0 : best + 1;
  const opposite = vertexOf(indices, t, 3 - cornerFrom - cornerTo);
  const from = vertexOf(indices, t, cornerFrom);
  const to = vertexOf(indices, t, cornerTo);
  if (!isSilhouette(clip, indices, starts, corners, t, from, to, opposite)) return false;
  amount = sign * (0.5 - min(max(distance, 0), 1));
  firstReceives = amount > 0;
  saturated = distance <= 0 || distance >= 1;
  const steep = abs(rise) < SHORTEST ? (rise < 0 ? -SHORTEST : SHORTEST) : rise;
  const fromAlong = bestQc / steep;
  const fromAcross = (bestX - bestQa) / steep;
  const toAlong = -bestPc / steep;
  const toAcross = (bestPa - bestX) / steep;
  slopeFromX = axis === 0 ? fromAlong : fromAcross;
  slopeFromY = axis === 0 ? fromAcross : fromAlong;
  slopeToX = axis === 0 ? toAlong : toAcross;
  slopeToY = axis === 0 ? toAcross : toAlong;
  return true;
}

function isSilhouette(
  clip: usize,
  indices: usize,
  starts: usize,
  corners: usize,
  t: i32,
  from: i32,
  to: i32,
  opposite: i32,
): bool {
  const end = load<i32>(starts + (usize(from) << 2), 4);
  for (let c = load<i32>(starts + (usize(from) << 2)); c < end; c++) {
    const s = load<i32>(corners + (usize(c) << 2)) / 3;
    if (s === t) continue;
    const v0 = vertexOf(indices, s, 0);
    const v1 = vertexOf(indices, s, 1);
    const v2 = vertexOf(indices, s, 2);
    if (v0 !== to && v1 !== to && v2 !== to) continue;
    const beyond = v0 !== from && v0 !== to ? v0 : v1 !== from && v1 !== to ? v1 : v2;
    if (beyond === from || beyond === to || !(depthOf(clip, beyond) >= NEAR)) return false;
    return side(clip, from, to, opposite) * side(clip, from, to, beyond) > 0;
  }
  return true;
}

function side(clip: usize, from: i32, to: i32, v: i32): f64 {
  const ax = pixel(clip, from, 0);
  const ay = pixel(clip, from, 1);
  return (pixel(clip, to, 0) - ax) * (pixel(clip, v, 1) - ay) - (pixel(clip, to, 1) - ay) * (pixel(clip, v, 0) - ax);
}
