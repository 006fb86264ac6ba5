import { expect, test } from 'vitest';
import { euler } from './euler.ts';
import { evaluatedSteps, fewerEvaluations } from './fewer-evaluations.ts';
import { schedule } from './schedule.ts';
import type { Velocity } from './velocity.ts';

test('the first steps, the last, and one of so many between are evaluated', () => {
  expect(evaluatedSteps(10, { exact: 0.4, stride: 2 }).map(Number)).toEqual([1, 1, 1, 1, 0, 1, 0, 1, 0, 1]);
  expect(evaluatedSteps(10, { exact: 0, stride: 3 }).map(Number)).toEqual([1, 1, 0, 0, 1, 0, 0, 1, 0, 1]);
  expect(evaluatedSteps(25).filter((is) => is).length).toBe(18);
});

test('runs too short to leave anything out are refused', () => {
  expect(() => evaluatedSteps(3)).toThrow(/of 3 steps none can be left out.*at least 4 steps/);
  expect(() => fewerEvaluations(async (x) => x, 1)).toThrow(RangeError);
});

test('a velocity that is linear in time is followed exactly, with the evaluations that were promised', async () => {
  let evaluations = 0;
  const linear: Velocity = async (x, t) => {
    evaluations++;
    return x.map((_, i) => i - 2 * t);
  };
  const times = schedule(25, { rescale: 3 });
  const noise = Float32Array.of(0.5, -1, 2);
  const exact = await euler(linear, noise, times);
  evaluations = 0;
  const fast = await euler(fewerEvaluations(linear, 25), noise, times);
  expect(evaluations).toBe(18);
  for (const [i, v] of fast.entries()) expect(v).toBeCloseTo(exact[i], 5);
});

test('a velocity that curves is followed closely, and closer the more is evaluated', async () => {
  const curved: Velocity = async (x, t) => x.map((v) => v * Math.cos(3 * t));
  const times = schedule(25, { rescale: 3 });
  const [exact] = await euler(curved, Float32Array.of(1), times);
  const error = async (stride: number) =>
    Math.abs((await euler(fewerEvaluations(curved, 25, { exact: 0.4, stride }), Float32Array.of(1), times))[0] - exact);
  expect(await error(2)).toBeLessThan(0.01 * exact);
  expect(await error(2)).toBeLessThan(await error(4));
});

test('more steps than it was made for are refused', async () => {
  const velocity = fewerEvaluations(async (x) => x, 4);
  for (let i = 0; i < 4; i++) await velocity(new Float32Array(1), 1 - i / 4);
  await expect(velocity(new Float32Array(1), 0)).rejects.toThrow(/made for 4 steps/);
});
