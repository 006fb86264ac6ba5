import { expect, test } from 'vitest';
import { consensus } from './consensus.ts';

const occupied = (logits: Float32Array) => [...logits].map((v) => Number(v > 0));

test('a voxel stays that a fifth of the candidates have', () => {
  const candidates = Array.from({ length: 10 }, (_, i) => Float32Array.from([9, i < 3 ? 9 : -9, i < 1 ? 9 : -9, -9]));
  expect(occupied(consensus(candidates))).toEqual([1, 1, 0, 0]);
});

test('what some are nearly sure of adds up, and logits stay finite', () => {
  const certain = Float32Array.from([1e4, -1e4, 0]);
  const merged = consensus([certain, certain]);
  expect([...merged].every(Number.isFinite)).toBe(true);
  expect(occupied(merged)).toEqual([1, 0, 1]); // a logit of 0 is a half
});

test('one candidate is given back as it is; none is an error', () => {
  const only = Float32Array.from([0.5, -2]);
  expect(consensus([only])).toBe(only);
  expect(() => consensus([])).toThrow(/one candidate or more/);
});
