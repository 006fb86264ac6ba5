import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { xavier, zeros } from '../init.ts';
import { add } from '../ops/elementwise.ts';
import { input } from '../ops/leaf.ts';
import { affine } from '../ops/product.ts';
import { sum } from '../ops/reduce.ts';
import { torchGenerator } from '../random.ts';
import { scope } from '../scope.ts';
import { INT8_BLOCK, quantize } from './int8.ts';
import { openWeights } from './open-weights.ts';
import { compile, floats, type Weights } from './program.ts';
import type { WeightFile } from './weight-file.ts';

test('every weight comes back within half a step of its block, zeros as zeros, padding as nothing', () => {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e30), max: Math.fround(1e30) });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 300 }),
      fc.array(finite, { minLength: 1 }),
      (out, inputs, seed) => {
        const weight = Float32Array.from({ length: out * inputs }, (_, i) => seed[i % seed.length]);
        const { codes, scales } = quantize(weight, { out, in: inputs });
        const blocks = Math.ceil(inputs / INT8_BLOCK);
        for (let row = 0; row < out; row++)
          for (let i = 0; i < blocks * INT8_BLOCK; i++) {
            const scale = scales[row * blocks + Math.floor(i / INT8_BLOCK)];
            const value = (codes[row * blocks * INT8_BLOCK + i] - 128) * scale;
            const wanted = i < inputs ? weight[row * inputs + i] : 0;
            expect(Math.abs(value - wanted)).toBeLessThanOrEqual(scale * 0.5001 + 1e-43); // a subnormal scale is off by up to 7e-46, times 127
            if (wanted === 0) expect(value).toBe(0);
          }
      },
    ),
  );
});

/** y = x·Wᵀ + b twice over, [4, K] → [4, 192] → [4, 160], as a file of floats. */
function network(k: number, inside: string = mkdtempSync(join(tmpdir(), 'espalier-int8-'))) {
  const rng = torchGenerator(1);
  const shapes: [string, number[]][] = [
    ['w1', [192, k]],
    ['b1', [192]],
    ['w2', [160, 192]],
    ['b2', [160]],
  ];
  const state: Record<string, Float32Array> = {};
  const weights: WeightFile['weights'][number][] = [];
  const parts: Float32Array[] = [];
  let at = 0;
  for (const [name, shape] of shapes) {
    const n = shape.reduce((a, b) => a * b, 1);
    state[name] = rng.normal(n).map((v) => v / Math.sqrt(k));
    parts.push(state[name]);
    weights.push({ name, begin: at, end: at + 4 * n, width: 4 });
    at += 4 * n;
  }
  const path = join(inside, 'weights.bin');
  writeFileSync(path, Buffer.concat(parts.map((p) => Buffer.from(p.buffer, p.byteOffset, p.byteLength))));
  const file: WeightFile = { path, weights };
  const p = scope();
  const h = affine(input('x', ['N', k]), p.weight('w1', [192, k], xavier), p.weight('b1', [192], zeros));
  const y = affine(h, p.weight('w2', [160, 192], xavier), p.weight('b2', [160], zeros));
  const run = async (weights: Weights, outputs = { y }) => {
    const program = await compile(outputs, weights);
    const got = await program.run({ x: floats(torchGenerator(2).normal(4 * k), [4, k]) });
    await program.dispose();
    return got.y.data as Float32Array;
  };
  return { file, state, cache: join(inside, 'cache'), run, y, p };
}

function relativeError(a: Float32Array, b: Float32Array): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    error += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  return Math.sqrt(error / size);
}

test.each([256, 200])(
  'layers of %i inputs with 8-bit weights are close to those with floats, and not the same',
  async (k) => {
    const { file, state, cache, run } = network(k);
    const exact = await run({ state });
    const close = await run(await openWeights(file, { cache, precision: 'int8' }));
    const error = relativeError(close, exact);
    expect(error).toBeLessThan(2e-2); // each layer about 1 %: weights and inputs both have 8 bits
    expect(error).toBeGreaterThan(1e-4);
  },
);

test('weights are quantised once, into less than a third of the space', async () => {
  const { file, cache, run } = network(256);
  const progress: number[] = [];
  const options = { cache, precision: 'int8', onProgress: (n: number) => progress.push(n) } as const;
  const first = await run(await openWeights(file, options));
  const read = progress.length;
  expect(await run(await openWeights(file, options))).toEqual(first);
  expect(progress.length).toBe(read);
  const [kept, ...others] = readdirSync(cache);
  expect(others).toEqual([]);
  // a quarter, a scale for each block of 128, and the second layer's 192 inputs padded to two blocks
  expect(statSync(join(cache, kept)).size).toBeLessThan(statSync(file.path).size / 3);
});

test('a weight that something else reads too stays as it is', async () => {
  const { file, state, cache, run, y, p } = network(256);
  const w2 = p.weight('w2', [160, 192], xavier);
  const also = { y: add(y, sum(w2)) };
  const exact = await run({ state }, also);
  const close = await run(await openWeights(file, { cache, precision: 'int8' }), also);
  expect(relativeError(close, exact)).toBeLessThan(2e-2);
});

test('two graphs of one network keep their own quantised weights, and none of the other', async () => {
  const { file, cache, run, y } = network(256);
  const first = { y: y.inputs[0] }; // the first of the two layers
  const weights = await openWeights(file, { cache, precision: 'int8' });
  await run(weights, first);
  await run(weights);
  const [small, large] = readdirSync(cache)
    .map((name) => statSync(join(cache, name)).size)
    .sort((a, b) => a - b);
  expect(readdirSync(cache).length).toBe(2);
  expect(small).toBeLessThan(192 * 256 * 1.1 + 1024);
  expect(large).toBeLessThan(statSync(file.path).size / 3);
});

test('another device than the CPU is refused', async () => {
  const { file, cache, y } = network(256);
  const weights = await openWeights(file, { cache, precision: 'int8' });
  await expect(compile({ y }, { ...weights, device: 'webgpu' })).rejects.toThrow(
    /8-bit weights run on the CPU, got device "webgpu"/,
  );
});
