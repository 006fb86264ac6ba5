import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectClose, golden } from '../../test/golden.ts';
import { type Camera, orbitCamera } from './cameras.ts';
import { createMeshRasterizer } from './mesh-kernel.ts';
import type { MeshRasterizer, MeshScene, MeshUpstream, MeshView } from './mesh-rasterizer.ts';
import { createMeshTwin } from './mesh-twin.ts';

meshRasterizerSuite('the twin', async () => createMeshTwin());
meshRasterizerSuite('the kernel on one thread', () => createMeshRasterizer({ threads: 1 }));
meshRasterizerSuite('the kernel on three threads', () => createMeshRasterizer({ threads: 3 }));

const planes = ['mask', 'depth', 'normal', 'attributes'] as const;

function meshRasterizerSuite(name: string, create: () => Promise<MeshRasterizer>): void {
  describe(`mesh rasteriser: ${name}`, () => {
    let rasterizer: MeshRasterizer;
    beforeAll(async () => {
      rasterizer = await create();
    });
    afterAll(() => rasterizer.dispose());

    test('renders the golden picture and its gradients', async () => {
      const file = golden('raster_mesh');
      const of = (key: string) => file.get(key).data;
      const scene: MeshScene = {
        positions: of('in.vertices'),
        indices: Uint32Array.from(of('in.faces')),
        attributes: of('in.attrs'),
      };
      const camera = {
        extrinsics: Float64Array.from(of('in.extrinsics')),
        intrinsics: Float64Array.from(of('in.intrinsics')),
      };
      const picture = await rasterizer.render(scene, { camera, width: 64, height: 64, antialias: false });
      const clear = (values: ArrayLike<number>) =>
        Array.from(values).filter((_, i) => of('out.ambiguous')[i % 4096] === 0);
      expect(clear(picture.triangle)).toEqual(clear(of('out.tri')));
      expectClose(clear(picture.mask), clear(of('out.mask')), 0, 'mask');
      expectClose(clear(picture.depth), clear(of('out.depth')), 1e-4, 'depth');
      expectClose(clear(picture.normal), clear(of('out.normal')), 1e-4, 'normal');
      expectClose(clear(picture.attributes), clear(of('out.attrs')), 1e-4, 'attributes');
      const gradients = await picture.backward({
        depth: of('in.grad_rd'),
        normal: of('in.grad_rn'),
        attributes: of('in.grad_ra'),
      });
      expectClose(gradients.positions, of('grad.vertices'), 1e-3, 'positions'); // as the golden files' page asks
      expectClose(gradients.attributes, of('grad.attrs'), 1e-3, 'attributes');
    });

    test('gradients through interpolation equal central differences', async () => {
      const rng = random(1);
      const scene: MeshScene = {
        positions: Float32Array.of(-4, 0.3, -3, 4, -0.5, -3.2, 0.2, 0.4, 5), // covers the picture
        indices: Uint32Array.of(0, 1, 2),
        attributes: Float32Array.from({ length: 6 }, () => rng() - 0.5),
      };
      const view = viewOf(orbitCamera(0.2, 0.1, 2, 0.7), 13, 9);
      // Single precision pictures: 1e-7 · √(54 values) over a step of 1e-3 of slopes around 1.
      await expectDifferences(rasterizer, scene, view, upstreamOf(view, 2, rng), 5e-3, 2e-3);
    });

    test('gradients of a silhouette equal central differences', async () => {
      const rng = random(3);
      const scene: MeshScene = {
        positions: Float32Array.of(-0.31, 0.1, -0.33, 0.42, -0.1, -0.22, 0.07, 0.2, 0.44),
        indices: Uint32Array.of(0, 1, 2),
      };
      const view = viewOf(orbitCamera(0.15, 0.1, 2, 0.7), 26, 21);
      const { mask } = upstreamOf(view, 0, rng);
      // No crossing of this scene is within a step of a pixel's centre or of the middle between two.
      await expectDifferences(rasterizer, scene, view, { mask }, 2e-2, 4e-5);
    });

    test('a smooth mask holds the area of the triangle, a hard one only nearly', async () => {
      const positions = Float32Array.of(-0.4, 0, -0.3, 0.3, 0, -0.35, 0.1, 0, 0.41);
      const view = viewOf(orbitCamera(0, 0, 2, 0.7), 64, 64);
      const { mask } = await rasterizer.render({ positions, indices: Uint32Array.of(0, 1, 2) }, view);
      const pixelsPerUnit = (64 * 0.5) / Math.tan(0.35) / 2;
      const area = 0.5 * (0.7 * 0.71 - 0.5 * -0.05) * pixelsPerUnit ** 2;
      expect(Math.abs(sum(mask) / area - 1)).toBeLessThan(0.003); // corners are cut by one edge only
    });

    test('only silhouettes are smoothed: a closed surface is opaque inside', async () => {
      const scene = ball(12);
      const view = viewOf(orbitCamera(0.3, 0.4, 2, 0.7), 48, 40);
      const [soft, hard] = [
        await rasterizer.render(scene, view),
        await rasterizer.render(scene, { ...view, antialias: false }),
      ];
      expect(soft.triangle).toEqual(hard.triangle);
      const inside = (i: number) => [0, 1, -1, 48, -48].every((step) => hard.mask[i + step] === 1);
      let mixed = 0;
      for (const [i, value] of soft.mask.entries()) {
        if (inside(i)) expect(value).toBe(1);
        if (value > 0 && value < 1) mixed++;
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
      }
      expect(mixed).toBeGreaterThan(20); // where the triangle at the pixel's centre has the silhouette edge
    });

    test('moving scene and camera together leaves the picture', async () => {
      const scene = ball(8);
      const shift = [0.5, -0.25, 0.125]; // no rounding when added to multiples of 1/4096
      const still = { ...scene, positions: scene.positions.map((v) => Math.round(v * 4096) / 4096) };
      const moved = { ...still, positions: still.positions.map((v, i) => v + shift[i % 3]) };
      const camera = orbitCamera(0.4, 0.3, 2, 0.7);
      const e = camera.extrinsics.slice();
      for (let r = 0; r < 3; r++)
        e[4 * r + 3] -= e[4 * r] * shift[0] + e[4 * r + 1] * shift[1] + e[4 * r + 2] * shift[2];
      const a = await rasterizer.render(still, viewOf(camera, 40, 30));
      const b = await rasterizer.render(moved, viewOf({ ...camera, extrinsics: e }, 40, 30));
      for (const plane of planes) expectClose(a[plane], b[plane], 1e-5, plane);
    });

    test('the order of the triangles leaves picture and gradients', async () => {
      const scene = ball(8);
      const view = viewOf(orbitCamera(1, 0.2, 2, 0.7), 37, 35);
      const faces = scene.indices.length / 3;
      const order = Array.from({ length: faces }, (_, i) => (i * 17 + 5) % faces);
      const indices = Uint32Array.from(order.flatMap((t) => [...scene.indices.subarray(3 * t, 3 * t + 3)]));
      const [a, b] = [await rasterizer.render(scene, view), await rasterizer.render({ ...scene, indices }, view)];
      for (const plane of planes) expectClose(b[plane], a[plane], 1e-6, plane); // edges that two triangles share
      const upstream = upstreamOf(view, 3, random(4));
      const [ga, gb] = [await a.backward(upstream), await b.backward(upstream)];
      expectClose(gb.positions, ga.positions, 1e-5, 'positions');
      expectClose(gb.attributes, ga.attributes, 1e-5, 'attributes');
    });

    test('two pictures may wait for their gradients at once', async () => {
      const scene = ball(6);
      const views = [0, 2].map((yaw) => viewOf(orbitCamera(yaw, 0.1, 2, 0.7), 20, 18));
      const upstreams = views.map((view, i) => upstreamOf(view, 3, random(7 + i)));
      const apart = [];
      for (const [i, view] of views.entries())
        apart.push(await (await rasterizer.render(scene, view)).backward(upstreams[i]));
      const pictures = await Promise.all(views.map((view) => rasterizer.render(scene, view)));
      expect(await Promise.all(pictures.map((p, i) => p.backward(upstreams[i])))).toEqual(apart);
    });

    test('an empty mesh is background, with gradients of no length', async () => {
      const nothing = { positions: new Float32Array(), indices: new Uint32Array() };
      const picture = await rasterizer.render(nothing, viewOf(orbitCamera(0, 0, 2, 0.7), 5, 4));
      expect([sum(picture.mask), sum(picture.depth), sum(picture.normal)]).toEqual([0, 0, 30]);
      expect((await picture.backward({ mask: new Float32Array(20).fill(1) })).positions.length).toBe(0);
    });

    test('poisoned vertices leave the picture what the twin says, and everything finite', async () => {
      const seed = Number(process.env.SEED ?? 1);
      const twin = createMeshTwin();
      const property = fc.asyncProperty(poisonedMesh, async ({ scene, camera }) => {
        const view = viewOf(camera, 19, 17);
        const upstream = upstreamOf(view, 3, random(8));
        const picture = await rasterizer.render(scene, view);
        const reference = await twin.render(scene, view);
        expect(picture.triangle).toEqual(reference.triangle);
        for (const plane of planes) {
          expect(picture[plane].every(Number.isFinite), plane).toBe(true);
          expectClose(picture[plane], reference[plane], 1e-5, plane);
        }
        const gradients = await picture.backward(upstream);
        const expected = await reference.backward(upstream);
        expectClose(gradients.attributes, expected.attributes, 1e-4, 'attributes');
        expectClose(gradients.positions, expected.positions, 1e-3, 'positions');
      });
      await fc.assert(property, { numRuns: 12, seed, endOnFailure: true }); // prints its seed; repeat it with SEED=…
    });

    test('arrays that do not fit together are refused by name', async () => {
      const scene = ball(4);
      const view = viewOf(orbitCamera(0, 0, 2, 0.7), 8, 8);
      const beyond = { ...scene, indices: Uint32Array.of(0, 1, 9999) };
      await expect(rasterizer.render(beyond, view)).rejects.toThrow(/triangle 0 names vertex 9999/);
      await expect(rasterizer.render({ ...scene, attributes: new Float32Array(7) }, view)).rejects.toThrow(
        /attributes must be/,
      );
      await expect(rasterizer.render(scene, { ...view, height: 1.5 })).rejects.toThrow(/height must be an integer/);
      const picture = await rasterizer.render(scene, view);
      await expect(picture.backward({ normal: new Float32Array(64) })).rejects.toThrow(/\[3, 8, 8\]/);
    });
  });
}

test('threads leave every bit', async () => {
  const scene = ball(14);
  const view = viewOf(orbitCamera(0.3, 0.4, 1.6, 0.8), 75, 70);
  const upstream = upstreamOf(view, 3, random(22));
  const results = [];
  for (const threads of [1, 2, 5]) {
    const rasterizer = await createMeshRasterizer({ threads });
    const { backward, ...picture } = await rasterizer.render(scene, view);
    results.push({ picture, gradients: await backward(upstream) });
    await rasterizer.dispose();
  }
  for (const other of results.slice(1)) expect(other).toEqual(results[0]);
});

async function expectDifferences(
  rasterizer: MeshRasterizer,
  scene: MeshScene,
  view: MeshView,
  upstream: MeshUpstream,
  tolerance: number,
  step: number,
): Promise<void> {
  const loss = async (at: MeshScene) => {
    const picture = await rasterizer.render(at, view);
    return planes.reduce((total, plane) => total + dot(upstream[plane], picture[plane]), 0);
  };
  const gradients = await (await rasterizer.render(scene, view)).backward(upstream);
  for (const name of ['positions', 'attributes'] as const) {
    const values = scene[name];
    if (!values) continue;
    const expected = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const [up, down] = [values.slice(), values.slice()];
      up[i] += step;
      down[i] -= step;
      expected[i] =
        ((await loss({ ...scene, [name]: up })) - (await loss({ ...scene, [name]: down }))) / (up[i] - down[i]);
    }
    expectClose(gradients[name], expected, tolerance, name);
  }
}

const dot = (a: Float32Array | undefined, b: Float32Array): number => a?.reduce((s, v, i) => s + v * b[i], 0) ?? 0;
const sum = (values: Float32Array): number => values.reduce((s, v) => s + v, 0);

const viewOf = (camera: Camera, width: number, height: number): MeshView => ({ camera, width, height });

/** Uniform in 0 … 1; the same sequence for the same seed. */
function random(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function upstreamOf({ width, height }: MeshView, channels: number, rng: () => number): Required<MeshUpstream> {
  const plane = (count: number) => Float32Array.from({ length: count * width * height }, () => rng() - 0.3);
  return { mask: plane(1), depth: plane(1), normal: plane(3), attributes: plane(channels) };
}

/** A dented ball of 2·n² − 2·n triangles with three attributes, closed. */
function ball(n: number): Required<MeshScene> {
  const points: number[] = [0, 0, 0.4];
  for (let i = 1; i < n; i++)
    for (let j = 0; j < n; j++) {
      const [polar, turn] = [(i * Math.PI) / n, (j * 2 * Math.PI) / n];
      const r = 0.4 + 0.05 * Math.cos(3 * turn) * Math.sin(2 * polar);
      points.push(r * Math.sin(polar) * Math.cos(turn), r * Math.sin(polar) * Math.sin(turn), r * Math.cos(polar));
    }
  points.push(0, 0, -0.4);
  const at = (i: number, j: number) => (i === 0 ? 0 : i === n ? 1 + (n - 1) * n : 1 + (i - 1) * n + (j % n));
  const faces: number[] = [];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      if (i > 0) faces.push(at(i, j), at(i + 1, j), at(i, j + 1));
      if (i < n - 1) faces.push(at(i, j + 1), at(i + 1, j), at(i + 1, j + 1));
    }
  const positions = Float32Array.from(points);
  return { positions, indices: Uint32Array.from(faces), attributes: positions.map((v) => 0.5 + v) };
}

const poison = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1e30, -1e30, 1e-30, 3e38];

/** A ball in which some coordinates are replaced by bad ones, seen from outside or inside. */
const poisonedMesh = fc
  .record({
    yaw: fc.double({ min: 0, max: 6, noNaN: true }),
    radius: fc.constantFrom(0.1, 0.6, 2),
    bad: fc.array(fc.record({ at: fc.nat(1e6), length: fc.constantFrom(1, 3), value: fc.constantFrom(...poison) }), {
      maxLength: 8,
    }),
  })
  .map(({ yaw, radius, bad }) => {
    const scene = ball(6);
    for (const { at, length, value } of bad) {
      const start = at % scene.positions.length;
      scene.positions.fill(value, start, start + length);
    }
    return { scene, camera: orbitCamera(yaw, 0.3, radius, 0.7) };
  });
