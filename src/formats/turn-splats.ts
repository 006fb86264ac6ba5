/**
 * Gaussians between the object frame (z up) and the frames of their files. Positions, rotations and harmonics turn
 * together: a splat that is moved without its harmonics shines from the wrong side.
 */
import { rotateHarmonics } from './spherical-harmonics.ts';
import type { Splats } from './splats.ts';

/**
 * A quarter turn about x.
 *   'z-up to y-down': (x, y, z) → (x, −z, y), as in splat PLY and .splat; also from y-up to z-up
 *   'z-up to y-up':   (x, y, z) → (x, z, −y), as in glTF and SPZ; also from y-down to z-up
 */
export type SplatTurn = 'z-up to y-down' | 'z-up to y-up';

export function turnSplats(splats: Splats, turn: SplatTurn): Splats {
  const s = turn === 'z-up to y-down' ? 1 : -1;
  const means = new Float32Array(splats.means.length);
  for (let i = 0; i < means.length; i += 3) {
    means[i] = splats.means[i];
    means[i + 1] = 0 - s * splats.means[i + 2];
    means[i + 2] = 0 + s * splats.means[i + 1];
  }
  const rotations = new Float32Array(splats.rotations.length);
  for (let i = 0; i < rotations.length; i += 4) {
    const [w, x, y, z] = splats.rotations.subarray(i, i + 4);
    rotations.set(
      [w - s * x, x + s * w, y - s * z, z + s * y].map((value) => value * Math.SQRT1_2),
      i,
    );
  }
  const matrix = [1, 0, 0, 0, 0, -s, 0, s, 0];
  return { ...splats, means, rotations, shRest: rotateHarmonics(splats.shRest, splats.shDegree, matrix) };
}
