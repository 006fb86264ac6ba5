/**
 * One Gaussian onto the picture, and the gradient back to its parameters.
 * Source: Zwicker et al. 2001, §6 (the projected covariance); Yu et al. 2024, §5.2 (the 2D filter); reference/training.md §16.1
 * and §16.3, whose letters are used here.
 */
import {
  BRIGHTEST,
  FILTER,
  type GaussianScene,
  type GaussianView,
  harmonicsDegree,
  NEAR,
  TILE,
  WIDEST,
} from './gaussian-rasterizer.ts';
import { sphericalHarmonics, sphericalHarmonicsGradient } from './spherical-harmonics.ts';

type Vec3 = [number, number, number];
/** Row by row. */
type Mat3 = [Vec3, Vec3, Vec3];

/** A Gaussian as the pixels see it. */
export interface Splat {
  readonly index: number;
  readonly mean: [number, number]; // μ, pixels; pixel centres are integers
  readonly conic: Vec3; // A, B, C: inverse of the filtered covariance
  readonly opacity: number; // o' = o·ρ
  readonly rho: number; // what the filter leaves of the opacity
  readonly color: Vec3;
  readonly depth: number; // t_z
  readonly radius: number; // ⌈3 σ⌉ of the longer axis, pixels
  readonly tiles: [x0: number, y0: number, x1: number, y1: number]; // first, and one past the last
}

/** Gradients with respect to a splat. */
export interface SplatGradient {
  mean: [number, number];
  conic: Vec3;
  opacity: number;
  color: Vec3;
  depth: number;
}

export interface GaussianGradient {
  mean: Vec3;
  scale: Vec3;
  rotation: [number, number, number, number];
  opacity: number;
  harmonics: Vec3[]; // per coefficient, the constant one first
}

const EPSILON = 1e-6;

/** undefined when nothing of it is drawn: behind the camera, without extent or opacity, off the picture, or not finite. */
export function projectGaussian(scene: GaussianScene, index: number, view: GaussianView): Splat | undefined {
  const g = geometry(scene, index, view);
  const { t, a0, b, c0, focal } = g;
  if (!(t[2] > NEAR)) return undefined;
  const [a, c] = [a0 + FILTER, c0 + FILTER];
  const det = a * c - b * b;
  const rho = compensation(a0 * c0 - b * b, det);
  const { color } = seenColor(scene, index, view);
  if (!(scene.opacities[index] <= 1)) return undefined;
  const opacity = scene.opacities[index] * rho;
  const { width, height, camera } = view;
  const mean: [number, number] = [
    (focal[0] * t[0]) / t[2] + width * camera.intrinsics[2] - 0.5,
    (focal[1] * t[1]) / t[2] + height * camera.intrinsics[5] - 0.5,
  ];
  const middle = (a + c) / 2;
  const radius = Math.ceil(3 * Math.sqrt(middle + Math.sqrt(Math.max(0.1, middle * middle - det))));
  const splat: Splat = {
    index,
    mean,
    conic: [c / det, -b / det, a / det],
    opacity,
    rho,
    color: color.map((v) => Math.max(0, v)) as Vec3,
    depth: t[2],
    radius,
    tiles: [
      tile(mean[0] - radius, width),
      tile(mean[1] - radius, height),
      tile(mean[0] + radius + TILE - 1, width),
      tile(mean[1] + radius + TILE - 1, height),
    ],
  };
  const values = [...mean, ...splat.conic, opacity, ...color, radius];
  return values.every((v) => Number.isFinite(Math.fround(v))) &&
    rho > 0 &&
    radius <= WIDEST &&
    color.every((v) => Math.abs(v) <= BRIGHTEST)
    ? splat
    : undefined;
}

/** The chain from a splat back to the parameters of its Gaussian. */
export function projectGaussianBackward(
  scene: GaussianScene,
  { index, conic: [A, B, C], rho }: Splat,
  view: GaussianView,
  { mean: gMu, conic: gConic, opacity: gOpacity, color: gColor, depth: gDepth }: SplatGradient,
): GaussianGradient {
  const { t, clamped, limit, focal, rotation, sigma, U, view: R, a0, b, c0, scale, q } = geometry(scene, index, view);
  const [a, c] = [a0 + FILTER, c0 + FILTER];
  const det = a * c - b * b;
  const det0 = a0 * c0 - b * b;

  // ∂L/∂(filtered covariance) = −K·G·K, with K the conic and G the gradient with respect to it
  const [gA, gB, gC] = gConic;
  let ga = -(A * A * gA + A * B * gB + B * B * gC);
  let gc = -(B * B * gA + B * C * gB + C * C * gC);
  let gb = -(2 * A * B * gA + (A * C + B * B) * gB + 2 * B * C * gC);

  // the filter's compensation ρ = √(det₀/(det + ε) + ε)
  const gRho = (scene.opacities[index] * gOpacity) / (2 * rho);
  const g0 = gRho / (det + EPSILON);
  const g1 = (-gRho * det0) / (det + EPSILON) ** 2;
  ga += g0 * c0 + g1 * c;
  gc += g0 * a0 + g1 * a;
  gb -= 2 * b * (g0 + g1);

  // [[a₀, b], [b, c₀]] = U·Σ·Uᵀ with U = J·R
  const M = [
    [ga, gb / 2],
    [gb / 2, gc],
  ];
  const MU = M.map((row) => axes.map((k) => row[0] * U[0][k] + row[1] * U[1][k]) as Vec3);
  const gSigma = matrix((i, j) => U[0][i] * MU[0][j] + U[1][i] * MU[1][j]);
  const gU = MU.map((row) => axes.map((k) => 2 * dot(row, sigma[k])) as Vec3);
  const gJ = gU.map((row) => axes.map((k) => dot(row, R[k])) as Vec3);

  // J = [[F/z, 0, −F·t̃/z²], …], t̃ = clamp(t/z)·z, and μ = F·t/z
  const z = t[2];
  const gt: Vec3 = [0, 0, gDepth];
  for (const axis of [0, 1] as const) {
    const F = focal[axis];
    const gClamped = (-F / z ** 2) * gJ[axis][2];
    gt[2] += (-F / z ** 2) * gJ[axis][axis] + ((2 * F * clamped[axis]) / z ** 3) * gJ[axis][2];
    if (Math.abs(t[axis] / z) > limit[axis]) gt[2] += Math.sign(t[axis]) * limit[axis] * gClamped;
    else gt[axis] += gClamped;
    gt[axis] += (F / z) * gMu[axis];
    gt[2] -= ((F * t[axis]) / z ** 2) * gMu[axis];
  }
  const color = seenColorBackward(scene, index, view, gColor);
  const mean = axes.map((k) => dot(gt, [R[0][k], R[1][k], R[2][k]]) + color.mean[k]) as Vec3;

  // Σ = N·Nᵀ with N = R_q·diag(s)
  const V = matrix((i, j) => 2 * sum((k) => gSigma[i][k] * rotation[k][j]) * scale[j]);
  const gScale = axes.map((j) => sum((i) => V[i][j] * rotation[i][j])) as Vec3;
  const G = matrix((i, j) => V[i][j] * scale[j]); // ∂L/∂R_q
  return {
    mean,
    scale: gScale,
    rotation: quaternionGradient(q, G),
    opacity: rho * gOpacity,
    harmonics: color.harmonics,
  };
}

function geometry(scene: GaussianScene, index: number, { camera, width, height }: GaussianView) {
  const { extrinsics: e, intrinsics: k } = camera;
  const view: Mat3 = [
    [e[0], e[1], e[2]],
    [e[4], e[5], e[6]],
    [e[8], e[9], e[10]],
  ];
  const mean = row(scene.means, index);
  const t: Vec3 = [dot(view[0], mean) + e[3], dot(view[1], mean) + e[7], dot(view[2], mean) + e[11]];
  const focal = [width * k[0], height * k[4]];
  const limit = [(1.3 * 0.5) / k[0], (1.3 * 0.5) / k[4]];
  const clamped = [0, 1].map((i) => Math.min(Math.max(t[i] / t[2], -limit[i]), limit[i]) * t[2]);

  const q = [0, 1, 2, 3].map((i) => scene.rotations[4 * index + i]) as [number, number, number, number];
  const scale = row(scene.scales, index);
  const rotation = rotationOf(q);
  const sigma = matrix((i, j) => sum((m) => rotation[i][m] * rotation[j][m] * scale[m] ** 2));
  const J: [Vec3, Vec3] = [
    [focal[0] / t[2], 0, (-focal[0] * clamped[0]) / t[2] ** 2],
    [0, focal[1] / t[2], (-focal[1] * clamped[1]) / t[2] ** 2],
  ];
  const U = J.map((r) => axes.map((m) => r[0] * view[0][m] + r[1] * view[1][m] + r[2] * view[2][m]) as Vec3);
  const through = (x: Vec3, y: Vec3) => dot(x, axes.map((m) => dot(sigma[m], y)) as Vec3);
  const [a0, b, c0] = [through(U[0], U[0]), through(U[0], U[1]), through(U[1], U[1])];
  return { t, clamped, limit, focal, view, rotation, scale, sigma, U, a0, b, c0, q };
}

/** ρ: the opacity that a splat keeps when the filter widens it. */
function compensation(det0: number, det: number): number {
  return det0 > EPSILON && det > EPSILON ? Math.sqrt(det0 / (det + EPSILON) + EPSILON) : 0;
}

function tile(pixel: number, size: number): number {
  return Math.min(Math.max(Math.trunc(pixel / TILE), 0), Math.ceil(size / TILE));
}

/** Of a quaternion as it is; of the zero quaternion, the identity. */
function rotationOf([w, x, y, z]: readonly [number, number, number, number]): Mat3 {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
}

function quaternionGradient(
  [w, x, y, z]: readonly [number, number, number, number],
  G: Mat3,
): GaussianGradient['rotation'] {
  const [[g00, g01, g02], [g10, g11, g12], [g20, g21, g22]] = G;
  return [
    2 * (-z * g01 + y * g02 + z * g10 - x * g12 - y * g20 + x * g21),
    2 * (y * g01 + z * g02 + y * g10 - 2 * x * g11 - w * g12 + z * g20 + w * g21 - 2 * x * g22),
    2 * (-2 * y * g00 + x * g01 + w * g02 + x * g10 + z * g12 - w * g20 + z * g21 - 2 * y * g22),
    2 * (-2 * z * g00 - w * g01 + x * g02 + w * g10 - 2 * z * g11 + y * g12 + x * g20 + y * g21),
  ];
}

/** From the eye to the Gaussian: unit direction and distance. */
function ray(scene: GaussianScene, index: number, { camera }: GaussianView): { direction: Vec3; distance: number } {
  const { extrinsics: e } = camera;
  const mean = row(scene.means, index);
  const d = axes.map((k) => mean[k] + e[k] * e[3] + e[4 + k] * e[7] + e[8 + k] * e[11]) as Vec3;
  const distance = Math.sqrt(dot(d, d));
  return { direction: d.map((v) => v / distance) as Vec3, distance };
}

/** Before the clamp at zero. */
function seenColor(scene: GaussianScene, index: number, view: GaussianView): { color: Vec3 } {
  const degree = harmonicsDegree(scene);
  const basis = sphericalHarmonics(degree, ...ray(scene, index, view).direction);
  const color = axes.map((c) =>
    basis.reduce((total, y, k) => total + y * coefficient(scene, index, k, c), 0.5),
  ) as Vec3;
  return { color };
}

function seenColorBackward(scene: GaussianScene, index: number, view: GaussianView, gColor: Vec3) {
  const degree = harmonicsDegree(scene);
  const { direction, distance } = ray(scene, index, view);
  const { color } = seenColor(scene, index, view);
  const g = axes.map((c) => (color[c] > 0 ? gColor[c] : 0)) as Vec3;
  const harmonics = sphericalHarmonics(degree, ...direction).map((y) => g.map((v) => y * v) as Vec3);
  const gDirection = axes.map(() => 0) as Vec3;
  for (const [k, slope] of sphericalHarmonicsGradient(degree, ...direction).entries())
    for (const axis of axes)
      for (const c of axes) gDirection[axis] += slope[axis] * g[c] * coefficient(scene, index, k, c);
  const along = dot(gDirection, direction);
  const mean = axes.map((k) => (gDirection[k] - along * direction[k]) / distance) as Vec3;
  return { mean, harmonics };
}

function coefficient(
  { colorsDc, colorsRest, means }: GaussianScene,
  index: number,
  k: number,
  channel: number,
): number {
  if (k === 0 || !colorsRest) return colorsDc[3 * index + channel];
  const perGaussian = colorsRest.length / (means.length / 3);
  return colorsRest[index * perGaussian + 3 * (k - 1) + channel];
}

const axes = [0, 1, 2] as const;
const sum = (term: (axis: 0 | 1 | 2) => number): number => term(0) + term(1) + term(2);
const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const row = (rows: Float32Array, i: number): Vec3 => [rows[3 * i], rows[3 * i + 1], rows[3 * i + 2]];
const matrix = (value: (i: 0 | 1 | 2, j: 0 | 1 | 2) => number): Mat3 =>
  axes.map((i) => axes.map((j) => value(i, j))) as Mat3;
