/** STL out, binary, z up: the shape alone. */
import { expectWritable, faceNormal, type WritableScene } from './writable-scene.ts';

/** Colours, textures and normals of vertices have no place in STL and are left behind. */
export function writeStl(scene: WritableScene): Uint8Array<ArrayBuffer> {
  expectWritable('writeStl', scene);
  const count = scene.primitives.reduce((sum, { indices }) => sum + indices.length / 3, 0);
  const bytes = new Uint8Array(84 + count * 50);
  bytes.set(new TextEncoder().encode('espalier, binary STL, z up')); // not "solid": that begins the text form
  const view = new DataView(bytes.buffer);
  view.setUint32(80, count, true);
  let at = 84;
  for (const { positions, indices } of scene.primitives) {
    for (let i = 0; i < indices.length; i += 3) {
      const normal = faceNormal(positions, indices[i], indices[i + 1], indices[i + 2]);
      const length = Math.hypot(...normal);
      for (let c = 0; c < 3; c++) view.setFloat32(at + 4 * c, length > 0 ? normal[c] / length : 0, true);
      for (let k = 0; k < 3; k++) {
        for (let c = 0; c < 3; c++) view.setFloat32(at + 12 + 12 * k + 4 * c, positions[indices[i + k] * 3 + c], true);
      }
      at += 50;
    }
  }
  return bytes;
}
