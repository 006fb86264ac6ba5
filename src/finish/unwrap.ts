/** Cuts a surface into charts and lays them side by side into one square texture. */
import { Atlas, Initialize, type Mesh } from 'watlas';
import { expectMesh, type RawMesh, rowsOf } from './raw-mesh.ts';

export interface UnwrapOptions {
  /** T: texels per side of the texture. */
  size?: number;
  /** Texels between charts that stay free for the seams' dilation. */
  padding?: number;
}

export const UNWRAP_DEFAULTS: Required<UnwrapOptions> = { size: 1024, padding: 4 };

export interface UnwrappedMesh extends RawMesh {
  readonly uvs: Float32Array; // [V, 2] in [0, 1], v = 0 is the top row
  readonly source: Uint32Array; // [V], the vertex of the given mesh that each one was
}

export interface UnwrapReport {
  readonly charts: number;
  /** Vertices that seams doubled. */
  readonly addedVertices: number;
  /** Share of the texture's side that the atlas fills, along its longer side. */
  readonly filledSide: number;
}

/**
 * Faces keep their number and order; vertices are doubled at seams. Texels are square and as large as one square texture
 * allows: the packer only aims at a size, so charts are packed again, a little smaller, until they fit.
 * @throws Error when the charts, with their padding, do not fit into `size`
 * Source: xatlas, as WebAssembly by the package watlas.
 */
export async function unwrap(
  mesh: RawMesh,
  options: UnwrapOptions = {},
): Promise<{ mesh: UnwrappedMesh; report: UnwrapReport }> {
  expectMesh('unwrap', mesh);
  const { size, padding } = { ...UNWRAP_DEFAULTS, ...options };
  if (!Number.isInteger(size) || size < 16 || size > 8192)
    throw new RangeError(`unwrap: size must be a whole number in 16 … 8192, got ${size}.`);
  if (!Number.isInteger(padding) || padding < 0 || padding > 64)
    throw new RangeError(`unwrap: padding must be a whole number in 0 … 64, got ${padding}.`);
  if (mesh.indices.length === 0) throw new RangeError('unwrap: expected at least one face, got none.');
  await Initialize();
  const atlas = new Atlas();
  try {
    atlas.addMesh({
      vertexPositionData: mesh.positions,
      vertexCount: mesh.positions.length / 3,
      vertexPositionStride: 12,
      indexData: mesh.indices,
      indexCount: mesh.indices.length,
      faceMaterialData: chartGroups(mesh),
    });
    atlas.computeCharts({});
    pack(atlas, size, padding);
    const out = laidOut(mesh, atlas.getMesh(0), size);
    const addedVertices = (out.positions.length - mesh.positions.length) / 3;
    const filledSide = Math.max(atlas.width, atlas.height) / size;
    return { mesh: out, report: { charts: atlas.chartCount, addedVertices, filledSide } };
  } finally {
    atlas.delete();
  }
}

/** The time for charts grows with the square of their faces: a whole of 20 k took over a minute, in groups it is linear. */
const GROUP_FACES = 1000;

/** [F]: the group of each face; charts stay inside groups. Halves along the longest side, until a part is small enough. */
function chartGroups({ positions: p, indices }: RawMesh): Uint32Array {
  const groupOf = new Uint32Array(indices.length / 3);
  const order = Uint32Array.from(groupOf, (_, f) => f);
  let groups = 0;
  const middle = (f: number, c: number): number =>
    p[3 * indices[3 * f] + c] + p[3 * indices[3 * f + 1] + c] + p[3 * indices[3 * f + 2] + c];
  const divide = (part: Uint32Array): void => {
    if (part.length <= GROUP_FACES) {
      for (const f of part) groupOf[f] = groups;
      groups++;
      return;
    }
    const extents = [0, 1, 2].map((c) => {
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (const f of part) {
        low = Math.min(low, middle(f, c));
        high = Math.max(high, middle(f, c));
      }
      return high - low;
    });
    const axis = extents.indexOf(Math.max(...extents));
    part.sort((a, b) => middle(a, axis) - middle(b, axis));
    divide(part.subarray(0, part.length >> 1));
    divide(part.subarray(part.length >> 1));
  };
  divide(order);
  return groupOf;
}

const ATTEMPTS = 12;

function pack(atlas: Atlas, size: number, padding: number): void {
  const settings = { padding, bilinear: true };
  atlas.packCharts({ ...settings, resolution: size });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const side = Math.max(atlas.width, atlas.height);
    if (atlas.atlasCount === 1 && side <= size) return;
    // A little below what the last attempt asks for: padding does not shrink with the charts.
    atlas.packCharts({ ...settings, texelsPerUnit: atlas.texelsPerUnit * Math.min(0.97, (0.985 * size) / side) });
  }
  throw new Error(
    `unwrap: ${atlas.chartCount} charts with ${padding} texels between them do not fit into ${size} × ${size}. ` +
      'Take a larger texture, less padding or fewer faces.',
  );
}

function laidOut(mesh: RawMesh, packed: Mesh, size: number): UnwrappedMesh {
  const source = new Uint32Array(packed.vertexCount);
  const uvs = new Float32Array(packed.vertexCount * 2);
  for (let v = 0; v < packed.vertexCount; v++) {
    const vertex = packed.getVertex(v);
    source[v] = vertex.xref;
    uvs[2 * v] = vertex.uv[0] / size;
    uvs[2 * v + 1] = vertex.uv[1] / size;
  }
  const indices = new Uint32Array(packed.indexCount);
  packed.getIndexArray(indices);
  return {
    positions: rowsOf(mesh.positions, source),
    indices,
    ...(mesh.colors && { colors: rowsOf(mesh.colors, source) }),
    uvs,
    source,
  };
}
