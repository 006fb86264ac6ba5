/**
 * In which frame a model learned its shapes: the object's own (`canonical`, the published one); turned about the vertical so
 * that the picture's camera stands in front of it, on −y (`picture`); or turned by the quarter turns that bring the camera
 * nearest to the front, within 45° of −y (`quadrant`), where walls that lie along the axes stay so.
 */
export const FRAMES = ['canonical', 'quadrant', 'picture'] as const;
export type Frame = (typeof FRAMES)[number];

/** Azimuth of the camera that an object is turned to: it stands on −y. */
export const FRONT = -Math.PI / 2;

/** Quarter turns about z, from +x towards +y, that bring a camera at (x, y) nearest to the front: 0 … 3. */
export function quarterTurnsToFront([x, y]: readonly number[]): number {
  return (Math.round((FRONT - Math.atan2(y, x)) / (Math.PI / 2)) + 4) % 4;
}

/** A point turned about z by quarter turns, from +x towards +y. */
export function quarterTurned([x, y, z]: readonly number[], turns: number): [number, number, number] {
  if (turns === 0) return [x, y, z];
  return quarterTurned([-y, x, z], turns - 1);
}

/** Voxels, x y z one after the other, of a grid turned about z by quarter turns, from +x towards +y. */
export function quarterTurnedCoords(coords: Uint8Array, turns: number, resolution: number): Uint8Array {
  const last = resolution - 1;
  const out = coords.slice();
  for (let turn = 0; turn < turns; turn++)
    for (let i = 0; i < out.length; i += 3) [out[i], out[i + 1]] = [last - out[i + 1], out[i]];
  return out;
}
