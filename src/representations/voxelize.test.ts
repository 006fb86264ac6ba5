import { expect, test } from 'vitest';
import type { TriangleScene } from '../formats/index.ts';
import { coordsFromCenters, triangleTouchesCell, voxelCenters, voxelize } from './voxelize.ts';

const scene = (positions: number[]): TriangleScene => ({
  primitives: [
    {
      positions: Float32Array.from(positions),
      indices: Uint32Array.from({ length: positions.length / 3 }, (_, i) => i),
      material: {
        name: '',
        baseColorFactor: [1, 1, 1, 1],
        alphaMode: 'opaque',
        alphaCutoff: 0.5,
        doubleSided: true,
        unlit: false,
      },
    },
  ],
  warnings: [],
});

test('the cells around a triangle are those that a test of every cell finds', () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647 - 0.5;
  };
  for (let round = 0; round < 40; round++) {
    const positions = Array.from({ length: 9 }, () => (round % 2 ? random() : Math.round(random() * 16) / 16));
    const R = 16;
    const expected: number[] = [];
    const limit = 0.5 - 1e-6;
    const p = Float64Array.from(Float32Array.from(positions), (x) => (Math.min(limit, Math.max(-limit, x)) + 0.5) * R);
    for (let i = 0; i < R; i++) {
      for (let j = 0; j < R; j++) {
        for (let k = 0; k < R; k++) if (triangleTouchesCell(p, 0, 1, 2, i, j, k)) expected.push(i, j, k);
      }
    }
    expect([...voxelize(scene(positions), R)]).toEqual(expected);
  }
});

test('points spread over a triangle always lie in active cells', () => {
  const positions = [-0.41, -0.3, 0.2, 0.45, 0.13, -0.37, 0.02, 0.48, 0.44];
  const active = new Set(chunks(voxelize(scene(positions))).map(String));
  for (let a = 0; a <= 1; a += 0.01) {
    for (let b = 0; a + b <= 1; b += 0.01) {
      const cell = [0, 1, 2].map((c) =>
        Math.floor((positions[c] * (1 - a - b) + positions[3 + c] * a + positions[6 + c] * b + 0.5) * 64),
      );
      expect(active.has(String(cell))).toBe(true);
    }
  }
});

test('a wall between two layers of cells belongs to both', () => {
  const coords = chunks(voxelize(scene([0, -0.1, -0.1, 0, 0.1, -0.1, 0, 0, 0.1])));
  expect(new Set(coords.map(([x]) => x))).toEqual(new Set([31, 32]));
});

test('centres keep the index of their cell', () => {
  const coords = Int32Array.from({ length: 64 * 3 }, (_, i) => Math.floor(i / 3));
  expect([...coordsFromCenters(voxelCenters(coords))]).toEqual([...coords]);
});

const chunks = (flat: Int32Array): number[][] =>
  Array.from({ length: flat.length / 3 }, (_, i) => [...flat.subarray(3 * i, 3 * i + 3)]);
