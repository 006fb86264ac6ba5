/** Fewer faces for nearly the same shape: edges collapse where that moves the surface least. */
import { MeshoptSimplifier } from 'meshoptimizer/simplifier';
import { vertexNormals } from '../representations/index.ts';
import { expectMesh, faceNormal, type RawMesh, selectFaces } from './raw-mesh.ts';

/** How far to go: to a number of faces, or to a share of what is there. */
export type SimplifyTarget = { readonly faces: number } | { readonly ratio: number };

export interface SimplifyOptions {
  /** Stop before the surface moves by more than this share of the box's longest side, even above the target. */
  maxError?: number;
  /** What a colour step from black to white weighs, against moving the surface by the size of the object. */
  colorWeight?: number;
}

export const SIMPLIFY_DEFAULTS: Required<SimplifyOptions> = { maxError: 0.05, colorWeight: 0.02 };

export interface SimplifyReport {
  readonly facesBefore: number;
  readonly faces: number;
  /** How far the surface moved at most, as the simplifier estimates it: a share of the box's longest side. */
  readonly error: number;
  /** Faces that look away from the surface that they stand for, see `flippedAgainst`. */
  readonly flippedFaces: number;
}

/**
 * Vertices stay where they are, some go; boundaries stay as they are, and seams do not tear. When faces come out flipped, a
 * second run with evenly shaped triangles is tried, and the one with fewer flips taken.
 * Source: Garland & Heckbert 1997, "Surface simplification using quadric error metrics", as meshoptimizer has it.
 */
export async function simplify(
  mesh: RawMesh,
  target: SimplifyTarget,
  options: SimplifyOptions = {},
): Promise<{ mesh: RawMesh; report: SimplifyReport }> {
  expectMesh('simplify', mesh);
  const settings = { ...SIMPLIFY_DEFAULTS, ...options };
  const facesBefore = mesh.indices.length / 3;
  const goal = facesWanted(target, facesBefore);
  if (facesBefore <= goal) return { mesh, report: { facesBefore, faces: facesBefore, error: 0, flippedFaces: 0 } };
  await MeshoptSimplifier.ready;
  const normals = vertexNormals(mesh.positions, mesh.indices);
  let best = collapse(mesh, normals, goal, settings, false);
  if (best.flippedFaces > 0) {
    const even = collapse(mesh, normals, goal, settings, true);
    if (even.flippedFaces < best.flippedFaces) best = even;
  }
  const { indices, error, flippedFaces } = best;
  const simplified = selectFaces({ ...mesh, indices }, () => true);
  return { mesh: simplified, report: { facesBefore, faces: indices.length / 3, error, flippedFaces } };
}

function facesWanted(target: SimplifyTarget, faces: number): number {
  if ('faces' in target) {
    if (Number.isInteger(target.faces) && target.faces >= 4) return target.faces;
    throw new RangeError(`simplify: faces must be a whole number of at least 4, got ${target.faces}.`);
  }
  if (target.ratio > 0 && target.ratio <= 1) return Math.max(4, Math.round(target.ratio * faces));
  throw new RangeError(`simplify: ratio is the share of faces to keep, in (0, 1], got ${target.ratio}.`);
}

function collapse(
  mesh: RawMesh,
  normals: Float32Array,
  goal: number,
  { maxError, colorWeight }: Required<SimplifyOptions>,
  even: boolean,
) {
  const { positions, indices, colors } = mesh;
  const flags: ('LockBorder' | 'Regularize')[] = even ? ['LockBorder', 'Regularize'] : ['LockBorder'];
  const [out, error] = colors
    ? MeshoptSimplifier.simplifyWithAttributes(
        indices,
        positions,
        3,
        colors,
        3,
        [colorWeight, colorWeight, colorWeight],
        null,
        goal * 3,
        maxError,
        flags,
      )
    : MeshoptSimplifier.simplify(indices, positions, 3, goal * 3, maxError, flags);
  return { indices: out, error, flippedFaces: flippedAgainst({ positions, indices: out }, normals) };
}

/**
 * How many faces look away from all three of the normals that their corners had on the surface before; a fold that only
 * turns a corner of the shape is none. normals [V, 3]
 */
export function flippedAgainst(mesh: RawMesh, normals: Float32Array): number {
  let flipped = 0;
  for (let f = 0; f < mesh.indices.length / 3; f++) {
    const n = faceNormal(mesh, f);
    let away = 0;
    for (let k = 0; k < 3; k++) {
      const v = 3 * mesh.indices[3 * f + k];
      if (n[0] * normals[v] + n[1] * normals[v + 1] + n[2] * normals[v + 2] < 0) away++;
    }
    if (away === 3) flipped++;
  }
  return flipped;
}
