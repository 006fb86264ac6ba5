import { expect, test } from 'vitest';
import { ballSplats, RADIUS } from '../../test/colored-balls.ts';
import { random } from '../../test/some-splats.ts';
import { NEUTRAL_MATERIAL } from '../formats/index.ts';
import { type Outline, outlineOf } from './asset-outline.ts';
import { projectPoints } from './cameras.ts';
import { circleOfViews, frameViews, namedViews } from './framing.ts';

/** A long box, away from the origin. */
const box: Outline = outlineOf({
  kind: 'mesh',
  primitives: [
    {
      positions: Float32Array.from(
        { length: 24 },
        (_, i) => 10 + [6, 2, 1][i % 3] * ((Math.floor(i / 3) >> (i % 3)) & 1),
      ),
      indices: Uint32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 0),
      material: NEUTRAL_MATERIAL,
    },
  ],
});

test('in every view all points lie inside the picture, and in some view one touches the margin', () => {
  const { cameras, distance } = frameViews(box, circleOfViews(24, { azimuth: 10, elevation: 25 }));
  const furthest = cameras.map((camera) => {
    const { uv, depth } = projectPoints(camera, box.points);
    expect(Math.min(...depth)).toBeGreaterThan(0);
    return Math.max(...uv.map((v) => Math.abs(v - 0.5)));
  });
  expect(Math.max(...furthest)).toBeCloseTo(0.5 / 1.06, 6);
  for (const camera of cameras) expect(projectPoints(camera, box.center).depth[0]).toBeCloseTo(distance, 9);
});

test('a turntable of many frames is fitted to some of them, and still loses nothing', () => {
  const { cameras } = frameViews(box, circleOfViews(360, { azimuth: 0, elevation: 10 }));
  for (const camera of cameras)
    expect(Math.max(...projectPoints(camera, box.points).uv.map((v) => Math.abs(v - 0.5)))).toBeLessThan(0.5);
});

test('named views look along the axes: +x is to the right of the front, +z is up, from above the front is below', () => {
  const unit: Outline = { points: Float32Array.of(1, 1, 1), center: [0, 0, 0], radius: 2 };
  const axes = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const where = (view: keyof typeof namedViews) => {
    const [camera] = frameViews(unit, [namedViews[view]]).cameras;
    const { uv, depth } = projectPoints(camera, axes);
    const { depth: middle } = projectPoints(camera, [0, 0, 0]);
    const signs = (axis: number) =>
      [uv[2 * axis] - 0.5, 0.5 - uv[2 * axis + 1], middle[0] - depth[axis]].map(
        (v) => Math.round(Math.sign(v) * (Math.abs(v) > 1e-9 ? 1 : 0)) + 0,
      );
    return [signs(0), signs(1), signs(2)]; // of each axis: right, up, towards the camera
  };
  expect(where('front')).toEqual([
    [1, 0, 0],
    [0, 0, -1],
    [0, 1, 0],
  ]);
  expect(where('right')).toEqual([
    [0, 0, 1],
    [1, 0, 0],
    [0, 1, 0],
  ]);
  expect(where('back')).toEqual([
    [-1, 0, 0],
    [0, 0, 1],
    [0, 1, 0],
  ]);
  expect(where('left')).toEqual([
    [0, 0, -1],
    [-1, 0, 0],
    [0, 1, 0],
  ]);
  expect(where('top')).toEqual([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]);
  expect(where('bottom')).toEqual([
    [1, 0, 0],
    [0, -1, 0],
    [0, 0, -1],
  ]);
});

test('floaters far away and veils as large as the scene do not decide the framing of Gaussians', () => {
  const { splats } = ballSplats();
  const alone = outlineOf({ kind: 'splats', splats });
  expect(alone.radius).toBeGreaterThan(RADIUS);
  expect(alone.radius).toBeLessThan(RADIUS + 0.1);
  const next = random(3);
  const strays = Math.floor(0.02 * splats.opacities.length);
  const add = (values: Float32Array, width: number, make: (i: number) => number) =>
    Float32Array.of(...values, ...Float32Array.from({ length: strays * width }, (_, i) => make(i)));
  const littered = {
    ...splats,
    means: add(splats.means, 3, () => 200 * (next() - 0.3)),
    scales: add(splats.scales, 3, () => 30),
    rotations: add(splats.rotations, 4, (i) => (i % 4 === 0 ? 1 : 0)),
    opacities: add(splats.opacities, 1, () => 0.5),
    shDc: add(splats.shDc, 3, () => 0),
  };
  const among = outlineOf({ kind: 'splats', splats: littered });
  expect(among.radius / alone.radius).toBeGreaterThan(0.95);
  expect(among.radius / alone.radius).toBeLessThan(1.1);
});

test('a single Gaussian and a single point have a view', () => {
  const { splats } = ballSplats();
  const one = {
    ...splats,
    means: Float32Array.of(5, 5, 5),
    scales: Float32Array.of(0.1, 0.2, 0.1),
    rotations: Float32Array.of(1, 0, 0, 0),
    opacities: Float32Array.of(0.01),
    shDc: new Float32Array(3),
  };
  const outline = outlineOf({ kind: 'splats', splats: one });
  expect(outline.radius).toBeCloseTo(0.4, 6);
  expect(frameViews(outline, [namedViews.front]).distance).toBeGreaterThan(0.4);
});

test.each<[string, () => unknown, RegExp]>([
  ['no view', () => frameViews(box, []), /at least one view/],
  ['an elevation beyond the pole', () => frameViews(box, [{ azimuth: 0, elevation: 91 }]), /elevation in −90 … 90/],
  ['no field of view', () => frameViews(box, [namedViews.front], { fovDegrees: 0 }), /1 … 150 degrees, got 0/],
  ['a distance of nothing', () => frameViews(box, [namedViews.front], { distance: 0 }), /above 0, got 0/],
  ['no vertex', () => outlineOf({ kind: 'mesh', primitives: [] }), /nothing to see/],
])('%s is a clear error', (_, work, message) => {
  expect(work).toThrow(message);
});
