import { expect, test } from 'vitest';
import { compile, floats, initialize, input, scope, torchGenerator } from '../../tensor/index.ts';
import { pitchHead, pitchTarget } from './pitch-head.ts';

const degrees = (d: number) => (d * Math.PI) / 180;

test('the target of a pitch is a distribution about its bin, at the ends too', () => {
  for (const [pitch, bin] of [
    [-90, 0],
    [0.1, 18],
    [32, 24],
    [90, 35],
  ]) {
    const target = pitchTarget(degrees(pitch), 36);
    expect(target.reduce((a, b) => a + b)).toBeCloseTo(1);
    expect(target.indexOf(Math.max(...target))).toBe(bin);
  }
  const [left, right] = [pitchTarget(degrees(-20), 36), pitchTarget(degrees(20), 36)];
  expect(left.toReversed().map((v, i) => Math.abs(v - right[i]))).toSatisfy((d: Float32Array) =>
    d.every((v) => v < 1e-6),
  );
});

test('the head gives each picture a probability for every bin', async () => {
  const p = scope();
  const pitch = pitchHead({ cond_channels: 8, num_bins: 36 }, p, input('tokens', ['batch', 5, 8]));
  expect(pitch.shape).toEqual(['batch', 36]);
  const rng = torchGenerator(1);
  const state = Object.fromEntries(
    [...p.parameters].map(([name, { attributes, shape }]) => [name, initialize(attributes.init, shape, rng)]),
  );
  const program = await compile({ pitch }, { state });
  try {
    const { data, dims } = (await program.run({ tokens: floats(rng.normal(3 * 5 * 8), [3, 5, 8]) })).pitch;
    expect(dims).toEqual([3, 36]);
    for (let i = 0; i < 3; i++) {
      const row = (data as Float32Array).subarray(36 * i, 36 * (i + 1));
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1);
    }
  } finally {
    await program.dispose();
  }
});
