import { absolutePositions } from '../nn/index.ts';
import { concat, constant, expand, gather, reshape, type Tensor } from '../tensor/index.ts';
import type { SparseGrid } from './sparse-grid.ts';

/**
 * Absolute positions of voxels, [N, C]. The sines of the few integer positions are a table in the graph: exact also on
 * devices whose sine is not.
 * @param resolution  coordinates are below it
 */
export function sparsePositions(grid: SparseGrid, width: number, resolution: number): Tensor {
  const each = 2 * Math.floor(Math.floor(width / 3) / 2);
  const along = new Int32Array(3 * resolution);
  for (let i = 0; i < resolution; i++) along[3 * i] = i;
  const whole = absolutePositions(along, width);
  const table = new Float32Array(resolution * each);
  for (let i = 0; i < resolution; i++) table.set(whole.subarray(i * width, i * width + each), i * each);
  const used = reshape(gather(constant(table, [resolution, each]), grid.coords()), [grid.rows, 3 * each]);
  const rest = width - 3 * each;
  if (rest === 0) return used;
  const zeros = expand(constant([0], [1, 1]), [grid.rows, rest]);
  return concat([used, zeros], 1);
}
