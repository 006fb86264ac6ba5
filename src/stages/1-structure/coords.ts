/**
 * The two forms of a sparse structure: `coords`, the occupied voxels as int32 [N, 3], and the dense grid [R, R, R] with z
 * fastest. Coords from a grid are in the order of the grid.
 */

/** The voxels whose logit is above 0. logits [R, R, R] → coords [N, 3]. */
export function logitsToCoords(logits: Float32Array, resolution: number): Int32Array {
  return activeVoxels('logitsToCoords', logits, resolution);
}

/** occupancy [R, R, R], 0 or 1 → coords [N, 3]. */
export function occupancyToCoords(occupancy: Uint8Array, resolution: number): Int32Array {
  return activeVoxels('occupancyToCoords', occupancy, resolution);
}

/** coords [N, 3] in any order → occupancy [R, R, R], 0 or 1. */
export function coordsToOccupancy(coords: Int32Array, resolution: number): Uint8Array {
  const R = resolution;
  if (coords.length % 3 !== 0) {
    throw new Error(
      `coordsToOccupancy: coords have ${coords.length} values, expected [N, 3]. ` +
        'Drop the batch column of batched coords [N, 4] first.',
    );
  }
  const occupancy = new Uint8Array(R ** 3);
  for (let i = 0; i < coords.length; i += 3) {
    const [x, y, z] = [coords[i], coords[i + 1], coords[i + 2]];
    if (Math.min(x, y, z) < 0 || Math.max(x, y, z) >= R) {
      throw new Error(
        `coordsToOccupancy: row ${i / 3} is (${x}, ${y}, ${z}), expected 0 to ${R - 1} on each axis. ` +
          'Pass the resolution the coords were made for.',
      );
    }
    occupancy[(x * R + y) * R + z] = 1;
  }
  return occupancy;
}

function activeVoxels(caller: string, grid: Float32Array | Uint8Array, R: number): Int32Array {
  if (grid.length !== R ** 3) {
    throw new Error(
      `${caller}: the grid has ${grid.length} values, expected ${R}³ = ${R ** 3}. ` +
        'Pass one grid without batch and channel axes, and its resolution.',
    );
  }
  let count = 0;
  for (let i = 0; i < grid.length; i++) if (grid[i] > 0) count++;
  const coords = new Int32Array(count * 3);
  for (let i = 0, row = 0; i < grid.length; i++) {
    if (!(grid[i] > 0)) continue;
    coords[row++] = Math.floor(i / (R * R));
    coords[row++] = Math.floor(i / R) % R;
    coords[row++] = i % R;
  }
  return coords;
}
