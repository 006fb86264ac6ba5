/** Each defect is made by code and must be found, and only it. */
import { expect, test } from 'vitest';
import { cube, insideOut, sphere, together } from '../../test/solid-shapes.ts';
import { type CheckedMesh, checkMesh } from './check-mesh.ts';
import { checkScene } from './check-scene.ts';
import { selectFaces } from './raw-mesh.ts';

const found = (mesh: CheckedMesh) => checkMesh(mesh).findings.map(({ check }) => check);

test('a cube has nothing to find, and its measures are right', () => {
  const { shape, findings, isUsable } = checkMesh(cube(0.5, 2));
  expect(findings).toEqual([]);
  expect(isUsable).toBe(true);
  expect(shape).toMatchObject({ components: 1, boundaryLoops: 0, isClosed: true, degenerateFaces: 0 });
  expect(shape.area).toBeCloseTo(1.5, 6);
  expect(shape.volume).toBeCloseTo(0.125, 6);
});

test('holes, third faces on an edge, turned and flat faces are counted', () => {
  const whole = cube(1, 3);
  const open = checkMesh(selectFaces(whole, (f) => f !== 5 && f !== 70));
  expect(open.shape).toMatchObject({ boundaryLoops: 2, boundaryEdges: 6, isClosed: false, volume: 0 });
  expect(open.findings.map(({ check, severity }) => [check, severity])).toEqual([['open', 'flaw']]);

  const fin = {
    positions: Float32Array.from([...whole.positions, 0, 0, 3]),
    indices: Uint32Array.from([...whole.indices, whole.indices[0], whole.indices[1], 56]),
  };
  expect(checkMesh(fin).shape.nonManifoldEdges).toBe(1);
  expect(found(fin)).toContain('non-manifold');

  const indices = whole.indices.slice();
  for (const f of [4, 40, 41]) indices.set([indices[3 * f + 1], indices[3 * f]], 3 * f);
  expect(checkMesh({ ...whole, indices }).shape.flippedFaces).toBe(3);
  expect(found({ ...whole, indices })).toEqual(['flipped']);

  const flat = { ...whole, indices: Uint32Array.from([...whole.indices, 7, 7, 9]) };
  expect(checkMesh(flat).shape).toMatchObject({ degenerateFaces: 1, isClosed: true });
  expect(found(flat)).toEqual(['degenerate']);
});

test('what cannot be used: nothing, no area, not finite, inside out', () => {
  const { positions, indices } = sphere(0.5, 3);
  const broken = positions.slice();
  broken[7] = Number.NaN;
  for (const [check, mesh] of [
    ['empty', { positions: new Float32Array(0), indices: new Uint32Array(0) }],
    ['empty', { positions: new Float32Array(9), indices: Uint32Array.from([0, 1, 2]) }],
    ['not-finite', { positions: broken, indices }],
    ['inside-out', insideOut({ positions, indices })],
  ] as const) {
    expect(found(mesh)).toContain(check);
    expect(checkMesh(mesh).isUsable).toBe(false);
  }
  expect(() => checkMesh({ positions, indices, uvs: new Float32Array(4) })).toThrow(
    'uvs must be [V, 2] for 56 vertices',
  );
});

test('parts are counted, and the seams of a texture are neither parts nor holes', () => {
  const two = together(cube(0.2), cube(0.2, 1, [1, 0, 0]));
  expect(checkMesh(two).shape.components).toBe(2);
  const { positions, indices } = cube(1, 2);
  const torn = {
    positions: Float32Array.from([...indices].flatMap((v) => [...positions.subarray(3 * v, 3 * v + 3)])),
    indices: indices.map((_, i) => i),
  };
  expect(checkMesh(torn).shape).toMatchObject({ components: 1, isClosed: true });
});

test('texture coordinates: overlap by half, outside, not finite, and a blank texture', () => {
  const square = (x: number, y: number) => [x, y, x + 0.4, y, x + 0.4, y + 0.4, x, y + 0.4];
  const sheet = {
    positions: Float32Array.from([0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1]),
    indices: Uint32Array.from([0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7]),
  };
  const withUvs = (uvs: number[]) => ({ ...sheet, uvs: Float32Array.from(uvs) });
  const apart = checkMesh(withUvs([...square(0, 0), ...square(0.5, 0.5)]));
  expect(apart.atlas).toMatchObject({ overlapShare: 0, outsideShare: 0, size: 512 });
  expect(apart.atlas!.usedShare).toBeCloseTo(0.32, 2);
  const half = checkMesh(withUvs([...square(0, 0), ...square(0.2, 0)]));
  expect(half.atlas!.overlapShare).toBeCloseTo(1 / 3, 2); // 0.2 · 0.4 of 0.6 · 0.4
  expect(half.findings.map(({ check }) => check)).toContain('uv-overlap');
  const beside = checkMesh(withUvs([...square(0, 0), ...square(0.7, 0.5)]));
  expect(beside.atlas!.outsideShare).toBe(0.25);
  expect(found(withUvs([...square(0, 0), Number.NaN, ...square(0.5, 0.5).slice(1)]))).toContain('uv-not-finite');
  const texture = { width: 8, height: 4, data: new Uint8Array(128).fill(7) };
  expect(found({ ...withUvs([...square(0, 0), ...square(0.5, 0.5)]), texture })).toContain('blank-texture');
  texture.data[4 * (8 * 2 + 5)] = 90; // inside the second square
  expect(checkMesh({ ...withUvs([...square(0, 0), ...square(0.5, 0.5)]), texture }).atlas!.range).toEqual([7, 90]);
});

test('a scene is one shape over its primitives', () => {
  const whole = cube(1, 2);
  const material = {
    name: '',
    baseColorFactor: [1, 1, 1, 1] as const,
    alphaMode: 'opaque' as const,
    alphaCutoff: 0.5,
    doubleSided: false,
    unlit: false,
  };
  const half = (first: boolean) => ({ ...selectFaces(whole, (f) => f < 24 === first), material });
  const uvs = new Float32Array((half(false).positions.length / 3) * 2).fill(2);
  const check = checkScene({ primitives: [half(true), { ...half(false), uvs }] });
  expect(check.shape).toMatchObject({ components: 1, isClosed: true });
  expect(check.atlases).toHaveLength(1);
  expect(check.findings.map(({ message }) => message)).toEqual([
    'Primitive 1: 100 % of the vertices lie outside the texture.',
  ]);
});
