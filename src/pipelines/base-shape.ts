/** A mesh whose look is made anew: the voxels that stage two starts from in place of stage one's. */
import { type Triangles, voxelize } from '../representations/index.ts';
import { checkCoords } from './self-checks.ts';

/**
 * Surface voxels of a mesh (z up) moved and scaled into the box [−0.5, 0.5]³, its longest side 1; in order of x, y, z.
 * coords [N, 3].
 * Source: reference/pipelines.md §8.4.
 * @throws Error when the mesh has no extent, or too few or too many voxels
 */
export function shapeCoords({ primitives }: Triangles, resolution: number): Int32Array {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const { positions, indices } of primitives)
    for (const vertex of indices)
      for (let axis = 0; axis < 3; axis++) {
        const p = positions[3 * vertex + axis];
        low[axis] = Math.min(low[axis], p); // NaN stays, and is found below
        high[axis] = Math.max(high[axis], p);
      }
  const longest = Math.max(...high.map((h, axis) => h - low[axis]));
  if (!(longest > 0 && Number.isFinite(longest)))
    throw new Error(
      `voxelize: the longest side of the mesh must be finite and above 0, got ${longest}. Check the export's scale.`,
    );
  const unit = primitives.map(({ positions, indices }) => ({
    positions: positions.map((p, i) => (p - (low[i % 3] + high[i % 3]) / 2) / longest),
    indices,
  }));
  const coords = voxelize({ primitives: unit }, resolution);
  checkCoords('voxelize', coords, resolution, 'Is it a mesh of one object?');
  return coords;
}
