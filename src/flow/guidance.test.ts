import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readSafetensors, toFloat32 } from '../formats/safetensors.ts';
import { euler } from './euler.ts';
import { guided } from './guidance.ts';
import { x0FromVelocity } from './path.ts';
import { schedule } from './schedule.ts';
import { mixed } from './several-prompts.ts';
import type { Velocity } from './velocity.ts';

const constant =
  (value: number): Velocity =>
  async (x) =>
    x.map(() => value);

test('guidance extrapolates from uncond through cond, ends of the interval included', async () => {
  const velocity = guided(constant(2), constant(1), { w: 3, interval: [0.25, 0.5] });
  const at = async (t: number) => (await velocity(new Float32Array(1), t))[0];
  expect([await at(0.2), await at(0.25), await at(0.5), await at(0.51)]).toEqual([2, 5, 5, 2]);
});

test('the empty prompt is evaluated only where it counts', async () => {
  const never: Velocity = async () => expect.fail('evaluated');
  expect((await guided(constant(2), never, { w: 0 })(new Float32Array(1), 0.5))[0]).toBe(2);
  expect((await guided(constant(2), never, { w: 5, interval: [0.5, 1] })(new Float32Array(1), 0.4))[0]).toBe(2);
});

test('an empty interval, one outside [0, 1] and a negative strength are refused', () => {
  expect(() => guided(constant(1), constant(1), { w: 1, interval: [0.6, 0.5] })).toThrow(/from ≤ to/);
  expect(() => guided(constant(1), constant(1), { w: 1, interval: [0, 1.1] })).toThrow(RangeError);
  expect(() => guided(constant(1), constant(1), { w: -1 })).toThrow(/w must be/);
});

describe('trajectories of the reference samplers', () => {
  const { tensors, metadata } = readSafetensors(readFileSync('test/golden/samplers.safetensors'));
  const { cases, sigma_min } = JSON.parse(metadata.config);
  const floats = (name: string) => toFloat32(tensors.get(name)!);
  const cond = floats('in.cond'); // [2, 4]
  const uncond = floats('in.neg_cond'); // [1, 4], one row for all objects
  const multi = floats('in.multi_cond'); // [3, 4]
  const coords = tensors.get('in.sparse.coords')!.data; // [29, 4]

  /** The analytic field of the fixture; `channel(i)` and `object(i)` tell where value i of x lies. */
  function field(c: Float32Array, object: (i: number) => number, channel: (i: number) => number): Velocity {
    return async (x, t) =>
      x.map((v, i) => 0.7 * v * Math.cos(2 * t) + (1 + t) * c[object(i) * 4 + channel(i)] - 0.3 * Math.tanh(v));
  }
  const denseChannel = (i: number) => Math.floor(i / 27) % 4;

  test.each(Object.keys(cases))('%s', async (name) => {
    const options = cases[name];
    const sparse = name === 'interval_sparse';
    const channel = sparse ? (i: number) => i % 4 : denseChannel;
    const object = sparse ? (i: number) => Number(coords[Math.floor(i / 4) * 4]) : (i: number) => Math.floor(i / 108);
    let noise = floats(sparse ? 'in.sparse.feats' : 'in.noise');
    const evaluations: number[] = [];
    let step = 0;
    const counting =
      (velocity: Velocity): Velocity =>
      (x, t) => {
        evaluations[step] = (evaluations[step] ?? 0) + 1;
        return velocity(x, t);
      };
    let towards = counting(field(cond, object, channel));
    if (name.startsWith('multi_')) {
      noise = noise.slice(0, 108);
      const each = [0, 1, 2].map((k) => counting(field(multi, () => k, channel)));
      towards = mixed(each, name === 'multi_stochastic' ? 'stochastic' : 'multidiffusion');
    }
    const away = counting(field(uncond, () => 0, channel));
    const velocity = options.cfg_strength
      ? guided(towards, away, { w: options.cfg_strength, interval: options.cfg_interval })
      : towards;

    const times = schedule(options.steps, { rescale: options.rescale_t });
    expect(times).toEqual(Array.from(tensors.get(`out.${name}.t_seq`)!.data as Float64Array));

    const [xs, x0s] = [floats(`out.${name}.x_t`), floats(`out.${name}.x_0`)];
    const n = noise.length;
    const x0Estimates: Float32Array[] = [];
    const watched: Velocity = async (x, t) => {
      const v = await velocity(x, t);
      x0Estimates.push(x0FromVelocity(x, v, t, sigma_min[name]));
      return v;
    };
    const samples = await euler(watched, noise, times, {
      onStep({ x }) {
        expectClose(x, xs.subarray(step * n, (step + 1) * n), `x after step ${step}`);
        expectClose(x0Estimates[step], x0s.subarray(step * n, (step + 1) * n), `x0 at step ${step}`);
        step++;
      },
    });
    expectClose(samples, floats(`out.${name}.samples`), 'samples');
    expect(evaluations).toEqual(Array.from(tensors.get(`out.${name}.model_calls`)!.data as Int32Array));
  });

  function expectClose(got: Float32Array, expected: Float32Array, what: string): void {
    const scale = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const worst = got.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i])), 0);
    expect(worst / scale, what).toBeLessThan(1e-5); // float rounding on both sides, steps add up
  }
});
