/** Simplify, unwrap, bake: what must survive from the raw surface to the textured one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cube, sphere, together } from '../../test/solid-shapes.ts';
import type { RgbaPicture } from '../formats/index.ts';
import { type Camera, createTriangleRenderer, orbitCamera, texturedMesh } from '../render/index.ts';
import { vertexNormals } from '../representations/index.ts';
import { bakeTexture } from './bake-texture.ts';
import type { BakeView } from './blend-views.ts';
import { chartTexels } from './chart-texels.ts';
import { checkMesh } from './check-mesh.ts';
import { dilateSeams } from './dilate-seams.ts';
import { display8OfLinear, linearOfDisplay8 } from './display-light.ts';
import { nearestPointOn, type SurfacePoint } from './nearest-point.ts';
import { faceNormal, type RawMesh, selectFaces } from './raw-mesh.ts';
import { flippedAgainst, simplify } from './simplify.ts';
import { unwrap } from './unwrap.ts';

/** Colours that follow the place: red along x, green along y, blue along z, over the box of side 1. */
function withGradient<T extends RawMesh>(mesh: T): T & { colors: Float32Array } {
  return { ...mesh, colors: mesh.positions.map((x) => x + 0.5) };
}

/** Largest difference, in 8-bit steps of sRGB, between the texture and the gradient at the texels' places. */
function gradientError(
  mesh: RawMesh & { uvs: Float32Array },
  { data, width }: RgbaPicture,
): { largest: number; mean: number } {
  const { faces, weights } = chartTexels(mesh.uvs, mesh.indices, width);
  let largest = 0;
  let sum = 0;
  let count = 0;
  for (let at = 0; at < faces.length; at++) {
    if (faces[at] < 0) continue;
    for (let c = 0; c < 3; c++) {
      let place = 0;
      for (let k = 0; k < 3; k++)
        place += weights[3 * at + k] * mesh.positions[3 * mesh.indices[3 * faces[at] + k] + c];
      const error = Math.abs(data[4 * at + c] - display8OfLinear(place + 0.5));
      largest = Math.max(largest, error);
      sum += error;
      count++;
    }
  }
  return { largest, mean: sum / count };
}

test('simplifying a sphere to a fifth keeps its volume within 2 %, closed, and without a flipped face', async () => {
  const fine = sphere(0.5, 20);
  const { mesh, report } = await simplify(fine, { faces: 960 });
  expect(report).toMatchObject({ facesBefore: 4800, flippedFaces: 0 });
  expect(report.faces).toBeLessThanOrEqual(960);
  expect(report.faces).toBeGreaterThan(900);
  const { shape } = checkMesh(mesh);
  expect(shape).toMatchObject({ isClosed: true, nonManifoldEdges: 0, flippedFaces: 0, degenerateFaces: 0 });
  expect(Math.abs(shape.volume / checkMesh(fine).shape.volume - 1)).toBeLessThan(0.02);
  for (let f = 0; f < report.faces; f++) {
    const [n, a] = [faceNormal(mesh, f), 3 * mesh.indices[3 * f]];
    expect(n[0] * mesh.positions[a] + n[1] * mesh.positions[a + 1] + n[2] * mesh.positions[a + 2]).toBeGreaterThan(0);
  }
});

test('a cube keeps its corners, an open boundary every vertex, a small mesh everything', async () => {
  const { mesh } = await simplify(cube(1, 8), { ratio: 0.05 });
  expect(checkMesh(mesh).shape.volume).toBeCloseTo(1, 6);
  const whole = cube(1, 8);
  const box = selectFaces(whole, (f) => f >= 128); // without the side at x = −½
  const open = await simplify(box, { ratio: 0.3 });
  expect(open.report.faces).toBeLessThan(0.5 * (box.indices.length / 3));
  expect(checkMesh(open.mesh).shape.boundaryEdges).toBe(32);
  expect((await simplify(whole, { faces: 5000 })).mesh).toBe(whole);
});

test('colour keeps a border that the shape alone would lose', async () => {
  const fine = cube(1, 16);
  const colors = fine.positions.map((_, i) => (fine.positions[3 * Math.floor(i / 3)] > 0.13 ? 1 : 0));
  const { mesh } = await simplify({ ...fine, colors }, { faces: 400 });
  for (let v = 0; v < mesh.positions.length / 3; v++)
    expect(mesh.colors![3 * v]).toBe(mesh.positions[3 * v] > 0.13 ? 1 : 0);
  const nearBorder = ({ positions }: RawMesh) =>
    [...positions].filter((x, i) => i % 3 === 0 && Math.abs(x - 0.13) < 0.07).length;
  const shapeAlone = await simplify({ positions: fine.positions, indices: fine.indices }, { faces: 400 });
  expect(nearBorder(mesh)).toBeGreaterThan(2 * nearBorder(shapeAlone.mesh));
});

test('a turned face is counted as flipped', () => {
  const mesh = sphere(0.5, 4);
  const normals = vertexNormals(mesh.positions, mesh.indices);
  expect(flippedAgainst(mesh, normals)).toBe(0);
  const indices = mesh.indices.slice();
  indices.set([mesh.indices[31], mesh.indices[30]], 30);
  expect(flippedAgainst({ ...mesh, indices }, normals)).toBe(1);
});

test.each([
  ['a sphere', sphere(0.5, 10), 256],
  ['a cube', cube(1, 3), 128],
  ['many parts', together(...[0, 1, 2, 3, 4, 5].map((i) => sphere(0.1, 3, [0.3 * i, 0, 0]))), 200],
])('%s is unwrapped without overlap, inside the texture, with free texels between charts', async (_, shape, size) => {
  const { mesh, report } = await unwrap(shape, { size, padding: 4 });
  expect([...mesh.indices].map((v) => mesh.source[v])).toEqual([...shape.indices]);
  expect(Math.min(...mesh.uvs)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...mesh.uvs)).toBeLessThanOrEqual(1);
  expect(report.filledSide).toBeGreaterThan(0.85);
  expect(report.filledSide).toBeLessThanOrEqual(1);
  const { atlas } = checkMesh(mesh);
  expect(atlas).toMatchObject({ outsideShare: 0, overlapShare: 0 });
  expect(atlas!.usedShare).toBeGreaterThan(0.3);
  expect(leastGap(mesh, size)).toBeGreaterThanOrEqual(3); // of 4: rounding to texels takes one
});

/** Free texels on the shortest straight way along a row or column from one chart to another. */
function leastGap(mesh: RawMesh & { uvs: Float32Array }, size: number): number {
  const { faces } = chartTexels(mesh.uvs, mesh.indices, size);
  const chart = new Int32Array(mesh.positions.length / 3).map((_, v) => v);
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 0; i < mesh.indices.length; i += 3) {
      const corners = mesh.indices.subarray(i, i + 3);
      const least = Math.min(...[...corners].map((v) => chart[v]));
      for (const v of corners) {
        if (chart[v] === least) continue;
        chart[v] = least;
        changed = true;
      }
    }
  }
  let gap = size;
  for (const [step, line] of [
    [1, size],
    [size, 1],
  ])
    for (let i = 0; i < size; i++) {
      let last = -1;
      let since = 0;
      for (let j = 0; j < size; j++) {
        const f = faces[i * line + j * step];
        const id = f < 0 ? -1 : chart[mesh.indices[3 * f]];
        if (id < 0) since++;
        else {
          if (last >= 0 && last !== id) gap = Math.min(gap, since);
          last = id;
          since = 0;
        }
      }
    }
  return gap;
}

test('charts that cannot fit are an error that says what to do', async () => {
  const many = together(...Array.from({ length: 40 }, (_, i) => cube(0.1, 1, [0.2 * i, 0, 0])));
  await expect(unwrap(many, { size: 16, padding: 4 })).rejects.toThrow(/do not fit into 16 × 16.*larger texture/);
});

test('the nearest point is the one that looking at every face finds', () => {
  const mesh = sphere(0.5, 4);
  const nearest = nearestPointOn(mesh);
  const { positions: p, indices } = mesh;
  const coordinate = fc.double({ min: -1, max: 1, noNaN: true });
  fc.assert(
    fc.property(coordinate, coordinate, coordinate, (x, y, z) => {
      const hit: SurfacePoint = { face: -1, weights: [0, 0, 0], distance: 0 };
      nearest(x, y, z, [0, 0, 0], hit);
      expect(hit.weights[0] + hit.weights[1] + hit.weights[2]).toBeCloseTo(1, 9);
      expect(Math.min(...hit.weights)).toBeGreaterThanOrEqual(-1e-9);
      const at = [0, 1, 2].map((c) => hit.weights.reduce((s, w, k) => s + w * p[3 * indices[3 * hit.face + k] + c], 0));
      expect(Math.hypot(at[0] - x, at[1] - y, at[2] - z)).toBeCloseTo(hit.distance, 9);
      // No point of a fine grid over every face is nearer.
      let least = Infinity;
      for (let f = 0; f < indices.length; f += 3)
        for (let i = 0; i <= 6; i++)
          for (let j = 0; i + j <= 6; j++) {
            const w = [i / 6, j / 6, (6 - i - j) / 6];
            const q = [0, 1, 2].map((c) => w.reduce((s, value, k) => s + value * p[3 * indices[f + k] + c], 0));
            least = Math.min(least, Math.hypot(q[0] - x, q[1] - y, q[2] - z));
          }
      expect(hit.distance).toBeLessThanOrEqual(least + 1e-9);
      expect(hit.distance).toBeGreaterThan(least - 0.06); // the grid's step
    }),
    { numRuns: 25 },
  );
});

test('each side of a thin wall takes its own colour', async () => {
  const wall = cube(1, 6);
  wall.positions.forEach((x, i) => {
    if (i % 3 === 2) wall.positions[i] = 0.01 * x;
  });
  // Walls of one colour each: vertices of their own on both sides.
  const fine = selectFaces(together(wall, wall), (f) => f < 432 === wallSide(f % 432));
  function wallSide(f: number): boolean {
    return upOf(wall, f) > 0.5;
  }
  function upOf(mesh: RawMesh, f: number): number {
    const n = faceNormal(mesh, f);
    return n[2] / Math.hypot(...n);
  }
  const colors = new Float32Array(fine.positions.length);
  const normals = vertexNormals(fine.positions, fine.indices);
  for (let v = 0; v < colors.length / 3; v++) colors[3 * v] = normals[3 * v + 2] > 0.9 ? 1 : 0;
  const { mesh } = await unwrap(wall, { size: 128 });
  const { texture } = await bakeTexture(mesh, { kind: 'surface', mesh: { ...fine, colors } }, { size: 128 });
  const { faces } = chartTexels(mesh.uvs, mesh.indices, 128);
  for (let at = 0; at < faces.length; at++) {
    if (faces[at] < 0) continue;
    const up = upOf(mesh, faces[at]);
    if (up > 0.5) expect(texture.data[4 * at]).toBe(255);
    if (up < -0.5) expect(texture.data[4 * at]).toBe(0);
  }
});

test('a gradient over a fine surface comes back in the texture of a simple one, within 1 of 255 on average', async () => {
  const fine = withGradient(sphere(0.5, 24));
  const simple = await simplify({ positions: fine.positions, indices: fine.indices }, { faces: 800 });
  const { mesh } = await unwrap(simple.mesh, { size: 256 });
  const { texture, report } = await bakeTexture(mesh, { kind: 'surface', mesh: fine }, { size: 256 });
  expect(report.unseenShare).toBe(0);
  const { largest, mean } = gradientError(mesh, texture);
  expect(mean).toBeLessThan(1);
  // The simple surface cuts the sphere by 1 %; where it is darkest, sRGB is steep.
  expect(largest).toBeLessThan(30);
  expect(texture.data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
});

/** Pictures of vertex colours, without light. */
function picturesOf({ positions, indices, colors }: RawMesh, cameras: readonly Camera[], size = 192): BakeView[] {
  const rgba = new Float32Array((positions.length / 3) * 4).fill(1);
  for (let v = 0; v < rgba.length / 4; v++) rgba.set(colors!.subarray(3 * v, 3 * v + 3), 4 * v);
  const material = {
    name: 'colors',
    baseColorFactor: [1, 1, 1, 1] as const,
    alphaMode: 'opaque' as const,
    alphaCutoff: 0.5,
    doubleSided: false,
    unlit: true,
  };
  const scene = texturedMesh({ primitives: [{ positions, indices, colors: rgba, material }], warnings: [] });
  const renderer = createTriangleRenderer({ size, samples: 2 });
  return cameras.map((camera) => ({ camera, picture: renderer.render(scene, camera) }));
}

test('views of a coloured cube come back in its texture, and what none saw is said', async () => {
  const colored = withGradient(cube(0.6, 6));
  const around = [-0.6, 0.6].flatMap((pitch) => [0, 1, 2, 3].map((i) => orbitCamera((i * Math.PI) / 2, pitch, 2, 0.7)));
  const views = picturesOf(colored, around);
  const { mesh } = await unwrap(colored, { size: 128 });
  const { texture, report } = await bakeTexture(mesh, { kind: 'views', views }, { size: 128 });
  expect(report.unseenShare).toBeLessThan(0.06); // along the edges
  expect(gradientError(mesh, texture).mean).toBeLessThan(3);
  const one = await bakeTexture(mesh, { kind: 'views', views: views.slice(0, 1) }, { size: 128 });
  expect(one.report.unseenShare).toBeGreaterThan(0.6);
  await expect(bakeTexture(mesh, { kind: 'views', views: [] }, { size: 128 })).rejects.toThrow('no view sees any part');
});

test('what lies behind is not painted with what is in front', async () => {
  const [large, small] = [cube(0.5, 4), cube(0.2, 2, [0, 0.5, 0])]; // from +y the small one hides the other's middle
  const both = together(large, small);
  const isSmall = (v: number) => v >= large.positions.length / 3;
  const colors = both.positions.map((_, i) => (i % 3 === 0 && isSmall(Math.floor(i / 3)) ? 1 : 0)); // red before black
  const { mesh } = await unwrap({ ...both, colors }, { size: 128 });
  const views = picturesOf({ ...both, colors }, [orbitCamera(0, 0, 2, 0.7)]);
  const { texture } = await bakeTexture(mesh, { kind: 'views', views }, { size: 128 });
  const { faces } = chartTexels(mesh.uvs, mesh.indices, 128);
  let red = 0;
  for (let at = 0; at < faces.length; at++) {
    if (faces[at] < 0) continue;
    const looksAtUs = faceNormal(mesh, faces[at])[1] > 0.001;
    if (!looksAtUs) continue;
    if (isSmall(mesh.source[mesh.indices[3 * faces[at]]])) red += texture.data[4 * at] > 200 ? 1 : 0;
    else expect(texture.data[4 * at]).toBeLessThan(90); // a mixed pixel at the rim of the shadow
  }
  expect(red).toBeGreaterThan(50);
});

test('dilation fills every texel, keeps those that were there, and stays within their range', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(255), fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1, maxLength: 30 }),
      (seeds) => {
        const color = new Float32Array(16 * 16 * 3);
        const filled = new Uint8Array(256);
        for (const [at, value] of seeds) {
          color.fill(value, 3 * at, 3 * at + 3);
          filled[at] = 1;
        }
        const before = color.slice();
        const was = filled.slice();
        dilateSeams(color, filled, 16);
        expect(filled.every((value) => value === 1)).toBe(true);
        const given = before.filter((_, i) => was[Math.floor(i / 3)] === 1);
        const [low, high] = [Math.min(...given), Math.max(...given)];
        expect(color.filter((value, i) => was[Math.floor(i / 3)] && value !== before[i])).toHaveLength(0);
        expect(Math.min(...color)).toBeGreaterThanOrEqual(low - 1e-6);
        expect(Math.max(...color)).toBeLessThanOrEqual(high + 1e-6);
      },
    ),
    { numRuns: 30 },
  );
});

test('sRGB of 8 bits comes back from linear light', () => {
  for (let i = 0; i < 256; i++) expect(display8OfLinear(linearOfDisplay8[i])).toBe(i);
});
