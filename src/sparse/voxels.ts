/**
 * Active voxels of one or several objects: int32 coords [N, 4] as (object, x, y, z). Rows of an object are contiguous and
 * objects ascend from 0; inside an object rows come in any order.
 */
export interface Voxels {
  readonly coords: Int32Array;
  /** N */
  readonly count: number;
  readonly objects: number;
  /** rows of object b: starts[b] … starts[b + 1] − 1 */
  readonly starts: Int32Array;
}

/** Coordinates are below this on each axis. */
export const MAX_RESOLUTION = 1024;

/**
 * Checked voxels.
 * @param coords  [N, 4]
 * @param resolution  coordinates lie in 0 … resolution − 1
 * @throws RangeError naming the row, what was expected and what it holds
 */
export function voxels(coords: Int32Array, resolution = MAX_RESOLUTION): Voxels {
  if (coords.length % 4 !== 0 || coords.length === 0)
    throw new RangeError(
      `voxels: coords must be [N, 4], object first, with at least one voxel; got ${coords.length} values. ` +
        'For coords [N, 3] of single objects use voxelsOfObjects.',
    );
  const count = coords.length / 4;
  const starts = [0];
  for (let i = 0; i < count; i++) {
    const object = coords[4 * i];
    if (object === starts.length && i > 0) starts.push(i);
    if (object !== starts.length - 1)
      throw new RangeError(
        `voxels: row ${i} belongs to object ${object}, expected ${i === 0 ? 0 : `${starts.length - 1} or ${starts.length}`}. ` +
          'Objects ascend from 0 without gaps, the rows of each together; sort the rows by object.',
      );
    for (let axis = 1; axis < 4; axis++) {
      const c = coords[4 * i + axis];
      if (c < 0 || c >= resolution)
        throw new RangeError(
          `voxels: row ${i} is (${coords.slice(4 * i + 1, 4 * i + 4).join(', ')}), expected 0 to ${resolution - 1} on each axis. ` +
            'The coords belong to another resolution.',
        );
    }
  }
  starts.push(count);
  return { coords, count, objects: starts.length - 1, starts: Int32Array.from(starts) };
}

/**
 * Rows of a network's input fit its voxels, and the voxels its grid.
 * @param where  what the error names
 * @param feats  [N, channels]
 */
export function expectRows(
  where: string,
  { coords, count }: Voxels,
  resolution: number,
  feats: Float32Array,
  channels: number,
): void {
  if (feats.length !== count * channels)
    throw new RangeError(
      `${where}: feats must be [${count}, ${channels}], one row for each voxel, got ${feats.length} values. ` +
        'Feats and voxels come from different objects, or the model has other channels.',
    );
  for (let i = 0; i < coords.length; i++)
    if (i % 4 !== 0 && coords[i] >= resolution)
      throw new RangeError(
        `${where}: voxel ${Math.floor(i / 4)} is (${coords.slice(i - (i % 4) + 1, i - (i % 4) + 4).join(', ')}), ` +
          `expected 0 to ${resolution - 1} on each axis. The model works at another resolution.`,
      );
}

/** Voxels of several objects, each given as coords [N, 3]. */
export function voxelsOfObjects(objects: readonly Int32Array[], resolution = MAX_RESOLUTION): Voxels {
  const rows = objects.map((coords, object) => {
    if (coords.length % 3 !== 0 || coords.length === 0)
      throw new RangeError(
        `voxelsOfObjects: coords of object ${object} must be [N, 3] with at least one voxel, got ${coords.length} values.`,
      );
    return coords.length / 3;
  });
  const coords = new Int32Array(4 * rows.reduce((a, b) => a + b, 0));
  let at = 0;
  for (const [object, n] of rows.entries())
    for (let i = 0; i < n; i++) {
      coords[at++] = object;
      for (let axis = 0; axis < 3; axis++) coords[at++] = objects[object][3 * i + axis];
    }
  return voxels(coords, resolution);
}

/** coords [N, 3] of all objects, one after the other. */
export function withoutObject({ coords, count }: Voxels): Int32Array {
  const out = new Int32Array(3 * count);
  for (let i = 0; i < count; i++) out.set(coords.subarray(4 * i + 1, 4 * i + 4), 3 * i);
  return out;
}
