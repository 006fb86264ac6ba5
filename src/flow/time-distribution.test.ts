import { expect, test } from 'vitest';
import { torchGenerator } from '../tensor/index.ts';
import { logitNormal, uniform } from './time-distribution.ts';

test('the logit of logit-normal times has the mean and deviation asked for', () => {
  const logits = Array.from(logitNormal(1, 0.5)(torchGenerator(1), 20000), (t) => Math.log(t / (1 - t)));
  const mean = logits.reduce((a, b) => a + b) / logits.length;
  const std = Math.sqrt(logits.reduce((a, b) => a + (b - mean) ** 2, 0) / logits.length);
  expect(mean).toBeCloseTo(1, 1); // standard error 0.004
  expect(std).toBeCloseTo(0.5, 1);
});

test('uniform times fill [0, 1) evenly', () => {
  const times = uniform(torchGenerator(1), 20000);
  for (let i = 0; i < 10; i++) expect(times.filter((t) => Math.floor(t * 10) === i).length / 20000).toBeCloseTo(0.1, 1);
});

test('a deviation of zero is refused', () => {
  expect(() => logitNormal(0, 0)).toThrow(/std > 0/);
});
