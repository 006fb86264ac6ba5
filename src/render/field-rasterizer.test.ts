import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectClose } from '../../test/golden.ts';
import type { RadianceField } from '../representations/index.ts';
import { type Camera, orbitCamera } from './cameras.ts';
import { createFieldRasterizer } from './field-kernel.ts';
import type { FieldRasterizer, FieldView } from './field-rasterizer.ts';
import { createFieldTwin } from './field-twin.ts';

fieldRasterizerSuite('the twin', async () => createFieldTwin());
fieldRasterizerSuite('the kernel on one thread', () => createFieldRasterizer({ threads: 1 }));
fieldRasterizerSuite('the kernel on three threads', () => createFieldRasterizer({ threads: 3 }));

const planes = ['color', 'alpha', 'depth', 'medianDepth'] as const;
const arrays = ['trivec', 'density', 'colorsDc'] as const;

function fieldRasterizerSuite(name: string, create: () => Promise<FieldRasterizer>): void {
  describe(`radiance field: ${name}`, () => {
    let rasterizer: FieldRasterizer;
    beforeAll(async () => {
      rasterizer = await create();
    });
    afterAll(() => rasterizer.dispose());

    test('one voxel and one ray give the worked example', async () => {
      const [rank, dim] = [16, 8];
      const field: RadianceField = {
        resolution: 64,
        rank,
        dim,
        positions: Float32Array.of(32.5 / 64, 32.5 / 64, 32.5 / 64),
        trivec: Float32Array.from({ length: rank * 3 * dim }, (_, i) => {
          const [r, a, n] = [Math.floor(i / (3 * dim)), Math.floor(i / dim) % 3, i % dim];
          return 1 + 0.1 * Math.sin(r + 2 * a + 0.5 * n);
        }),
        density: Float32Array.from({ length: rank }, (_, r) => 5 + 3 * Math.cos(r)),
        colorsDc: Float32Array.from({ length: 3 * rank }, (_, i) => Math.sin(Math.floor(i / 3) + (i % 3))),
      };
      // A camera at (0.003, 0.011, −2) that looks along +z, with one pixel.
      const camera: Camera = {
        extrinsics: Float64Array.from([1, 0, 0, -0.003, 0, 1, 0, -0.011, 0, 0, 1, 2, 0, 0, 0, 1]),
        intrinsics: Float64Array.from([1, 0, 0.5, 0, 1, 0.5, 0, 0, 1]),
      };
      const picture = await rasterizer.render(field, { camera, width: 1, height: 1, background: [1, 1, 1] });
      expectClose(picture.color, [0.77092193, 0.71144223, 0.58256284], 1e-6, 'pixel');
      expectClose(picture.alpha, [1 - 0.28171276], 1e-6, 'alpha');
      const g = await picture.backward(Float32Array.of(1, 1, 1));
      const at = (r: number, a: number, n: number) => g.trivec[(r * 3 + a) * dim + n];
      expectClose([sum(g.trivec)], [-1.04736126], 1e-5, 'sum of lines');
      expectClose([at(3, 2, 4), at(0, 0, 1), at(0, 0, 2)], [-0.0105266, 0.0306518, 0.00114467], 1e-5, 'lines');
      expectClose([g.density[0], sum(g.density)], [-0.00550361, -0.09666971], 1e-5, 'density');
      expectClose(g.colorsDc.subarray(3, 6), [0.04480357, 0.04948243, 0.05042369], 1e-5, 'color');
      expectClose(g.background, [0.28171276, 0.28171276, 0.28171276], 1e-5, 'background');
    });

    test('gradients of everything equal central differences', async () => {
      const field = cells(8, 14, 5, 4, 1);
      const view = viewOf(orbitCamera(0.3, 0.2, 1.6, 0.8), 9, 8, [0.2, 0.6, 0.9]);
      const upstream = noise(3 * 72, 2);
      const loss = async (at: RadianceField) => dot((await rasterizer.render(at, view)).color, upstream);
      const gradients = await (await rasterizer.render(field, view)).backward(upstream);
      for (const name of arrays) {
        const some = Array.from({ length: 24 }, (_, i) => (i * 7919) % field[name].length);
        const differences: number[] = [];
        for (const i of some) {
          const [up, down] = [field[name].slice(), field[name].slice()];
          up[i] += 1e-2;
          down[i] -= 1e-2;
          const change = (await loss({ ...field, [name]: up })) - (await loss({ ...field, [name]: down }));
          differences.push(change / (up[i] - down[i]));
        }
        // Single precision pictures: 1e-7 · √216 over a step of 2e-2.
        const largest = Math.max(...gradients[name].map(Math.abs));
        const error = Math.max(...some.map((i, k) => Math.abs(gradients[name][i] - differences[k])));
        expect(error / largest, name).toBeLessThan(5e-3);
        expect(Math.max(...differences.map(Math.abs)), name).toBeGreaterThan(0.02 * largest);
      }
    });

    test('the order of the cells leaves picture and gradients', async () => {
      const field = cells(8, 30, 4, 4, 3);
      const order = Array.from({ length: 30 }, (_, i) => (i * 7 + 3) % 30);
      const view = viewOf(orbitCamera(2, -0.3, 1.5, 0.8), 12, 17);
      const [a, b] = [await rasterizer.render(field, view), await rasterizer.render(permuted(field, order), view)];
      for (const plane of planes) expect(b[plane], plane).toEqual(a[plane]);
      const upstream = noise(3 * 12 * 17, 4);
      const expected = permuted({ ...field, ...(await a.backward(upstream)) }, order);
      const gradients = await b.backward(upstream);
      for (const name of arrays) expect(gradients[name], name).toEqual(expected[name]);
    });

    test('two pictures may wait for their gradients at once', async () => {
      const field = cells(8, 20, 4, 4, 5);
      const views = [0, 2].map((yaw) => viewOf(orbitCamera(yaw, 0.1, 1.5, 0.7), 9, 7));
      const upstreams = [0, 1].map((i) => noise(3 * 63, 6 + i));
      const apart = [];
      for (const [i, view] of views.entries())
        apart.push(await (await rasterizer.render(field, view)).backward(upstreams[i]));
      const pictures = await Promise.all(views.map((view) => rasterizer.render(field, view)));
      expect(await Promise.all(pictures.map((p, i) => p.backward(upstreams[i])))).toEqual(apart);
    });

    test('an opaque cell hides what is behind, and its depth is its face', async () => {
      const field = cells(4, 2, 4, 4, 8);
      field.positions.set([0.625, 0.625, 0.375, 0.625, 0.625, 0.875]);
      field.trivec.fill(1);
      field.density.fill(1e4);
      const camera: Camera = {
        extrinsics: Float64Array.from([1, 0, 0, -0.1, 0, 1, 0, -0.1, 0, 0, 1, 2, 0, 0, 0, 1]),
        intrinsics: Float64Array.from([1, 0, 0.5, 0, 1, 0.5, 0, 0, 1]),
      };
      const { alpha, depth, medianDepth } = await rasterizer.render(field, viewOf(camera, 1, 1));
      expect(alpha[0]).toBeGreaterThan(0.998);
      expect(Math.abs(depth[0] / alpha[0] - 1.75)).toBeLessThan(0.5 / 16);
      expect(Math.abs(medianDepth[0] - 1.75)).toBeLessThan(0.5 / 16);
    });

    test('poisoned cells, cells behind the camera and an empty field draw nothing', async () => {
      const view = viewOf(orbitCamera(0.4, 0.3, 0.3, 0.9), 11, 10, [0.25, 0.5, 1]);
      const sound = cells(8, 40, 4, 4, 9);
      const background = (await rasterizer.render(cells(8, 0, 4, 4, 9), view)).color;
      expect([...new Set(background)]).toEqual([0.25, 0.5, 1]);
      const poison = [Number.NaN, Number.POSITIVE_INFINITY, -1e30, 3e38];
      const bad = permuted(
        sound,
        Array.from({ length: 40 }, (_, i) => i),
      );
      for (let n = 0; n < 40; n += 2)
        bad[arrays[n % 3]].fill(
          poison[(n / 2) % 4],
          n * sizeOf(bad, arrays[n % 3]),
          n * sizeOf(bad, arrays[n % 3]) + 1,
        );
      const good = permuted(
        sound,
        Array.from({ length: 20 }, (_, i) => 2 * i + 1),
      );
      const [a, b] = [await rasterizer.render(bad, view), await rasterizer.render(good, view)];
      for (const plane of planes) expect(a[plane], plane).toEqual(b[plane]);
      const g = await a.backward(noise(330, 10));
      for (const name of arrays) expect(g[name].every(Number.isFinite), name).toBe(true);
    });

    test('what does not fit together is refused by name', async () => {
      const field = cells(8, 4, 4, 4, 11);
      const view = viewOf(orbitCamera(0, 0, 2, 0.7), 4, 3);
      await expect(rasterizer.render({ ...field, density: new Float32Array(3) }, view)).rejects.toThrow(
        /density must hold 4 values/,
      );
      await expect(rasterizer.render({ ...field, dim: 1 }, view)).rejects.toThrow(/dim must be an integer in 2/);
      await expect(rasterizer.render(field, { ...view, offsets: new Float32Array(12).fill(1) })).rejects.toThrow(
        /offsets must be/,
      );
      const twice = { ...field, positions: field.positions.slice() };
      twice.positions.copyWithin(3, 0, 3);
      await expect(rasterizer.render(twice, view)).rejects.toThrow(/cells 0 and 1 are one and the same/);
      const picture = await rasterizer.render(field, view);
      await expect(picture.backward(new Float32Array(12))).rejects.toThrow(/\[3, 3, 4\]/);
    });
  });
}

test('kernel and twin agree on picture and gradients, and threads leave every bit', async () => {
  const field = cells(16, 200, 6, 8, 20);
  const offsets = noise(19 * 15, 21).map((v) => v + 0.3);
  const view = { ...viewOf(orbitCamera(0.7, 0.5, 1.4, 0.8), 19, 15, [0.1, 0.9, 0.4]), offsets };
  const upstream = noise(3 * 19 * 15, 22);
  const results = [];
  for (const threads of [1, 2, 5]) {
    const rasterizer = await createFieldRasterizer({ threads });
    const { backward, ...picture } = await rasterizer.render(field, view);
    results.push({ picture, gradients: await backward(upstream) });
    await rasterizer.dispose();
  }
  for (const other of results.slice(1)) expect(other).toEqual(results[0]);
  const { backward, ...expected } = await createFieldTwin().render(field, view);
  const gradients = await backward(upstream);
  const [first] = results;
  for (const plane of planes) expectClose(first.picture[plane], expected[plane], 1e-5, plane);
  for (const name of arrays) expectClose(first.gradients[name], gradients[name], 1e-4, name);
});

const viewOf = (camera: Camera, width: number, height: number, background?: FieldView['background']): FieldView => ({
  camera,
  width,
  height,
  background,
});

/** Different cells around the middle of the box, dense enough to be seen, none near the clamp of α. */
function cells(resolution: number, count: number, rank: number, dim: number, seed: number): RadianceField {
  const middle = Math.ceil(Math.cbrt(Math.max(1, count))) + 1;
  const from = Math.floor((resolution - middle) / 2);
  const positions = Float32Array.from({ length: 3 * count }, (_, i) => {
    const n = Math.floor(i / 3);
    const cell = [Math.floor(n / middle ** 2), Math.floor(n / middle) % middle, n % middle][i % 3];
    return (from + cell + 0.5) / resolution;
  });
  return {
    ...{ resolution, rank, dim, positions },
    trivec: noise(count * rank * 3 * dim, seed).map((v) => 0.8 + v),
    density: noise(count * rank, seed + 1).map((v) => 4 * v),
    colorsDc: noise(count * rank * 3, seed + 2).map((v) => 8 * v),
  };
}

const sizeOf = (field: RadianceField, name: (typeof arrays)[number]): number =>
  field[name].length / (field.positions.length / 3);

function permuted(field: RadianceField, order: readonly number[]): RadianceField {
  const rows = (values: Float32Array, size: number) =>
    Float32Array.from(order.flatMap((n) => [...values.subarray(size * n, size * n + size)]));
  const { positions, rank, dim, trivec, density, colorsDc } = field;
  return {
    ...field,
    positions: rows(positions, 3),
    trivec: rows(trivec, 3 * rank * dim),
    density: rows(density, rank),
    colorsDc: rows(colorsDc, 3 * rank),
  };
}

/** Uniform in −0.3 … 0.7; the same for the same seed. */
function noise(length: number, seed: number): Float32Array {
  let state = seed * 2654435761;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.3;
  });
}

const sum = (values: Float32Array): number => values.reduce((s, v) => s + v, 0);
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((s, v, i) => s + v * b[i], 0);
