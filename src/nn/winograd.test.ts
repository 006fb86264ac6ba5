import { expect, test } from 'vitest';
import { expectClose } from '../../test/golden.ts';
import { compile, conv3d, floats, input, scope, torchGenerator, zeros } from '../tensor/index.ts';
import { suitsWinograd, winogradConvolution } from './winograd.ts';

test.each([
  [[2, 2, 2], 3, 5],
  [[4, 6, 8], 7, 2],
])('a grid of %j, %i channels to %i: the plain convolution, edges included', async (sides, cin, out) => {
  const p = scope();
  const x = input('x', [1, cin, ...sides]);
  const [weight, bias] = [p.weight('weight', [out, cin, 3, 3, 3], zeros), p.weight('bias', [out], zeros)];
  const rng = torchGenerator(4);
  const state = { weight: rng.normal(out * cin * 27), bias: rng.normal(out) };
  const outputs = { fast: winogradConvolution(x, weight, bias), plain: conv3d(x, weight, bias, { padding: 1 }) };
  expect(outputs.fast.shape).toEqual(outputs.plain.shape);
  const program = await compile(outputs, { state });
  const voxels = sides.reduce((a, b) => a * b);
  const { fast, plain } = await program.run({ x: floats(rng.normal(cin * voxels), [1, cin, ...sides]) });
  await program.dispose();
  expectClose(fast.data as Float32Array, plain.data as Float32Array, 1e-5, 'convolution');
});

test('it is taken for one object with even sides and many channels', () => {
  const grid = (...shape: (number | string)[]) => suitsWinograd(input('x', shape));
  expect(grid(1, 512, 16, 16, 16)).toBe(true);
  expect([grid(2, 512, 16, 16, 16), grid(1, 512, 15, 16, 16), grid(1, 32, 16, 16, 16)]).toEqual([false, false, false]);
});
