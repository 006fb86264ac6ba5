import { expect, test } from 'vitest';
import {
  pitchOf,
  quarterTurned,
  quarterTurnedCoords,
  quarterTurnsToFront,
  turnedPoint,
  turnToFront,
  turnToView,
} from './frame.ts';

test('a camera anywhere comes within 45° of −y by its quarter turns', () => {
  for (let degrees = 0; degrees < 360; degrees += 7) {
    const angle = (degrees * Math.PI) / 180;
    const eye = [2 * Math.cos(angle), 2 * Math.sin(angle), 0.7];
    const turns = quarterTurnsToFront(eye);
    expect([0, 1, 2, 3]).toContain(turns);
    const [x, y, z] = quarterTurned(eye, turns);
    expect(Math.abs(x)).toBeLessThanOrEqual(-y + 1e-9);
    expect(z).toBe(0.7);
  }
});

test('voxels turn as the points at their centers do', () => {
  const coords = Uint8Array.of(0, 1, 2, 63, 5, 60, 31, 32, 0);
  const center = (voxel: ArrayLike<number>) => Array.from(voxel, (v) => (v + 0.5) / 64 - 0.5);
  for (const turns of [0, 1, 2, 3]) {
    const turned = quarterTurnedCoords(coords, turns, 64);
    for (let i = 0; i < coords.length; i += 3)
      expect(center(turned.subarray(i, i + 3))).toEqual(quarterTurned(center(coords.subarray(i, i + 3)), turns));
  }
});

test('a camera anywhere comes to the front at its height, or to where it looks along +y; up stays as near up as it can', () => {
  for (const eye of [
    [2, 1, 0.5],
    [-1, 0.2, -2],
    [0, 3, 0],
    [0.01, 0, 1.5],
  ]) {
    const distance = Math.hypot(...eye);
    const front = turnedPoint(turnToFront(eye), eye);
    expect(front[0]).toBeCloseTo(0);
    expect(front[1]).toBeLessThan(0);
    expect(front[2]).toBeCloseTo(eye[2]);
    const view = turnedPoint(turnToView(eye), eye);
    expect(view[0]).toBeCloseTo(0);
    expect(view[1]).toBeCloseTo(-distance);
    expect(view[2]).toBeCloseTo(0);
    const [x, , z] = turnedPoint(turnToView(eye), [0, 0, 1]);
    expect(x).toBeCloseTo(0); // the vertical stays in the picture's vertical plane
    expect(z).toBeCloseTo(Math.cos(pitchOf(eye)));
  }
});
