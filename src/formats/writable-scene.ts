/** What every mesh writer asks of a scene before it writes a byte. */
import type { RgbaPicture, ScenePrimitive, TriangleScene } from './triangle-scene.ts';

/** Scenes from a reader and scenes made by hand: warnings are the reader's. */
export type WritableScene = Pick<TriangleScene, 'primitives'>;

/** A finished file, for formats that are more than one. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** @throws Error naming the primitive and what does not fit */
export function expectWritable(writer: string, { primitives }: WritableScene): void {
  if (primitives.length === 0) {
    throw new Error(`${writer}: expected at least one triangle, got none. Check that the surface is not empty.`);
  }
  for (const [i, primitive] of primitives.entries()) expectPrimitive(`${writer}: primitives[${i}]`, primitive);
}

function expectPrimitive(where: string, { positions, normals, uvs, colors, indices, material }: ScenePrimitive): void {
  const count = positions.length / 3;
  const expectRows = (what: string, values: Float32Array | undefined, width: number) => {
    if (values && values.length !== count * width) {
      throw new Error(
        `${where}: ${what} have ${values.length} values, expected ${count * width} for ${count} positions. Give one row of ${what} per vertex.`,
      );
    }
  };
  if (!Number.isInteger(count) || count === 0) {
    throw new Error(`${where}: positions must be [V, 3], got ${positions.length} values.`);
  }
  expectRows('normals', normals, 3);
  expectRows('uvs', uvs, 2);
  expectRows('colors', colors, 4);
  if (indices.length === 0 || indices.length % 3 !== 0) {
    throw new Error(
      `${where}: indices have ${indices.length} values, expected three per triangle and at least one triangle. ` +
        'Check that the surface is not empty before writing it.',
    );
  }
  for (const index of indices) {
    if (index >= count) throw new Error(`${where}: indices name vertex ${index}, there are ${count}.`);
  }
  if (!positions.every(Number.isFinite)) throw new Error(`${where}: positions must be finite.`);
  if (material.baseColorTexture) expectPicture(where, material.baseColorTexture);
}

function expectPicture(where: string, { width, height, data }: RgbaPicture): void {
  if (data.length === width * height * 4) return;
  throw new Error(
    `${where}: the texture of ${width} × ${height} must have ${width * height * 4} bytes (RGBA), got ${data.length}.`,
  );
}

/**
 * Unit normals [V, 3] of a primitive that has normals; rows of zeros are replaced by the mean normal of their triangles.
 * Undefined for one that has none: it is shaded flat.
 */
export function wholeNormals({ positions: p, normals, indices }: ScenePrimitive): Float32Array | undefined {
  if (!normals) return undefined;
  const length = (v: number) => Math.hypot(normals[3 * v], normals[3 * v + 1], normals[3 * v + 2]);
  const isUnit = (v: number) => Math.abs(length(v) - 1) < 1e-3;
  const count = p.length / 3;
  let isWhole = true;
  for (let v = 0; v < count && isWhole; v++) isWhole = isUnit(v);
  if (isWhole) return normals;
  const mean = new Float64Array(p.length);
  for (let i = 0; i < indices.length; i += 3) {
    const n = faceNormal(p, indices[i], indices[i + 1], indices[i + 2]);
    for (let k = 0; k < 3; k++) for (let c = 0; c < 3; c++) mean[3 * indices[i + k] + c] += n[c];
  }
  const out = new Float32Array(p.length);
  for (let v = 0; v < count; v++) {
    const source = length(v) > 1e-3 ? normals : mean;
    const [x, y, z] = [source[3 * v], source[3 * v + 1], source[3 * v + 2]];
    const size = Math.hypot(x, y, z);
    const unit = size > 0 ? [x / size, y / size, z / size] : [0, 0, 1];
    out.set(unit, 3 * v);
  }
  return out;
}

/** Twice the area times the unit normal. */
export function faceNormal(p: Float32Array, a: number, b: number, c: number): [number, number, number] {
  const ux = p[3 * b] - p[3 * a];
  const uy = p[3 * b + 1] - p[3 * a + 1];
  const uz = p[3 * b + 2] - p[3 * a + 2];
  const vx = p[3 * c] - p[3 * a];
  const vy = p[3 * c + 1] - p[3 * a + 1];
  const vz = p[3 * c + 2] - p[3 * a + 2];
  return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
}

/** The different textures of a scene, in the order of their first use. */
export function texturesOf({ primitives }: WritableScene): RgbaPicture[] {
  return [
    ...new Set(primitives.flatMap((p) => (p.uvs && p.material.baseColorTexture ? [p.material.baseColorTexture] : []))),
  ];
}

/** Decimal text that gives back the same float32. */
export const floatText = (value: number): string => String(Number(value.toPrecision(9)));
