import { expect, test } from 'vitest';
import { type Turn, tilt, turnedPoint } from './frame.ts';
import { PITCH_BINS, uprightCues, uprightPitch, uprightScore } from './upright.ts';

const R = 64;
const degrees = (radians: number) => (radians * 180) / Math.PI;
const radians = (angle: number) => (angle * Math.PI) / 180;

/** Surface cells of a body, given by its signed distance in voxels from the grid's center, as a camera `pitch` degrees above sees it. */
function seen(distance: (x: number, y: number, z: number) => number, pitch: number): Uint8Array {
  const grid = new Uint8Array(R ** 3);
  const upright = tilt(radians(-pitch));
  for (let i = 0; i < grid.length; i++) {
    const center = [Math.floor(i / R ** 2), Math.floor(i / R) % R, i % R].map((v) => v - (R - 1) / 2);
    grid[i] = Number(Math.abs(distance(...turnedPoint(upright, center))) < 0.7);
  }
  return grid;
}

/** Turned about the vertical first, so that nothing but its uprightness lies along the axes. */
function box(halves: readonly number[], azimuth: number) {
  const [cos, sin] = [Math.cos(radians(azimuth)), Math.sin(radians(azimuth))];
  const turn: Turn = [cos, -sin, 0, sin, cos, 0, 0, 0, 1];
  return (x: number, y: number, z: number) =>
    Math.max(...turnedPoint(turn, [x, y, z]).map((v, axis) => Math.abs(v) - halves[axis]));
}
const ball = (x: number, y: number, z: number) => Math.hypot(x, y, z) - 25;

/** As a classifier tells it: a hill of 15°, each way, about `pitch` degrees. */
const hill = (pitch: number, width = 15) =>
  Float32Array.from({ length: PITCH_BINS }, (_, bin) => Math.exp(-0.5 * ((5 * bin - 87.5 - pitch) / width) ** 2));

test('a box is turned upright to 2°, though the classifier is wrong by 12°', () => {
  for (const pitch of [-65, -20, 0, 7, 33, 50, 75]) {
    const grid = seen(box([20, 13, 9], 25), pitch);
    for (const error of [-12, 12]) {
      const found = degrees(uprightPitch(grid, R, hill(pitch + error)));
      expect(Math.abs(found - pitch), `${pitch}°, told ${pitch + error}°, found ${found}°`).toBeLessThan(2);
    }
  }
});

test('which side of a box is its base, the classifier decides', () => {
  const grid = seen(box([17, 17, 17], 0), 40);
  expect(Math.abs(degrees(uprightPitch(grid, R, hill(30))) - 40)).toBeLessThan(2);
  expect(Math.abs(degrees(uprightPitch(grid, R, hill(-40))) + 50)).toBeLessThan(2); // a quarter less
});

test('a ball and an empty shape leave the pitch to the classifier', () => {
  for (const grid of [seen(ball, 0), new Uint8Array(R ** 3)])
    for (const pitch of [-40, 0, 22, 60]) {
      const found = degrees(uprightPitch(grid, R, hill(pitch)));
      expect(Math.abs(found - pitch), `told ${pitch}°, found ${found}°`).toBeLessThan(3);
    }
});

test('the score of an empty shape is the same at every pitch, that of a box highest where it is upright', () => {
  expect([...new Set(uprightScore(new Float32Array(8), 2))]).toEqual([0]);
  const score = uprightScore(seen(box([20, 13, 9], 25), 30), R);
  expect(Math.abs(score.indexOf(Math.max(...score)) - 90 - 30)).toBeLessThanOrEqual(1);
});

test('the scale of the probabilities does not matter, and logits do as well as occupancy', () => {
  const grid = seen(box([20, 13, 9], 25), 30);
  const logits = Float32Array.from(grid, (v) => 7 * v - 5);
  const found = uprightPitch(grid, R, hill(20));
  expect(
    uprightPitch(
      logits,
      R,
      hill(20).map((p) => 8 * p),
    ),
  ).toBeCloseTo(found, 6);
});

test('wrong sizes and probabilities are told', () => {
  const grid = new Uint8Array(R ** 3);
  expect(() => uprightPitch(new Uint8Array(10), R, hill(0))).toThrow(/10 values, expected 64³ = 262144/);
  expect(() => uprightCues(new Uint8Array(10), R)).toThrow(RangeError);
  expect(() => uprightPitch(grid, R, new Float32Array(35))).toThrow(/must be \[36\], got \[35\]/);
  for (const bad of [hill(0).fill(0), hill(0).fill(-1, 3, 4), hill(0).fill(Number.NaN, 3, 4)])
    expect(() => uprightPitch(grid, R, bad)).toThrow(RangeError);
});
