/**
 * In which frame a model learned its shapes: the object's own (`canonical`, the published one); turned about the vertical so
 * that the picture's camera stands in front of it, on −y (`picture`); turned to the camera's height, too, so that it looks along +y
 * (`view`); or turned by the quarter turns that bring the camera nearest to the front, within 45° of −y (`quadrant`), where walls that
 * lie along the axes stay so.
 */
export const FRAMES = ['canonical', 'quadrant', 'picture', 'view'] as const;
export type Frame = (typeof FRAMES)[number];

/** Azimuth of the camera that an object is turned to: it stands on −y. */
const FRONT = -Math.PI / 2;

/** A rotation as a matrix, row by row. */
export type Turn = readonly [number, number, number, number, number, number, number, number, number];

/** About the vertical, so that a camera at `eye` comes to stand on −y, as high as it was. */
export function turnToFront([x, y]: readonly number[]): Turn {
  const angle = FRONT - Math.atan2(y, x);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos, -sin, 0, sin, cos, 0, 0, 0, 1];
}

/** About the axis to the right, so that a camera on −y that stood `pitch` radians above the object comes to its height. */
export function tilt(pitch: number): Turn {
  const [cos, sin] = [Math.cos(pitch), Math.sin(pitch)];
  return [1, 0, 0, 0, cos, -sin, 0, sin, cos];
}

/** So that a camera at `eye` looks along +y: to the front, then down or up to its height. */
export function turnToView(eye: readonly number[]): Turn {
  const [a, b] = [tilt(pitchOf(eye)), turnToFront(eye)];
  const row = (i: number, j: number) => a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
  return [row(0, 0), row(0, 1), row(0, 2), row(1, 0), row(1, 1), row(1, 2), row(2, 0), row(2, 1), row(2, 2)];
}

/** Radians by which a camera at `eye` stands above the object. */
export const pitchOf = ([x, y, z]: readonly number[]): number => Math.atan2(z, Math.hypot(x, y));

export function turnedPoint(turn: Turn, [x, y, z]: ArrayLike<number> & Iterable<number>): [number, number, number] {
  const row = (i: number) => turn[i] * x + turn[i + 1] * y + turn[i + 2] * z;
  return [row(0), row(3), row(6)];
}

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
