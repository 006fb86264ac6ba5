/** The mesh that the steps pass on, and what all of them ask of it. */
import { type TriangleScene, vertexColors } from '../formats/index.ts';
import { linearOfDisplay8 } from './display-light.ts';

/** Triangles in the object frame (z up), counter-clockwise from outside. Steps never write into what they are given. */
export interface RawMesh {
  readonly positions: Float32Array; // [V, 3]
  readonly indices: Uint32Array; // [F, 3]
  readonly colors?: Float32Array; // [V, 3], linear RGB in [0, 1]
}

/** @throws RangeError naming the step, when rows are missing, an index is too large, or a position is not finite */
export function expectMesh(step: string, { positions, indices, colors }: RawMesh): void {
  const count = positions.length / 3;
  if (!Number.isInteger(count))
    throw new RangeError(`${step}: positions must be [V, 3], got ${positions.length} values.`);
  if (indices.length % 3 !== 0)
    throw new RangeError(
      `${step}: indices must be [F, 3], got ${indices.length} values. Split polygons into triangles.`,
    );
  if (colors && colors.length !== positions.length)
    throw new RangeError(
      `${step}: colors must be [V, 3] like positions (${positions.length} values), got ${colors.length}. Leave alpha out.`,
    );
  for (let i = 0; i < indices.length; i++) {
    if (indices[i] >= count)
      throw new RangeError(`${step}: triangle ${Math.floor(i / 3)} names vertex ${indices[i]}, there are ${count}.`);
  }
  for (let i = 0; i < positions.length; i++) {
    if (!Number.isFinite(positions[i]))
      throw new RangeError(
        `${step}: vertex ${Math.floor(i / 3)} stands at ${positions[i]}, expected finite positions. Repair the mesh where it is made.`,
      );
  }
}

/** The faces f with keep(f) and the vertices they use, both in their order. */
export function selectFaces(mesh: RawMesh, keep: (face: number) => boolean): RawMesh {
  const { positions, indices, colors } = mesh;
  const isUsed = new Uint8Array(positions.length / 3);
  const kept = new Uint32Array(indices.length);
  let length = 0;
  for (let f = 0; f < indices.length / 3; f++) {
    if (!keep(f)) continue;
    for (let k = 0; k < 3; k++) {
      kept[length++] = indices[3 * f + k];
      isUsed[indices[3 * f + k]] = 1;
    }
  }
  const row = new Uint32Array(isUsed.length);
  const used: number[] = [];
  for (let v = 0; v < isUsed.length; v++) if (isUsed[v]) row[v] = used.push(v) - 1;
  return {
    positions: rowsOf(positions, used),
    indices: kept.subarray(0, length).map((v) => row[v]),
    ...(colors && { colors: rowsOf(colors, used) }),
  };
}

/** Rows `used` of a table [V, 3]. */
export function rowsOf(table: Float32Array, used: ArrayLike<number>): Float32Array {
  const out = new Float32Array(used.length * 3);
  for (let i = 0; i < used.length; i++) for (let c = 0; c < 3; c++) out[3 * i + c] = table[3 * used[i] + c];
  return out;
}

/** Middle of the box around a mesh, its longest side, and the radius of the sphere around it. */
export function boundsOf(positions: Float32Array): { center: [number, number, number]; side: number; radius: number } {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    const c = i % 3;
    if (positions[i] < low[c]) low[c] = positions[i];
    if (positions[i] > high[c]) high[c] = positions[i];
  }
  if (positions.length === 0) return { center: [0, 0, 0], side: 0, radius: 0 };
  const size = [0, 1, 2].map((c) => high[c] - low[c]);
  return {
    center: [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, (low[2] + high[2]) / 2],
    side: Math.max(...size),
    radius: Math.hypot(...size) / 2,
  };
}

/** Twice the area of face f times its unit normal. */
export function faceNormal({ positions: p, indices }: RawMesh, f: number): [number, number, number] {
  const [a, b, c] = [3 * indices[3 * f], 3 * indices[3 * f + 1], 3 * indices[3 * f + 2]];
  const [ux, uy, uz] = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
  const [vx, vy, vz] = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
  return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
}

/**
 * All primitives of a scene as one mesh. Textures are sampled at the vertices; alpha is left out. Colours are there when
 * some primitive has any beyond its material's white.
 */
export function meshOfScene({ primitives }: Pick<TriangleScene, 'primitives'>): RawMesh {
  const vertices = primitives.reduce((sum, p) => sum + p.positions.length / 3, 0);
  const positions = new Float32Array(vertices * 3);
  const indices = new Uint32Array(primitives.reduce((sum, p) => sum + p.indices.length, 0));
  const colors = new Float32Array(vertices * 3);
  let v = 0;
  let i = 0;
  for (const primitive of primitives) {
    positions.set(primitive.positions, 3 * v);
    for (let k = 0; k < primitive.indices.length; k++) indices[i + k] = v + primitive.indices[k];
    const display = vertexColors(primitive);
    for (let k = 0; k < display.length / 4; k++)
      for (let c = 0; c < 3; c++) colors[3 * (v + k) + c] = linearOfDisplay8[display[4 * k + c]];
    v += primitive.positions.length / 3;
    i += primitive.indices.length;
  }
  const isColored = primitives.some(
    ({ colors, uvs, material }) =>
      colors ||
      (uvs && material.baseColorTexture) ||
      material.baseColorFactor.some((x) => x !== material.baseColorFactor[0]),
  );
  return { positions, indices, ...(isColored && { colors }) };
}
