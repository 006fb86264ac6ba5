/**
 * One ball in every form, for tests of pictures: around the origin, red on the side of +x, green of +y, blue of +z, and the
 * complements on the other sides.
 */
import { type FieldArrays, NEUTRAL_MATERIAL, SH_C0 } from '../src/formats/index.ts';
import type { Drawable } from '../src/index.ts';
import { sphere } from './solid-shapes.ts';

export const RADIUS = 0.4;

/** 0 or 1 for red, green, blue. */
export function sideColor(direction: ArrayLike<number>): [number, number, number] {
  const axis = [0, 1, 2].reduce((most, c) => (Math.abs(direction[c]) > Math.abs(direction[most]) ? c : most), 0);
  const isPositive = direction[axis] > 0;
  return [0, 1, 2].map((c) => ((c === axis) === isPositive ? 1 : 0)) as [number, number, number];
}

/** Shared vertices, no normals of their own unless asked for. */
export function ballMesh(): Extract<Drawable, { kind: 'mesh' }> {
  const { positions, indices } = sphere(RADIUS, 16);
  const colors = new Float32Array((positions.length / 3) * 4).fill(1);
  for (let v = 0; v < positions.length / 3; v++) colors.set(sideColor(positions.subarray(3 * v, 3 * v + 3)), 4 * v);
  const normals = positions.map((p) => p / RADIUS);
  return { kind: 'mesh', primitives: [{ positions, indices, colors, normals, material: NEUTRAL_MATERIAL }] };
}

/** Flat disks on the skin. */
export function ballSplats(): Extract<Drawable, { kind: 'splats' }> {
  const { positions: means } = sphere(RADIUS, 40);
  const count = means.length / 3;
  const [rotations, shDc] = [new Float32Array(4 * count), new Float32Array(3 * count)];
  for (let g = 0; g < count; g++) {
    const [x, y, z] = means.subarray(3 * g, 3 * g + 3).map((p) => p / RADIUS);
    const length = Math.hypot(1 + z, x, y);
    rotations.set(length > 1e-6 ? [(1 + z) / length, -y / length, x / length, 0] : [0, 1, 0, 0], 4 * g);
    shDc.set(
      sideColor([x, y, z]).map((c) => (c - 0.5) / SH_C0),
      3 * g,
    );
  }
  const splats = {
    ...{ means, rotations, shDc, shDegree: 0 as const, shRest: new Float32Array() },
    scales: Float32Array.from({ length: 3 * count }, (_, i) => (i % 3 === 2 ? 0.002 : 0.016)),
    opacities: new Float32Array(count).fill(0.95),
  };
  return { kind: 'splats', splats };
}

/** Cells along the skin whose density grows with the depth below it, straight in each cell. */
export function ballField(): Extract<Drawable, { kind: 'radiance-field' }> {
  const [resolution, rank, dim] = [32, 4, 2];
  const rows = { positions: [] as number[], trivec: [] as number[], density: [] as number[], colorsDc: [] as number[] };
  for (let cell = 0; cell < resolution ** 3; cell++) {
    const at = [Math.floor(cell / resolution ** 2), Math.floor(cell / resolution) % resolution, cell % resolution];
    const p = at.map((c) => (c + 0.5) / resolution - 0.5);
    const far = Math.hypot(...p);
    if (Math.abs(far - RADIUS) > 1.5 / resolution) continue;
    rows.positions.push(...p.map((c) => c + 0.5));
    rows.density.push(STEEPNESS * (RADIUS - far), ...p.map((c) => (-STEEPNESS * c) / far / resolution));
    rows.colorsDc.push(...sideColor(p).map((c) => 20 * (2 * c - 1)), ...new Array(9).fill(0));
    rows.trivec.push(1, 1, 1, 1, 1, 1); // a constant, and a ramp along each axis
    for (let axis = 0; axis < 3; axis++)
      for (let line = 0; line < 3; line++) rows.trivec.push(...(line === axis ? [-0.25, 0.25] : [1, 1]));
  }
  const floats = (name: keyof typeof rows) => Float32Array.from(rows[name]);
  const field: FieldArrays = {
    ...{ resolution, rank, dim, positions: floats('positions') },
    ...{ trivec: floats('trivec'), density: floats('density'), colorsDc: floats('colorsDc') },
  };
  return { kind: 'radiance-field', field };
}

const STEEPNESS = 5e4; // density per length under the skin
