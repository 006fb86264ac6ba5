import { expect, test } from 'vitest';
import { generatorOf, samplesOf } from './order.ts';

/** `steps` batches of `batch`, one after the other. */
const stream = (steps: number, batch: number, count: number, seed: number) =>
  Array.from({ length: steps }, (_, step) => samplesOf(step, batch, count, seed)).flat();

test('each epoch sees every sample once, whether the batch divides it, is larger, or is one', () => {
  for (const [batch, count] of [
    [4, 12],
    [5, 12],
    [8, 3],
    [1, 7],
    [3, 1],
  ]) {
    const epochs = 4;
    const seen = stream(Math.ceil((epochs * count) / batch), batch, count, 5);
    for (let epoch = 0; epoch < epochs; epoch++)
      expect(seen.slice(epoch * count, (epoch + 1) * count).sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
  }
});

test('epochs differ, and so do seeds', () => {
  const seen = stream(2, 50, 50, 1);
  expect(seen.slice(0, 50)).not.toEqual(seen.slice(50));
  expect(samplesOf(0, 50, 50, 1)).not.toEqual(samplesOf(0, 50, 50, 9));
});

test('a step depends on nothing that was asked before', () => {
  const steps = [...Array(9).keys()];
  const forward = steps.map((step) => samplesOf(step, 5, 12, 3));
  const backward = [...steps].reverse().map((step) => {
    samplesOf(step, 7, 30, 8); // another run in between
    return samplesOf(step, 5, 12, 3);
  });
  expect(backward.reverse()).toEqual(forward);
  expect([...generatorOf(1, 4).normal(5)]).toEqual([...generatorOf(1, 4).normal(5)]);
  expect([...generatorOf(1, 4).normal(5)]).not.toEqual([...generatorOf(1, 5).normal(5)]);
});
