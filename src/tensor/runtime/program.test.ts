import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { devices } from '../../../test/devices.ts';
import { floatsToHalves, halvesToFloats } from '../../formats/index.ts';
import { linear } from '../../nn/index.ts';
import { gradients } from '../grad/gradients.ts';
import { xavier, zeros } from '../init.ts';
import { add, div, gelu, minimum, mul, sqrt, sub } from '../ops/elementwise.ts';
import { input } from '../ops/leaf.ts';
import { affine } from '../ops/product.ts';
import { mean, normalize, sum } from '../ops/reduce.ts';
import { concat, expand, reshape } from '../ops/shape.ts';
import { torchGenerator } from '../random.ts';
import { scope } from '../scope.ts';
import { compile, floats, integers, type ProgramOptions, type StreamedWeights } from './program.ts';

describe('run', () => {
  it('takes inputs of any size on a named axis, from one session', async () => {
    const x = input('x', ['N', 8]);
    const y = input('y', [1, 8]);
    const program = await compile({
      mean: mean(x, { axes: [0] }),
      moved: add(x, expand(y, x.shape)),
      flat: reshape(x, [-1]),
      pairs: reshape(x, ['N', 4, 2]),
      both: concat([x, y], 0),
    });
    for (const n of [3, 1, 700]) {
      const data = Float32Array.from({ length: 8 * n }, (_, i) => i);
      const got = await program.run({ x: floats(data, [n, 8]), y: floats(new Float32Array(8).fill(0.5), [1, 8]) });
      expect(got.mean.data[0]).toBeCloseTo(4 * (n - 1), 3);
      expect(got.moved.dims).toEqual([n, 8]);
      expect(got.moved.data[8 * n - 1]).toBe(8 * n - 0.5);
      expect(got.flat.dims).toEqual([8 * n]);
      expect(got.pairs.dims).toEqual([n, 4, 2]);
      expect(got.both.dims).toEqual([n + 1, 8]);
    }
    await program.dispose();
  });

  it('says which input is missing, of another shape, or of another type', async () => {
    const x = input('x', ['N', 2]);
    const y = input('y', ['N', 1]);
    const program = await compile({ sum: add(x, y) });
    const xs = floats(new Float32Array(6), [3, 2]);
    const ys = floats(new Float32Array(3), [3, 1]);
    await expect(program.run({ x: xs })).rejects.toThrow('run: input "y" [N, 1] is missing; got x.');
    await expect(program.run({})).rejects.toThrow('run: input "x" [N, 2] is missing; got nothing.');
    await expect(program.run({ x: ys, y: ys })).rejects.toThrow(
      'run: input "x" must be float32 [N, 2], got float32 [3, 1].',
    );
    await expect(program.run({ x: integers(new Int32Array(6), [3, 2]), y: ys })).rejects.toThrow('got int32 [3, 2]');
    await expect(program.run({ x: floats(new Float32Array(5), [3, 2]), y: ys })).rejects.toThrow('must hold 6 values');
    await expect(program.run({ x: floats(new Float32Array(8), [4, 2]), y: ys })).rejects.toThrow(
      'N is 4 in input "x" and 3 in "y"',
    );
    expect((await program.run({ x: xs, y: ys })).sum.dims).toEqual([3, 2]);
    await program.dispose();
    await expect(program.run({ x: xs, y: ys })).rejects.toThrow('compile the graph again');
    await program.dispose();
  });

  it('leaves what it was fed usable', async () => {
    const program = await compile({ y: mul(input('x', [2]), 2) });
    const x = floats(Float32Array.of(1, 2), [2]);
    for (let i = 0; i < 2; i++) expect([...(await program.run({ x })).y.data]).toEqual([2, 4]);
    expect([...x.data]).toEqual([1, 2]);
    await program.dispose();
  });
});

describe('compile', () => {
  it('refuses a device that is not there, and never takes another', async () => {
    await expect(compile({ y: mul(input('x', [2]), 2) }, { device: 'quantum' as 'cpu' })).rejects.toThrow(
      /^device "quantum" is not offered by this build of ONNX Runtime, which has: .*cpu/,
    );
  });

  it('names weights without values, states of another size, and updates of nothing', async () => {
    const p = scope();
    const w = p.weight('w', [2, 2], zeros);
    await expect(compile({ y: sum(w) })).rejects.toThrow('compile: no values for weight "w" [2, 2].');
    await expect(compile({ y: sum(w) }, { state: { w: new Float32Array(3) } })).rejects.toThrow(
      'state "w" must be [2, 2], got 3 values',
    );
    const state = { w: new Float32Array(4) };
    await expect(compile({ y: sum(w) }, { state, updates: { v: w } })).rejects.toThrow('compile: update of "v"');
    await expect(compile({ y: sum(w) }, { state, updates: { w: sum(w) } })).rejects.toThrow(
      'update of "w" must be [2, 2], got []',
    );
    await expect(compile({ y: sum(w) }, { state, inPlace: true, advanceWhenFinite: 'y' })).rejects.toThrow('got both');
  });

  it('refuses two inputs of one name and outputs named like inputs', async () => {
    await expect(compile({ y: add(input('x', [2]), input('x', [2])) })).rejects.toThrow(
      'two different tensors are named "x"',
    );
    await expect(compile({ x: mul(input('x', [2]), 2) })).rejects.toThrow('output "x" has the name of an input');
  });

  it('reads weights where they lie in a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'espalier-weights-'));
    const values = Float32Array.of(7, 1, 2, 3, 4, 9);
    await writeFile(join(folder, 'weights.bin'), values);
    const w = scope().weight('w', [2, 2], zeros);
    const place = () => ({ location: 'weights.bin', offset: 4, length: 16 });
    const program = await compile({ y: affine(input('x', [1, 2]), w) }, { external: { folder, place } });
    const got = await program.run({ x: floats(Float32Array.of(1, 10), [1, 2]) });
    expect([...got.y.data]).toEqual([21, 43]);
    await program.dispose();
    await rm(folder, { recursive: true });
  });
});

/** A small network with residuals, trained by momentum; clipping by the global norm makes updates wait for gradients. */
function training() {
  const p = scope();
  const x = input('x', [4, 8]);
  let h = affine(x, p.weight('in', [16, 8], xavier));
  for (let i = 0; i < 4; i++) {
    const inner = gelu(
      affine(normalize(h, 1e-6), p.weight(`up.${i}`, [32, 16], xavier), p.weight(`bias.${i}`, [32], zeros)),
    );
    h = add(h, affine(inner, p.weight(`down.${i}`, [16, 32], xavier)));
  }
  const loss = mean(mul(sub(h, input('y', [4, 16])), sub(h, input('y2', [4, 16]))));
  const names = [...p.parameters.keys()];
  const weights = [...p.parameters.values()];
  const grads = gradients(loss, weights);
  const norm = sqrt(grads.map((g) => sum(mul(g, g))).reduce((a, b) => add(a, b)));
  const clip = minimum(div(0.5, add(norm, 1e-6)), 1);
  const updates = Object.fromEntries(
    weights.flatMap((w, i) => {
      const moment = add(mul(input(`m/${names[i]}`, w.shape), 0.9), mul(grads[i], clip));
      return [
        [`m/${names[i]}`, moment],
        [names[i], sub(w, mul(moment, 0.05))],
      ];
    }),
  );
  const rng = torchGenerator(3);
  const state: Record<string, Float32Array> = {};
  for (const [name, w] of p.parameters) {
    const n = w.shape.reduce<number>((a, d) => a * Number(d), 1);
    state[name] = rng.normal(n).map((v) => v * 0.3);
    state[`m/${name}`] = new Float32Array(n);
  }
  const target = floats(rng.normal(64), [4, 16]);
  return { loss, norm, updates, state, feeds: { x: floats(rng.normal(32), [4, 8]), y: target, y2: target } };
}

describe.each(devices)('state on $device', ({ device, present }) => {
  it.skipIf(!present)('overwritten in place behind a clipping barrier ends where double buffers end', async () => {
    const { loss, updates, state, feeds } = training();
    const ends: Record<string, Float32Array>[] = [];
    const curves: number[][] = [];
    for (const inPlace of [false, true]) {
      const copy = Object.fromEntries(Object.entries(state).map(([name, v]) => [name, v.slice()]));
      const program = await compile({ loss }, { state: copy, updates, inPlace, device });
      const curve: number[] = [];
      for (let step = 0; step < 30; step++) curve.push((await program.run(feeds)).loss.data[0] as number);
      curves.push(curve);
      ends.push(await program.readState(Object.keys(state)));
      await program.dispose();
    }
    expect(curves[0][29]).toBeLessThan(curves[0][0] * 0.5);
    expect(curves[1]).toEqual(curves[0]);
    expect(ends[1]).toEqual(ends[0]);
  });

  it.skipIf(!present)(
    'stays when a run asks for it, when the guard is not finite, and is what was written',
    async () => {
      const { loss, norm, updates, state, feeds } = training();
      const program = await compile({ loss, norm }, { state, updates, advanceWhenFinite: 'norm', device });
      const read = async () => (await program.readState(['in'])).in;
      const before = await read();
      await program.run(feeds, { advance: false });
      expect(await read()).toEqual(before);
      await program.run({ ...feeds, x: floats(new Float32Array(32).fill(Number.NaN), [4, 8]) }, { fetch: ['loss'] });
      expect(await read()).toEqual(before);
      await program.run(feeds, { fetch: [] });
      const after = await read();
      expect(after).not.toEqual(before);
      await program.run({ ...feeds, x: floats(new Float32Array(32).fill(Number.NaN), [4, 8]) }, { fetch: ['loss'] });
      expect(await read()).toEqual(after);
      await program.writeState({ in: before });
      expect(await read()).toEqual(before);
      await expect(program.writeState({ in: new Float32Array(3) })).rejects.toThrow(
        'state "in" expected 128 values, got 3',
      );
      await expect(program.readState(['nothing'])).rejects.toThrow('no state named "nothing"');
      await program.dispose();
    },
  );

  it.skipIf(!present)('takes the memory of two, however many runs replace it', async () => {
    const [w, size] = [input('w', [1000, 2000]), 2e6];
    const state = { w: new Float32Array(size).fill(1) };
    const program = await compile({ total: sum(w) }, { state, updates: { w: mul(w, 0.5) }, device });
    for (let run = 0; run < 5; run++) await program.run({});
    const before = process.memoryUsage().rss;
    for (let run = 0; run < 60; run++) await program.run({});
    expect(process.memoryUsage().rss - before).toBeLessThan(30 * 4 * size); // a copy of each run would be 60
    expect((await program.readState(['w'])).w[size - 1]).toBeCloseTo(2 ** -65, 25);
    await program.dispose();
  });
});

it('what is held is fed to every run that names it, until something else is held under the name', async () => {
  const program = await compile({ z: add(input('x', [2]), input('y', ['n', 2])) });
  const run = async (held?: string) => [
    ...(await program.run({ x: floats(Float32Array.of(1, 2), [2]) }, { held })).z.data,
  ];
  await program.hold('a', { y: floats(Float32Array.of(10, 20), [1, 2]) });
  await program.hold('b', { y: floats(Float32Array.of(1, 1, 2, 2), [2, 2]) });
  expect(await run('a')).toEqual([11, 22]);
  expect(await run('b')).toEqual([2, 3, 3, 4]);
  await program.hold('a', { y: floats(Float32Array.of(0, 0), [1, 2]) });
  expect(await run('a')).toEqual([1, 2]);
  await expect(run()).rejects.toThrow(/input "y" \[n, 2\] is missing/);
  await expect(run('c')).rejects.toThrow(/nothing is held under the name "c"/);
  await expect(program.hold('a', { y: floats(new Float32Array(3), [2, 2]) })).rejects.toThrow(
    /must hold \[2, 2\], got 3/,
  );
  await program.dispose();
});

it('streamed weights are read once, one at a time, and give what the same weights in memory give, halves too', async () => {
  const p = scope();
  const wide = linear(p.at('wide'), input('x', [2, 3]), 4);
  const output = linear(p.at('narrow'), wide, 2);
  const rng = torchGenerator(5);
  const floatsByName = Object.fromEntries(
    [...p.parameters].map(([name, { shape }]) => {
      const values = rng.normal((shape as number[]).reduce((a, d) => a * d, 1));
      return [name, name.startsWith('wide') ? halvesToFloats(floatsToHalves(values)) : values];
    }),
  );
  const reads: string[] = [];
  let open = 0;
  const reading = async <T>(name: string, values: T): Promise<T> => {
    reads.push(name);
    expect(++open).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    open--;
    return values;
  };
  const streamed: StreamedWeights = {
    stored: (name) => (name in floatsByName ? (name.startsWith('wide') ? 'float16' : 'float32') : undefined),
    floats: (name) => reading(name, floatsByName[name]),
    halves: (name) => reading(name, floatsToHalves(floatsByName[name])),
  };
  const feeds = { x: floats(rng.normal(6), [2, 3]) };
  const run = async (options: ProgramOptions) => {
    const program = await compile({ output }, options);
    const { data } = (await program.run(feeds)).output;
    await program.dispose();
    return data;
  };
  expect(await run({ streamed })).toEqual(await run({ state: floatsByName }));
  expect(reads.sort()).toEqual(Object.keys(floatsByName).sort());
});
