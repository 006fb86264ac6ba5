import { expect, test } from 'vitest';
import { quarterTurned, quarterTurnedCoords, quarterTurnsToFront } from './frame.ts';

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
