/**
 * PLY meshes in: faces of any number of corners, text and binary, vertex colours (8-bit, 16-bit or fractions, sRGB).
 * Textures that a comment may name are not read.
 *
 * Axes: the dataset's own meshes and voxels are PLY with z up, and other files rarely say: none are turned.
 */
import { checkedScene } from './checked-scene.ts';
import { linearOfDisplay } from './display-color.ts';
import { columnsOf, type PlyLists, type PlyTable, readPly } from './ply-file.ts';
import { parsePlyHeader } from './ply-header.ts';
import { MAX_CORNERS, triangulatePolygon } from './polygon.ts';
import { isSplatPly } from './splat-ply.ts';
import { ModelError, NEUTRAL_MATERIAL, NoSurfaceError, type TriangleScene } from './triangle-scene.ts';
import { usableTriangles } from './usable-triangles.ts';

const COLORS = ['red', 'green', 'blue', 'alpha'];
const OLD_COLORS = ['diffuse_red', 'diffuse_green', 'diffuse_blue']; // some older programs
const INDICES = ['vertex_indices', 'vertex_index'];

/** @throws ModelError when the bytes are no PLY mesh; NoSurfaceError for point clouds and Gaussians */
export function readPlyMesh(bytes: Uint8Array): TriangleScene {
  const header = parsePlyHeader(bytes);
  if (isSplatPly(header)) {
    throw new NoSurfaceError('PLY: expected a mesh, got Gaussians (it has the properties f_dc_0 and rot_0).');
  }
  const counts = new Map(header.elements.map((element) => [element.name, element.count]));
  if (!counts.get('face')) {
    throw new NoSurfaceError(
      `PLY: expected faces, got a point cloud of ${counts.get('vertex') ?? 0} points. A point cloud has no surface; export a mesh.`,
    );
  }
  const tables = readPly(bytes, header, {
    vertex: ['x', 'y', 'z', 'nx', 'ny', 'nz', ...COLORS, ...OLD_COLORS],
    face: INDICES,
  });
  const vertex = tables.get('vertex');
  const faces = tables.get('face');
  const lists = INDICES.map((name) => faces?.lists.get(name)).find((list) => list !== undefined);
  if (!vertex || !lists) {
    throw new ModelError(
      'PLY: expected an element "vertex" and lists "vertex_indices" in the element "face". Export the model again.',
    );
  }
  const warnings: string[] = [];
  const positions = columnsOf(vertex, ['x', 'y', 'z']);
  if (!positions) throw new ModelError('PLY: expected the vertex properties x, y and z. Export the model again.');
  const list = trianglesOf(lists, positions, warnings);
  const indices = usableTriangles(list, positions, warnings, 'PLY');
  const primitive = {
    positions,
    normals: unitRows(columnsOf(vertex, ['nx', 'ny', 'nz'])),
    colors: colorsOf(vertex),
    indices,
    material: { ...NEUTRAL_MATERIAL, baseColorFactor: [1, 1, 1, 1] as const },
  };
  const isPlain = primitive.colors === undefined;
  return checkedScene(
    'PLY',
    [isPlain ? { ...primitive, material: NEUTRAL_MATERIAL } : primitive],
    warnings,
    'no face has an area',
  );
}

function trianglesOf({ starts, values }: PlyLists, positions: Float32Array, warnings: string[]): Uint32Array {
  const count = positions.length / 3;
  const out: number[] = [];
  let broken = 0;
  for (let f = 0; f + 1 < starts.length; f++) {
    const corners = values.subarray(starts[f], starts[f + 1]);
    const isSound =
      corners.length >= 3 &&
      corners.length <= MAX_CORNERS &&
      corners.every((i) => Number.isInteger(i) && i >= 0 && i < count);
    if (!isSound) broken++;
    else triangulatePolygon(corners, positions, (a, b, c) => out.push(corners[a], corners[b], corners[c]));
  }
  if (broken > 0) {
    warnings.push(
      `PLY: ${broken} faces name vertices beyond ${count} or have fewer than 3 or more than ${MAX_CORNERS} corners; left out.`,
    );
  }
  return Uint32Array.from(out);
}

function unitRows(rows: Float32Array | undefined): Float32Array | undefined {
  if (!rows) return undefined;
  for (let i = 0; i < rows.length; i += 3) {
    const length = Math.hypot(rows[i], rows[i + 1], rows[i + 2]);
    const scale = length > 0 && Number.isFinite(length) ? 1 / length : 0;
    for (let c = 0; c < 3; c++) rows[i + c] = scale === 0 ? 0 : rows[i + c] * scale;
  }
  return rows;
}

/** Linear RGBA [V, 4]. */
function colorsOf(vertex: PlyTable): Float32Array | undefined {
  const names = vertex.columns.has('red') ? COLORS.slice(0, 3) : OLD_COLORS;
  const rgb = columnsOf(vertex, names);
  if (!rgb) return undefined;
  const type = vertex.types.get(names[0]);
  const most = type === 'uint8' ? 255 : type === 'uint16' ? 65535 : 1;
  const alpha = vertex.columns.get('alpha');
  const out = new Float32Array(vertex.count * 4);
  const share = (value: number) => (value >= 0 ? Math.min(1, value / most) : 0);
  for (let i = 0; i < vertex.count; i++) {
    for (let c = 0; c < 3; c++) out[4 * i + c] = linearOfDisplay(share(rgb[3 * i + c]));
    out[4 * i + 3] = alpha ? share(alpha[i]) : 1;
  }
  return out;
}
