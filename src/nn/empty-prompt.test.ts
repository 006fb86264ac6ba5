import { expect, test } from 'vitest';
import { compile, floats, gradients, input, scope, sum } from '../tensor/index.ts';
import { headNorm } from './norm.ts';

test('the head norm of an empty prompt, all zeros, has a finite gradient', async () => {
  // Once its slope at the zero vector was infinite: keys of the empty prompt are exactly zero before the first update,
  // every gradient became NaN, and training stood still.
  const p = scope();
  const x = input('x', [1, 2, 4]);
  const y = headNorm(p, x, 2);
  const [dx] = gradients(sum(y), [x]);
  const program = await compile({ y, dx }, { state: { gamma: new Float32Array(4).fill(1) } });
  const { y: out, dx: slope } = await program.run({ x: floats(new Float32Array(8), [1, 2, 4]) });
  await program.dispose();
  expect([...out.data].map(Number)).toEqual(Array(8).fill(0));
  expect([...slope.data].every((v) => Number.isFinite(Number(v)))).toBe(true);
});
