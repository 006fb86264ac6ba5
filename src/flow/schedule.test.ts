import { expect, test } from 'vitest';
import { schedule } from './schedule.ts';

test('times descend from exactly 1 to exactly 0', () => {
  for (const rescale of [1, 3]) {
    const times = schedule(25, { rescale });
    expect([times.length, times[0], times[25]]).toEqual([26, 1, 0]);
    for (let i = 0; i < 25; i++) expect(times[i + 1]).toBeLessThan(times[i]);
  }
});

test.each([
  [12, 1, 10],
  [25, 1, 19],
  [50, 1, 38],
  [12, 0.95, 8],
  [25, 0.95, 15],
  [50, 0.95, 31],
])('of %i steps at rescale 3, those inside [0.5, %d] number %i', (steps, to, count) => {
  expect(
    schedule(steps, { rescale: 3 })
      .slice(0, -1)
      .filter((t) => t >= 0.5 && t <= to),
  ).toHaveLength(count);
});

test('steps and rescale that mean nothing are refused', () => {
  expect(() => schedule(0)).toThrow(/≥ 1/);
  expect(() => schedule(2.5)).toThrow(/integer/);
  expect(() => schedule(5, { rescale: 0 })).toThrow(/rescale/);
});
