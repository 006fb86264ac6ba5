import { expect, test } from 'vitest';
import { tilt } from '../stages/1-structure/index.ts';
import type { SurfaceMesh } from './surface-mesh.ts';
import { turnedMesh } from './turned-mesh.ts';

test('a mesh and its normals turn, and it fills the unit cube anew', () => {
  const mesh: SurfaceMesh = {
    positions: Float32Array.of(-0.5, -0.1, 0, 0.5, -0.1, 0, 0, 0.3, 0),
    normals: Float32Array.of(0, 0, 1, 0, 0, 1, 0, 1, 0),
    indices: Uint32Array.of(0, 1, 2),
  };
  const turned = turnedMesh(mesh, tilt(Math.PI / 2)); // y becomes z, z becomes −y
  const rounded = (values: Float32Array) => Array.from(values, (v) => Math.round(v * 1e6) / 1e6 + 0);
  expect(rounded(turned.positions)).toEqual([-0.5, 0, -0.2, 0.5, 0, -0.2, 0, 0, 0.2]);
  expect(rounded(turned.normals)).toEqual([0, -1, 0, 0, -1, 0, 0, 0, 1]);
  expect(turned.indices).toBe(mesh.indices);
  const small = { ...mesh, positions: mesh.positions.map((v) => v / 4 + 0.1) };
  expect(rounded(turnedMesh(small, tilt(Math.PI / 2)).positions)).toEqual(rounded(turned.positions));
  const empty = { positions: new Float32Array(), normals: new Float32Array(), indices: new Uint32Array() };
  expect(turnedMesh(empty, tilt(1)).positions).toHaveLength(0);
});
