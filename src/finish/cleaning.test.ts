/** Weld, main parts, insides, holes: shapes with known defects, made by code. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cube, insideOut, type Shape, sphere, together } from '../../test/solid-shapes.ts';
import { checkMesh } from './check-mesh.ts';
import { faceVisibility } from './face-visibility.ts';
import { fillHoles } from './fill-holes.ts';
import { keepMainParts } from './keep-main-parts.ts';
import { selectFaces } from './raw-mesh.ts';
import { removeInnerFaces } from './remove-inner-faces.ts';
import { weld } from './weld.ts';

/** Three vertices of its own for each face. */
function soup({ positions, indices }: Shape): Shape {
  return {
    positions: Float32Array.from([...indices].flatMap((v) => [...positions.subarray(3 * v, 3 * v + 3)])),
    indices: Uint32Array.from(indices, (_, i) => i),
  };
}

test('welding a soup of triangles gives back the closed shape, vertex for vertex', () => {
  const { mesh, report } = weld(soup(sphere(0.4, 5)));
  expect(mesh.positions.length).toBe(sphere(0.4, 5).positions.length);
  expect(report).toEqual({ mergedVertices: 900 - 152, degenerateFaces: 0, repeatedFaces: 0 });
  expect(checkMesh(mesh).shape).toMatchObject({ isClosed: true, components: 1, flippedFaces: 0 });
});

test('welding twice is welding once, whatever the points and the tolerance', () => {
  const point = fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: -6, max: 6 }).map((x) => x / 10)));
  fc.assert(
    fc.property(
      fc.array(point, { minLength: 3, maxLength: 60 }),
      fc.constantFrom(0, 1e-6, 0.07),
      (points, tolerance) => {
        const count = points.length - (points.length % 3);
        const positions = Float32Array.from(points.slice(0, count).flat());
        const once = weld({ positions, indices: Uint32Array.from({ length: count }, (_, i) => i) }, { tolerance });
        const kept = new Set<string>();
        for (let f = 0; f < once.mesh.indices.length; f += 3) {
          const [a, b, c] = once.mesh.indices.subarray(f, f + 3);
          expect(new Set([a, b, c]).size).toBe(3);
          kept.add([a, b, c].join());
        }
        expect(kept.size).toBe(once.mesh.indices.length / 3);
        if (tolerance > 0.01) return; // the box may shrink with what is merged
        const twice = weld(once.mesh, { tolerance });
        expect(twice.report).toEqual({ mergedVertices: 0, degenerateFaces: 0, repeatedFaces: 0 });
        expect(twice.mesh.indices).toEqual(once.mesh.indices);
      },
    ),
  );
});

test('welding drops faces that become a line or repeat another, keeps opposite ones, and averages colours', () => {
  const positions = Float32Array.from([0, 0, 0, 1, 0, 0, 0, 1, 0, -0, 0, 0]);
  const colors = Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0]);
  const { mesh, report } = weld({ positions, colors, indices: Uint32Array.from([0, 1, 2, 1, 2, 3, 0, 3, 1, 0, 2, 1]) });
  expect(report).toEqual({ mergedVertices: 1, degenerateFaces: 1, repeatedFaces: 1 });
  expect([...mesh.indices]).toEqual([0, 1, 2, 0, 2, 1]);
  expect([...mesh.colors!.subarray(0, 3)]).toEqual([0.5, 0.5, 0]);
});

test('specks go, by area and by volume, and the report says how much', () => {
  const raw = together(cube(1, 3), cube(0.02, 1, [2, 0, 0]), cube(0.03, 1, [0, 2, 0]), cube(0.5, 1, [0, 0, 2]));
  const { mesh, report } = keepMainParts(raw);
  expect(report).toMatchObject({ keptParts: 2, droppedParts: 2, droppedFaces: 24 });
  expect(report.droppedShare).toBeCloseTo((0.02 ** 2 + 0.03 ** 2) / (1 + 0.25 + 0.02 ** 2 + 0.03 ** 2), 6);
  expect(mesh.positions.length / 3).toBe(56 + 8);
  expect(keepMainParts(raw, { minShare: 0.2, by: 'volume' }).report.keptParts).toBe(1); // 0.125 of the volume
  expect(keepMainParts(raw, { minShare: 0 }).mesh.indices).toEqual(raw.indices);
});

test('a face of a convex shape is seen by nearly half of the views, what is inside by none', async () => {
  const seen = await faceVisibility(together(cube(1, 2), cube(0.5, 1)), { views: 64, size: 128 });
  for (const share of seen.subarray(0, 48)) expect(Math.abs(share - 0.5)).toBeLessThan(0.1);
  for (const share of seen.subarray(48)) expect(share).toBe(0);
});

test('faces smaller than a pixel count as seen', async () => {
  const seen = await faceVisibility(sphere(0.5, 24), { views: 48, size: 32 }); // 6912 faces on some 800 pixels
  expect(Math.min(...seen)).toBeGreaterThan(0.15);
});

test.each([
  ['turned outward', cube(0.5, 3)],
  ['turned inward, as the inner wall of a hollow shape', insideOut(cube(0.9, 3))],
])('an inner cube %s goes, and the outside is untouched', async (_, inner) => {
  const outside = cube(1, 4);
  const { mesh, report } = await removeInnerFaces(together(outside, inner), { views: 48, size: 128 });
  expect(report).toEqual({ removedFaces: 108, removedPieces: 1, keptPieces: 0 });
  expect(mesh.positions).toEqual(outside.positions);
  expect(mesh.indices).toEqual(outside.indices);
});

test('a shape without insides stays as it is, object and all', async () => {
  const mesh = sphere(0.5, 8);
  const result = await removeInnerFaces(mesh, { views: 48, size: 128 });
  expect(result.mesh).toBe(mesh);
});

test('a pocket behind a narrow mouth is cut off along the mouth, and the hole closes', async () => {
  // A sphere inside a sphere, joined by a tunnel of one quad's width at the top.
  const n = 9;
  const outer = sphere(0.5, n);
  const inner = insideOut(sphere(0.35, n));
  const isTop = (f: number) => Math.floor(f / 2) === (5 * n + (n - 1) / 2) * n + (n - 1) / 2;
  const both = selectFaces(together(outer, inner), (f) => !isTop(f % (12 * n * n)));
  const mouth = (radius: number) => {
    const ring: number[] = [];
    for (const [x, y] of [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1],
    ]) {
      let best = 0;
      let distance = Infinity;
      for (let v = 0; v < both.positions.length / 3; v++) {
        const [px, py, pz] = both.positions.subarray(3 * v, 3 * v + 3);
        if (pz < 0 || Math.abs(Math.hypot(px, py, pz) - radius) > 0.01) continue;
        const d = Math.hypot(px / radius - x / n, py / radius - y / n);
        if (d < distance) [best, distance] = [v, d];
      }
      ring.push(best);
    }
    return ring;
  };
  const [a, b] = [mouth(0.5), mouth(0.35)];
  const tunnel = [0, 1, 2, 3].flatMap((k) => {
    const m = (k + 1) % 4;
    return [a[k], a[m], b[m], a[k], b[m], b[k]];
  });
  const whole = { positions: both.positions, indices: Uint32Array.from([...both.indices, ...tunnel]) };
  expect(checkMesh(whole).shape).toMatchObject({ isClosed: true, components: 1, flippedFaces: 0 });
  const opened = await removeInnerFaces(whole, { views: 64, size: 256 });
  expect(opened.report.removedFaces).toBeGreaterThan(0.85 * (inner.indices.length / 3));
  const { mesh } = fillHoles(opened.mesh);
  const { shape } = checkMesh(mesh);
  expect(shape).toMatchObject({ isClosed: true, components: 1, flippedFaces: 0, nonManifoldEdges: 0 });
  expect(shape.volume).toBeGreaterThan(0.95 * checkMesh(outer).shape.volume);
});

test('a sphere with a hole is closed, and its own faces stay', () => {
  const whole = sphere(0.5, 8);
  const open = selectFaces(whole, (f) => whole.positions[3 * whole.indices[3 * f] + 2] < 0.42);
  expect(checkMesh(open).shape).toMatchObject({ isClosed: false, boundaryLoops: 1 });
  const { mesh, report } = fillHoles(open);
  expect(report).toMatchObject({ filledHoles: 1, openHoles: 0 });
  expect(checkMesh(mesh).shape).toMatchObject({
    isClosed: true,
    boundaryEdges: 0,
    nonManifoldEdges: 0,
    flippedFaces: 0,
  });
  expect(mesh.indices.subarray(0, open.indices.length)).toEqual(open.indices);
  expect(mesh.positions).toBe(open.positions);
});

test('any few faces taken out of a sphere come back closed, or are reported as open', () => {
  const whole = sphere(0.5, 5);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 299 }), { minLength: 1, maxLength: 40 }), (gone) => {
      const open = selectFaces(whole, (f) => !gone.includes(f));
      const { mesh, report } = fillHoles(open);
      const { shape } = checkMesh(mesh);
      expect(shape.nonManifoldEdges).toBe(0);
      expect(shape.flippedFaces).toBe(0);
      if (report.openHoles === 0) expect(shape.isClosed).toBe(true);
      expect(report.filledHoles + report.openHoles).toBeGreaterThan(0);
    }),
    { numRuns: 60 },
  );
});

test('the rim of a sheet is no hole, and neither is a loop that is too long', () => {
  const box = cube(1, 3);
  const sheet = selectFaces(box, (f) => f < 18);
  expect(fillHoles(sheet).report).toEqual({ filledHoles: 0, addedFaces: 0, openHoles: 1 });
  const lidless = selectFaces(box, (f) => f >= 18);
  expect(fillHoles(lidless, { maxEdges: 11 }).report.filledHoles).toBe(0);
  const { mesh, report } = fillHoles(lidless, { maxEdges: 12 });
  expect(report.filledHoles).toBe(1);
  expect(checkMesh(mesh).shape.volume).toBeCloseTo(1, 6);
});

test('errors name the step, what was expected and what came', async () => {
  const { positions, indices } = cube(1);
  expect(() => weld({ positions, indices: Uint32Array.from([0, 1, 8]) })).toThrow(
    'weld: triangle 0 names vertex 8, there are 8.',
  );
  expect(() => keepMainParts({ positions, indices }, { minShare: 2 })).toThrow('minShare must be in [0, 1], got 2');
  expect(() => fillHoles({ positions: positions.map(() => Number.NaN), indices })).toThrow(
    'fillHoles: vertex 0 stands at NaN',
  );
  await expect(faceVisibility({ positions, indices }, { views: 0 })).rejects.toThrow('views must be a whole number');
});
