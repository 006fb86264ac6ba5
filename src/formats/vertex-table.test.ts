import { expect, test } from 'vitest';
import { createVertexTable, weldExactly } from './vertex-table.ts';

test('triples get the row of their first appearance, through growth and collisions', () => {
  const table = createVertexTable();
  const seen = new Map<string, number>();
  for (let i = 0; i < 5000; i++) {
    const triple = [i % 97, (i * 7) % 89, -(i % 3)] as const;
    const key = triple.join();
    if (!seen.has(key)) seen.set(key, seen.size);
    expect(table.row(...triple)).toBe(seen.get(key));
  }
  expect(table.size).toBe(seen.size);
  expect(Array.from(table.triples().subarray(0, 6))).toEqual([0, 0, 0, 1, 7, -1]);
});

test('corners at one place become one vertex; minus zero is zero; neighbours in the last bit stay apart', () => {
  const next = Math.fround(1 + 2 ** -23);
  const { positions, indices } = weldExactly(Float32Array.of(0, 1, 2, -0, 1, 2, 0, next, 2, 0, 1, 2));
  expect([...indices]).toEqual([0, 0, 1, 0]);
  expect([...positions]).toEqual([0, 1, 2, 0, next, 2]);
});
