import { describe, expect, test } from 'vitest';
import { devices } from '../../../test/devices.ts';
import { downstream, evaluate, expectGolden, expectWeights, golden, voxelsOf } from '../../../test/golden.ts';
import { sparseGrid, subdivided, voxelsOfObjects, withoutObject } from '../../sparse/index.ts';
import { compile, floats, gradients, input, mean, mul, scope, torchGenerator } from '../../tensor/index.ts';
import { meshDecoder, openCubeDecoder, openMeshDecoder } from './mesh-decoder.ts';

describe.each(devices)('the mesh decoder on $device', ({ device, present }) => {
  test.skipIf(!present)('computes what the official one does', async () => {
    const file = golden('slat_decoder_mesh');
    const voxels = voxelsOf(file, 'in.x.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const h = meshDecoder(file.config, p, grid, input('x', [grid.rows, 8]));
    expectWeights(p, file.below('model.'));
    const outputs = {
      'out.h.feats': h,
      'mid.blocks.0': downstream(h, 'blocks.0.mlp.mlp.2.weight', 2),
      'mid.upsample.0': downstream(h, 'upsample.0.out_layers.3.conv.weight', 3),
    };
    const feeds = { x: file.get('in.x.feats') };
    expectGolden(await evaluate(outputs, file.below('model.'), feeds, { device, plan: grid.plan(voxels) }), file);
    expect([...subdivided(subdivided(voxels)).coords]).toEqual([...file.get('out.h.coords').data]);
  });
});

test('cubes decoded in parts and tiles are those of the graph, for objects of many tiles and of one voxel', async () => {
  const file = golden('slat_decoder_mesh');
  const config = { ...file.config, num_blocks: 3 }; // two parts
  const { resolution } = config;
  const rng = torchGenerator(3);
  const ball = Array.from({ length: resolution ** 3 }, (_, i) => [
    Math.floor(i / resolution ** 2),
    Math.floor(i / resolution) % resolution,
    i % resolution,
  ]).filter(([x, y, z]) => Math.hypot(x - 3, y - 3, z - 3) < 3.6);
  const voxels = voxelsOfObjects([Int32Array.from(ball.flat()), Int32Array.of(7, 0, 7)], resolution);
  const weights = Object.fromEntries(
    Object.entries(file.below('model.'))
      .flatMap(([name, t]) => [0, 1, 2].map((i) => [name.replace(/^blocks\.0\./, `blocks.${i}.`), t.data] as const))
      .map(([name, data]) => [name, data.map((v) => v + 0.1 * rng.normal(1)[0])]),
  );
  const grid = sparseGrid(2);
  const feats = rng.normal(8 * voxels.count);
  const program = await compile(
    { cubes: meshDecoder(config, scope(), grid, input('x', [grid.rows, 8])) },
    { state: weights },
  );
  const { cubes } = await program.run({ ...grid.plan(voxels), x: floats(feats, [voxels.count, 8]) });
  const decoder = await openCubeDecoder(config, { state: weights }, { objects: 2, voxelsAtOnce: 10 });
  const tiled = await decoder.decode(voxels, feats);
  await Promise.all([program.dispose(), decoder.dispose()]);
  const expected = cubes.data as Float32Array;
  const got = tiled.flatMap((object) => [...object.feats]);
  const largest = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  expect(got.length).toBe(expected.length);
  expect(got.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i])), 0)).toBeLessThan(1e-4 * largest);
  expect(tiled[1].coords).toEqual(withoutObject(subdivided(subdivided(voxels))).slice(3 * 64 * ball.length));
});

test('the gradient of the mesh decoder in its weights meets a central difference', async () => {
  const file = golden('slat_decoder_mesh');
  const voxels = voxelsOfObjects([Int32Array.of(1, 2, 3, 1, 2, 4, 1, 3, 3), Int32Array.of(5, 5, 5, 5, 4, 6)]);
  const [grid, p] = [sparseGrid(voxels.objects), scope()];
  const h = meshDecoder(file.config, p, grid, input('x', [grid.rows, 8]));
  const loss = mean(mul(h, input('r', h.shape)));
  const names = [...p.parameters.keys()];
  const slopes = gradients(loss, [...p.parameters.values()]);
  const weights = Object.fromEntries(Object.entries(file.below('model.')).map(([name, t]) => [name, t.data]));
  const program = await compile(
    { loss, ...Object.fromEntries(names.map((name, i) => [`d ${name}`, slopes[i]])) },
    { state: weights },
  );
  const rng = torchGenerator(6);
  const rows = 64 * voxels.count;
  const feeds = {
    ...grid.plan(voxels),
    x: floats(rng.normal(8 * voxels.count), [voxels.count, 8]),
    r: floats(rng.normal(101 * rows), [rows, 101]),
  };
  const got = await program.run(feeds);
  // Each kind of weight by itself: input, attention, both norms, both convolutions, the shortcut, output.
  const kinds = [
    /input_layer/,
    /attn/,
    /act_layers/,
    /layers.1.weight/,
    /out_layers.0/,
    /out_layers.3/,
    /skip/,
    /^out_layer\./,
  ];
  for (const kind of kinds) {
    const directions = Object.fromEntries(
      names
        .filter((name) => kind.test(name))
        .map((name) => {
          const w = weights[name];
          const size = Math.sqrt(w.reduce((sum, v) => sum + v * v, 0) / w.length);
          return [name, rng.normal(w.length).map((v) => v * size)];
        }),
    );
    const move = (step: number) =>
      program.writeState(
        Object.fromEntries(
          Object.entries(directions).map(([name, d]) => [name, weights[name].map((v, i) => v + step * d[i])]),
        ),
      );
    const at = async (step: number) => {
      await move(step);
      return Number((await program.run(feeds, { fetch: ['loss'] })).loss.data[0]);
    };
    const step = 0.01;
    const slope = ((await at(step)) - (await at(-step))) / (2 * step);
    await move(0);
    const expected = Object.entries(directions).reduce(
      (sum, [name, d]) => sum + d.reduce((s, v, i) => s + v * Number(got[`d ${name}`].data[i]), 0),
      0,
    );
    // Single precision: the two losses differ in their last digits.
    expect(Math.abs(slope - expected), String(kind)).toBeLessThan(0.01 * Math.abs(expected) + 5e-6);
  }
  await program.dispose();
});

test('an opened decoder gives each object its mesh, in one program for any voxels', async () => {
  const file = golden('slat_decoder_mesh');
  const state = Object.fromEntries(Object.entries(file.below('model.')).map(([name, t]) => [name, t.data]));
  const decoder = await openMeshDecoder(file.config, { state }, { objects: 2 });
  const meshes = await decoder.decode(voxelsOf(file, 'in.x.coords'), file.get('in.x.feats').data);
  expect(meshes.length).toBe(2);
  for (const [i, mesh] of meshes.entries()) {
    // Rounding in the network may move a sign, so vertices are compared as a cloud: their mean, and how many.
    const expected = file.get(`out.${i}.vertices`).data;
    expect(Math.abs(mesh.positions.length / expected.length - 1)).toBeLessThan(0.02);
    const mean = (points: Float32Array, axis: number) =>
      points.filter((_, at) => at % 3 === axis).reduce((a, b) => a + b) / (points.length / 3);
    for (const axis of [0, 1, 2]) expect(mean(mesh.positions, axis)).toBeCloseTo(mean(expected, axis), 2);
    expect(mesh.colors?.length).toBe(mesh.positions.length);
    expect(Math.max(...mesh.indices)).toBe(mesh.positions.length / 3 - 1);
  }
  const one = await decoder.decode(
    voxelsOfObjects([Int32Array.of(1, 2, 3), Int32Array.of(4, 5, 6, 4, 5, 7)], 8),
    new Float32Array(24).fill(0.5),
  );
  expect(one.length).toBe(2);
  await decoder.dispose();
});
