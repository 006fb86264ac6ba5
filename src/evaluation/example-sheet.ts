import { encodePng } from '../formats/index.ts';
import { contactSheet, type Picture, voxelView } from '../render/index.ts';
import type { StructureExample } from './evaluate-structure.ts';

const TILE = 128;

/** Examples as a PNG, four to a row: picture, truth, result; truth and result from the picture's camera. */
export async function exampleSheet(examples: readonly StructureExample[]): Promise<Uint8Array> {
  const tiles = examples.flatMap(({ picture, view, truth, result }) => [
    enlarged(picture),
    ...[truth, result].map((grid) => voxelView(grid, 64, view, { size: TILE, supersampling: 2, coloring: 'grey' })),
  ]);
  const { width, height, data } = contactSheet(tiles, { columns: 12, margin: 4 });
  return encodePng({ width, height, data });
}

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
