import { expect, test } from 'vitest';
import { euler } from './euler.ts';
import { heun } from './heun.ts';
import { velocityTarget } from './path.ts';
import { schedule } from './schedule.ts';
import type { Velocity } from './velocity.ts';

// dx/dt = x·cos(3t): x(t) = x(1)·exp((sin 3t − sin 3)/3).
const curved: Velocity = async (x, t) => x.map((value) => value * Math.cos(3 * t));
const exactAt = (t: number) => Math.exp((Math.sin(3 * t) - Math.sin(3)) / 3);

/** Error at t = 0.25; solvers are compared before t = 0, where heun steps like euler. */
async function errorOf(solver: typeof euler, steps: number): Promise<number> {
  const times = Array.from({ length: steps + 1 }, (_, i) => 1 - (0.75 * i) / steps);
  const [x] = await solver(curved, new Float32Array([1]), times);
  return Math.abs(x - exactAt(0.25));
}

test('halving the step of euler halves the error', async () => {
  const ratio = (await errorOf(euler, 40)) / (await errorOf(euler, 80));
  expect(ratio).toBeGreaterThan(1.85);
  expect(ratio).toBeLessThan(2.15);
});

test('halving the step of heun divides the error by four', async () => {
  const ratio = (await errorOf(heun, 8)) / (await errorOf(heun, 16));
  expect(ratio).toBeGreaterThan(3.5);
  expect(ratio).toBeLessThan(4.6);
});

test.each([
  ['euler', euler],
  ['heun', heun],
] as const)('%s is exact on straight paths, in a single step', async (_, solver) => {
  const x0 = new Float32Array([0.5, -2, 7]);
  const noise = new Float32Array([1, 0.25, -1]);
  const velocity = velocityTarget(x0, noise, 0);
  expect(await solver(async () => velocity, noise, schedule(1))).toEqual(x0);
});

test.each([
  ['euler', euler],
  ['heun', heun],
] as const)('%s reports each step, leaves the noise alone and stops when told', async (_, solver) => {
  const noise = new Float32Array([1, 2]);
  const steps: number[] = [];
  await solver(curved, noise, schedule(4), { onStep: ({ step, of, t }) => void steps.push(step, of, t) });
  expect(steps).toEqual([1, 4, 0.75, 2, 4, 0.5, 3, 4, 0.25, 4, 4, 0]);
  expect(noise).toEqual(new Float32Array([1, 2]));
  const stop = new AbortController();
  const onStep = ({ step }: { step: number }) => {
    if (step === 2) stop.abort(new Error('enough'));
  };
  const run = solver(curved, noise, schedule(4), { signal: stop.signal, onStep });
  await expect(run).rejects.toThrow('enough');
});

test('times that ascend and velocities of another size are refused', async () => {
  await expect(euler(curved, new Float32Array(1), [0, 1])).rejects.toThrow(/descend/);
  await expect(heun(curved, new Float32Array(1), [1])).rejects.toThrow(/at least two/);
  await expect(euler(async () => new Float32Array(3), new Float32Array(2), [1, 0])).rejects.toThrow(
    /2 values like x, got 3/,
  );
});
