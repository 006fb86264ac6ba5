/** PLY meshes out, binary little-endian, z up as the dataset's own: normals where all parts have them, 8-bit sRGB colours. */
import { isColored, vertexColors } from './vertex-colors.ts';
import { expectWritable, type WritableScene, wholeNormals } from './writable-scene.ts';

/** A texture is sampled at the vertices; alpha is written where a material is not opaque. */
export function writePlyMesh(scene: WritableScene): Uint8Array<ArrayBuffer> {
  expectWritable('writePlyMesh', scene);
  const { primitives } = scene;
  const normals = primitives.map(wholeNormals);
  const hasNormals = normals.every((rows) => rows !== undefined);
  const hasColors = primitives.some(isColored);
  const hasAlpha = hasColors && primitives.some(({ material }) => material.alphaMode !== 'opaque');
  const vertices = primitives.reduce((sum, { positions }) => sum + positions.length / 3, 0);
  const faces = primitives.reduce((sum, { indices }) => sum + indices.length / 3, 0);
  const channels = hasColors ? (hasAlpha ? 4 : 3) : 0;
  const header = [
    'ply',
    'format binary_little_endian 1.0',
    'comment espalier, z up',
    `element vertex ${vertices}`,
    ...['x', 'y', 'z', ...(hasNormals ? ['nx', 'ny', 'nz'] : [])].map((name) => `property float ${name}`),
    ...['red', 'green', 'blue', 'alpha'].slice(0, channels).map((name) => `property uchar ${name}`),
    `element face ${faces}`,
    'property list uchar int vertex_indices',
    'end_header\n',
  ].join('\n');
  const head = new TextEncoder().encode(header);
  const rowBytes = 12 + (hasNormals ? 12 : 0) + channels;
  const bytes = new Uint8Array(head.length + vertices * rowBytes + faces * 13);
  bytes.set(head);
  const view = new DataView(bytes.buffer);
  let at = head.length;
  for (const [p, primitive] of primitives.entries()) {
    const { positions } = primitive;
    const colors = hasColors ? vertexColors(primitive) : undefined;
    for (let v = 0; v < positions.length / 3; v++) {
      for (let c = 0; c < 3; c++) view.setFloat32(at + 4 * c, positions[3 * v + c], true);
      at += 12;
      const rows = hasNormals ? normals[p] : undefined;
      if (rows) {
        for (let c = 0; c < 3; c++) view.setFloat32(at + 4 * c, rows[3 * v + c], true);
        at += 12;
      }
      for (let c = 0; c < channels; c++) bytes[at++] = colors?.[4 * v + c] ?? 255;
    }
  }
  let first = 0;
  for (const { positions, indices } of primitives) {
    for (let i = 0; i < indices.length; i += 3) {
      bytes[at] = 3;
      for (let k = 0; k < 3; k++) view.setInt32(at + 1 + 4 * k, first + indices[i + k], true);
      at += 13;
    }
    first += positions.length / 3;
  }
  return bytes;
}
