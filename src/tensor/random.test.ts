import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSafetensors } from '../formats/safetensors.ts';
import { torchGenerator } from './random.ts';

const golden = readSafetensors(readFileSync('test/golden/torch_rng.safetensors')).tensors;
const sizes = [16, 4096, 100, 7, 33, 1, 1000];

test.each([0, 1, 42, 123456789])('seed %i gives the raw words of PyTorch', (seed) => {
  const rng = torchGenerator(seed);
  const words = golden.get(`out.u32_${seed}`)!.data as BigInt64Array;
  expect(Array.from(words, () => rng.word())).toEqual(Array.from(words, Number));
});

test.each([0, 1, 42, 123456789])('seed %i gives the normals of PyTorch through draws of any size', (seed) => {
  const rng = torchGenerator(seed);
  sizes.forEach((size, i) => {
    const expected = golden.get(`out.randn_${seed}_${i}`)!.data as Float32Array;
    const got = rng.normal(size);
    let worst = 0;
    for (let k = 0; k < size; k++) worst = Math.max(worst, Math.abs(got[k] - expected[k]));
    expect(worst, `draw ${i} of ${size}`).toBeLessThan(2e-6); // PyTorch's vectorised log, sin, cos
  });
});

test('a generator restored from JSON continues the same stream', () => {
  const rng = torchGenerator(7);
  rng.normal(21);
  rng.normal(3); // leaves a normal waiting
  const state = JSON.parse(JSON.stringify(rng.save()));
  const expected = [rng.normal(5), rng.uniform(900), rng.permutation(9)];
  const other = torchGenerator(0);
  other.restore(state);
  expect([other.normal(5), other.uniform(900), other.permutation(9)]).toEqual(expected);
});

test('a permutation holds every index once, and each order of three is equally likely', () => {
  const rng = torchGenerator(3);
  expect([...rng.permutation(1000)].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const key = rng.permutation(3).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150); // 5 standard deviations
});

test('uniforms stay in [0, 1), and negative or fractional requests are refused', () => {
  expect(
    torchGenerator(1)
      .uniform(10000)
      .every((u) => u >= 0 && u < 1),
  ).toBe(true);
  expect(() => torchGenerator(0.5)).toThrow(/integer/);
  expect(() => torchGenerator(1).normal(-1)).toThrow(/count/);
  expect(() => torchGenerator(1).restore({ words: [1], used: 0, nextNormal: null })).toThrow(/damaged/);
});
