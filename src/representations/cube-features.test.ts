import { expect, test } from 'vitest';
import { expectClose, golden } from '../../test/golden.ts';
import { torchGenerator } from '../tensor/index.ts';
import { type CubeFeatures, cornerMeans, fieldOfMeans, surfaceOfFeatures } from './cube-features.ts';
import { meshOfFeatures } from './decoded-mesh.ts';
import { membersOf } from './ranked-set.ts';
import { vertexNormals } from './vertex-normals.ts';

const file = golden('features2mesh');

function featuresOf(coords: ArrayLike<number>, feats: Float32Array, resolution: number): CubeFeatures {
  return { resolution, coords: Int32Array.from(coords).filter((_, i) => i % 4 !== 0), feats };
}

const features = featuresOf(file.get('in.x.coords').data, file.get('in.x.feats').data, file.config.res);

test('corners are joined at the vertices as in the official code', () => {
  const { vertices, means, width } = cornerMeans(features);
  const S = features.resolution + 1;
  const ids = [...membersOf(vertices)];
  expect(ids.flatMap((id) => [Math.floor(id / S ** 2), Math.floor(id / S) % S, id % S])).toEqual([
    ...file.get('out.verts_unique').data,
  ]);
  const geometry = means.filter((_, i) => i % width < 4);
  expectClose(geometry, file.get('out.verts_feats').data, 1e-5);
});

test('features give the official mesh, its attributes and normals', () => {
  const { positions, indices, attributes } = surfaceOfFeatures(features);
  expect([...indices]).toEqual([...file.get('out.eval.faces').data]);
  expectClose(positions, file.get('out.eval.vertices').data, 1e-4, 'positions');
  expectClose(attributes, file.get('out.eval.vertex_attrs').data, 1e-4, 'attributes');
  expectClose(vertexNormals(positions, indices), file.get('out.eval.vertex_normal').data, 1e-3, 'normals'); // slivers
  const mesh = meshOfFeatures(features);
  expect(mesh.colors?.slice(3, 6)).toEqual(attributes.slice(6, 9));
  expect(mesh.paintedNormals?.slice(3, 6)).toEqual(attributes.slice(9, 12));
});

test.each([0, 1])('object %i of the mesh decoder is extracted as in the official code', (object) => {
  const decoder = golden('slat_decoder_mesh');
  const all = decoder.get('out.h.coords').data;
  const width = decoder.get('out.h.feats').shape[1];
  const mine = (_: unknown, row: number) => all[4 * row] === object;
  const rows = Array.from({ length: all.length / 4 }, (_, row) => row).filter((row) => mine(0, row));
  const coords = rows.flatMap((row) => [...all.slice(4 * row, 4 * row + 4)]);
  const feats = Float32Array.from(
    rows.flatMap((row) => [...decoder.get('out.h.feats').data.slice(width * row, width * (row + 1))]),
  );
  const { positions, indices, attributes } = surfaceOfFeatures(
    featuresOf(coords, feats, 4 * decoder.config.resolution),
  );
  const expected = (name: string) => decoder.get(`out.${object}.${name}`).data;
  expect([...indices]).toEqual([...expected('faces')]);
  expectClose(positions, expected('vertices'), 1e-4, 'positions');
  expectClose(attributes, expected('vertex_attrs'), 1e-4, 'attributes');
});

/** One cube whose corners are inside where `inside` says so, at distance 1. */
function oneCube(resolution: number, at: readonly number[], inside: (corner: number) => boolean): CubeFeatures {
  const feats = new Float32Array(53);
  for (let k = 0; k < 8; k++) feats[k] = inside(k) ? -1 : 1;
  return { resolution, coords: Int32Array.from(at), feats };
}

test('a single inside corner gives a box of eight vertices around it', () => {
  const { positions, indices } = surfaceOfFeatures(oneCube(8, [3, 3, 3], (k) => k === 0));
  const ends = [-0.14705882, -0.1015625];
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((i) => [ends[i >> 2], ends[(i >> 1) & 1], ends[i & 1]]);
  expectClose(positions, corners, 1e-6);
  const faces = '0 1 2 2 1 3 0 2 4 4 2 6 2 3 6 6 3 7 4 5 0 0 5 1 5 7 1 1 7 3 6 7 4 4 7 5';
  expect([...indices].join(' ')).toBe(faces);
});

test('a cube inside gives a closed surface around it, nothing inside gives none', () => {
  const whole = surfaceOfFeatures(oneCube(8, [3, 3, 3], () => true));
  expect([whole.positions.length / 3, whole.indices.length / 3]).toEqual([26, 48]);
  expect(openSides(whole.indices)).toBe(0);
  const none = meshOfFeatures(oneCube(8, [3, 3, 3], () => false));
  expect([none.positions.length, none.indices.length]).toEqual([0, 0]);
});

/** Sides of triangles that no other triangle passes the other way. */
function openSides(indices: Uint32Array): number {
  const balance = new Map<string, number>();
  for (let i = 0; i < indices.length; i++) {
    const [a, b] = [indices[i], indices[i % 3 === 2 ? i - 2 : i + 1]];
    const key = a < b ? `${a},${b}` : `${b},${a}`;
    balance.set(key, (balance.get(key) ?? 0) + (a < b ? 1 : -1));
  }
  return [...balance.values()].reduce((open, n) => open + Math.abs(n), 0);
}

test('whatever the features, the surface is closed inside the grid, and as large split around centers', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const rng = torchGenerator(seed);
    const cells = rng.permutation(10 ** 3).slice(0, 30 * seed);
    const coords = [...cells].flatMap((c) => [Math.floor(c / 100), Math.floor(c / 10) % 10, c % 10].map((v) => v + 1));
    const random = { resolution: 12, coords: Int32Array.from(coords), feats: rng.normal(101 * cells.length) };
    const diagonal = surfaceOfFeatures(random);
    const center = surfaceOfFeatures(random, 'center');
    expect(openSides(diagonal.indices), `seed ${seed}`).toBe(0);
    expect(openSides(center.indices), `seed ${seed}`).toBe(0);
    expect(center.indices.length).toBe(2 * diagonal.indices.length);
    expect(diagonal.positions.every((v) => Math.abs(v) < 0.5)).toBe(true);
    expect(new Set(diagonal.indices).size).toBe(diagonal.positions.length / 3);
  }
});

test('at the border of the grid the surface stays open', () => {
  const { positions, indices } = surfaceOfFeatures(oneCube(4, [0, 0, 0], () => true));
  expect(positions.every(Number.isFinite)).toBe(true);
  expect(positions.length / 3).toBe(7);
  expect(indices.length).toBeGreaterThan(0);
});

test('moving all cubes moves the surface', () => {
  const move = (by: readonly number[]): CubeFeatures => ({
    ...features,
    resolution: 32,
    coords: features.coords.map((c, i) => c + by[i % 3]),
  });
  const [here, there] = [surfaceOfFeatures(move([2, 3, 4])), surfaceOfFeatures(move([9, 4, 16]))];
  expect(there.indices).toEqual(here.indices);
  expectClose(
    there.positions.map((v, i) => v - [7, 1, 12][i % 3] / 32),
    here.positions,
    1e-6,
  );
});

test('memory follows the cubes: a corner of a grid of 512³ is extracted at once', () => {
  const { positions } = surfaceOfFeatures({
    ...features,
    resolution: 512,
    coords: features.coords.map((c) => c + 400),
  });
  expect(positions.length).toBeGreaterThan(0);
});

test('features that belong elsewhere are refused', () => {
  expect(() => cornerMeans({ ...features, resolution: 8 })).toThrow(/cube \d+ is \(.*\), expected 0 to 7/);
  expect(() => cornerMeans({ ...features, feats: features.feats.slice(1) })).toThrow(
    /feats must be \[Q, 53\], or \[Q, 101\]/,
  );
  expect(() => cornerMeans({ ...features, resolution: 4096 })).toThrow(/resolution must be .* 1 to 512, got 4096/);
  const twice = { resolution: 4, coords: Int32Array.of(1, 1, 1, 1, 1, 1), feats: new Float32Array(106) };
  expect(() => cornerMeans(twice)).toThrow(/2 cubes, of which only 1 are distinct/);
  expect(fieldOfMeans(features, cornerMeans(features)).attributeWidth).toBe(6);
});
