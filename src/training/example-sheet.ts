import { encodePng } from '../formats/index.ts';
import { contactSheet, meshView, type OrbitView, type Picture, voxelView } from '../render/index.ts';
import { occupancySurface, type SurfaceMesh } from '../representations/index.ts';

export interface StructureExample {
  /** where truth and result are looked at from */
  view: OrbitView;
  /** prepared picture, RGB bytes [S, S, 3], when there is one */
  picture?: Uint8Array;
  /** occupancies [64, 64, 64], 0 or 1 */
  truth: Uint8Array;
  result: Uint8Array;
  /** the result's surface, in the frame of `view`, when that is to be seen: then truth and result are drawn as surfaces, else as voxels */
  mesh?: () => SurfaceMesh;
}

const TILE = 128;

/** Examples as a PNG, side by side: picture, truth, result. */
export async function exampleSheet(examples: readonly StructureExample[]): Promise<Uint8Array> {
  const look = { size: TILE, supersampling: 2 };
  const tiles = examples.flatMap(({ picture, view, truth, result, mesh }) => [
    ...(picture ? [enlarged(picture)] : []),
    ...(mesh && truth.includes(1)
      ? [surfaceOf(truth), mesh()].map((surface) => meshView(surface, view, look))
      : [truth, result].map((grid) => voxelView(grid, 64, view, { ...look, coloring: 'grey' }))),
  ]);
  const { width, height, data } = contactSheet(tiles, { columns: 12, margin: 4 });
  return encodePng({ width, height, data });
}

const surfaceOf = (occupancy: Uint8Array): SurfaceMesh =>
  occupancySurface(
    Float32Array.from(occupancy, (v) => (v ? 4 : -4)),
    64,
    { sealGaps: 1 },
  );

/** A prepared picture [S, S, 3] at tile size, each pixel repeated. */
function enlarged(picture: Uint8Array): Picture {
  const side = Math.sqrt(picture.length / 3);
  const data = new Uint8Array(TILE * TILE * 3);
  for (let y = 0; y < TILE; y++)
    for (let x = 0; x < TILE; x++) {
      const from = (Math.floor((y * side) / TILE) * side + Math.floor((x * side) / TILE)) * 3;
      data.set(picture.subarray(from, from + 3), (y * TILE + x) * 3);
    }
  return { width: TILE, height: TILE, channels: 3, data };
}
