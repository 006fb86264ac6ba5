/** Charts: grown, laid flat, packed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cube, sphere } from '../../test/solid-shapes.ts';
import { checkMesh } from './check-mesh.ts';
import { flattenCharts } from './flatten-charts.ts';
import { growCharts } from './grow-charts.ts';
import { packCharts } from './pack-charts.ts';
import { faceNormal, type RawMesh } from './raw-mesh.ts';
import { unwrap } from './unwrap.ts';

/** A ramp that winds three times around an axis: every face looks up, and turns lie above each other. */
function spiralRamp(steps = 90): RawMesh {
  const positions: number[] = [];
  const indices: number[] = [];
  for (let i = 0; i <= steps; i++) {
    const [angle, height] = [(6 * Math.PI * i) / steps, (0.5 * i) / steps];
    for (const radius of [0.2, 0.4]) positions.push(radius * Math.cos(angle), radius * Math.sin(angle), height);
    if (i < steps) indices.push(2 * i, 2 * i + 1, 2 * i + 2, 2 * i + 1, 2 * i + 3, 2 * i + 2);
  }
  return { positions: Float32Array.from(positions), indices: Uint32Array.from(indices) };
}

/** A ball whose vertices are shaken: what decoders make. */
function roughBall(n: number, noise: number): RawMesh {
  const ball = sphere(0.5, n);
  const positions = ball.positions.map((x, i) => x * (1 + noise * Math.sin(12.9898 * Math.floor(i / 3) ** 1.3)));
  return { ...ball, positions };
}

/** Texel areas of the faces, with the sign of their turning direction on the texture. */
function signedAreas({ uvs, indices }: { uvs: Float32Array; indices: Uint32Array }, size: number): number[] {
  const areas: number[] = [];
  for (let f = 0; f < indices.length; f += 3) {
    const [a, b, c] = [2 * indices[f], 2 * indices[f + 1], 2 * indices[f + 2]];
    const across = (uvs[b] - uvs[a]) * (uvs[c + 1] - uvs[a + 1]) - (uvs[c] - uvs[a]) * (uvs[b + 1] - uvs[a + 1]);
    areas.push((across * size * size) / 2);
  }
  return areas;
}

test('a cube has six charts, and a rough ball of 4800 faces few', async () => {
  expect((await growCharts(cube(1, 6))).count).toBe(6);
  const { count } = await growCharts(roughBall(20, 0.01));
  expect(count).toBeGreaterThanOrEqual(6);
  expect(count).toBeLessThan(40);
});

test('every face of a chart hangs together with the others and turns towards their mean normal', async () => {
  const mesh = roughBall(16, 0.01);
  const { chartOf, count } = await growCharts(mesh);
  const axes = Array.from({ length: count }, () => [0, 0, 0]);
  for (let f = 0; f < chartOf.length; f++) for (const [c, x] of faceNormal(mesh, f).entries()) axes[chartOf[f]][c] += x;
  for (let f = 0; f < chartOf.length; f++) {
    const [n, axis] = [faceNormal(mesh, f), axes[chartOf[f]]];
    const cosine = n.reduce((sum, x, c) => sum + x * axis[c], 0) / (Math.hypot(...n) * Math.hypot(...axis));
    expect(cosine).toBeGreaterThan(Math.cos((78.1 * Math.PI) / 180));
  }
});

test.each([
  ['a rough ball', roughBall(16, 0.015), 256],
  ['a cube', cube(1, 3), 128],
  ['a ramp that winds above itself', spiralRamp(), 256],
])('%s has no face mirrored, no overlap, and texels of similar size everywhere', async (_, shape, size) => {
  const { mesh } = await unwrap(shape, { size });
  const { atlas } = checkMesh(mesh);
  expect(atlas).toMatchObject({ outsideShare: 0, overlapShare: 0 });
  const areas = signedAreas(mesh, size);
  expect(Math.max(...areas)).toBeLessThanOrEqual(1e-3); // v runs down: what is counter-clockwise from outside has a negative area
  const density = areas.map((area, f) => -area / (Math.hypot(...faceNormal(mesh, f)) / 2));
  const sorted = density.toSorted((a, b) => a - b);
  const [low, middle, high] = [0.02, 0.5, 0.98].map((q) => sorted[Math.floor(q * (sorted.length - 1))]);
  expect(low / middle).toBeGreaterThan(0.5);
  expect(high / middle).toBeLessThan(2);
});

test('a ramp that winds three times is cut, since its projection lies on itself', async () => {
  const ramp = spiralRamp();
  const grown = await growCharts(ramp);
  expect(grown.count).toBe(1);
  expect((await flattenCharts(ramp, grown, 256)).length).toBeGreaterThan(2);
});

test('charts of any padding keep that distance, and more padding makes them smaller', async () => {
  const charts = await flattenCharts(roughBall(8, 0.01), await growCharts(roughBall(8, 0.01)), 128);
  let last = Number.POSITIVE_INFINITY;
  for (const padding of [0, 1, 3, 8]) {
    const packed = await packCharts(charts, 128, padding);
    expect(packed!.scale).toBeLessThanOrEqual(last);
    last = packed!.scale;
    expect(packed!.reach).toBeLessThanOrEqual(128);
  }
});

test('boxes of any sizes are packed without touching, inside the square', async () => {
  const side = fc.double({ min: 0.02, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(side, side), { minLength: 1, maxLength: 25 }), async (boxes) => {
      const charts = boxes.map(([width, height]) => ({
        faces: Uint32Array.from([0, 1]),
        corners: Uint32Array.from([0, 2, 1, 0, 3, 2]),
        source: Uint32Array.from([0, 1, 2, 3]),
        xy: Float64Array.from([0, 0, width, 0, width, height, 0, height]),
      }));
      const packed = await packCharts(charts, 64, 1);
      if (!packed) return;
      const placed = packed.places.map(({ x, y, turns }, i) => {
        const [w, h] = boxes[i].map((length) => length * packed.scale);
        return turns % 2 === 0 ? [x, y, x + w, y + h] : [x, y, x + h, y + w];
      });
      for (const [i, a] of placed.entries()) {
        expect(Math.min(a[0], a[1])).toBeGreaterThanOrEqual(0);
        expect(Math.max(a[2], a[3])).toBeLessThanOrEqual(64);
        for (const b of placed.slice(0, i))
          expect(Math.max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3])).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 20 },
  );
});

test('an abort is heard while charts are grown', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('enough')), 1);
  await expect(unwrap(sphere(0.5, 50), { signal: controller.signal })).rejects.toThrow('enough');
});
