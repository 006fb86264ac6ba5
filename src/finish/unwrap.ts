/** Cuts a surface into charts and lays them side by side into one square texture. */
import { type FlatChart, flattenCharts } from './flatten-charts.ts';
import { growCharts } from './grow-charts.ts';
import { type PackedCharts, packCharts, placing } from './pack-charts.ts';
import { expectMesh, type RawMesh, rowsOf } from './raw-mesh.ts';

export interface UnwrapOptions {
  /** T: texels per side of the texture. */
  size?: number;
  /** Texels between charts that stay free for the seams' dilation. */
  padding?: number;
  signal?: AbortSignal;
}

export const UNWRAP_DEFAULTS = { size: 1024, padding: 4 };

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
 * Faces keep their number and order; vertices are doubled at seams. Charts are projected along their mean normal, never
 * mirrored, and all at one scale, the largest that one square texture allows.
 * @throws Error when the charts, with their padding, do not fit into `size`
 */
export async function unwrap(
  mesh: RawMesh,
  options: UnwrapOptions = {},
): Promise<{ mesh: UnwrappedMesh; report: UnwrapReport }> {
  expectMesh('unwrap', mesh);
  const { size, padding, signal } = { ...UNWRAP_DEFAULTS, ...options };
  if (!Number.isInteger(size) || size < 16 || size > 8192)
    throw new RangeError(`unwrap: size must be a whole number in 16 … 8192, got ${size}.`);
  if (!Number.isInteger(padding) || padding < 0 || padding > 64)
    throw new RangeError(`unwrap: padding must be a whole number in 0 … 64, got ${padding}.`);
  if (mesh.indices.length === 0) throw new RangeError('unwrap: expected at least one face, got none.');
  const charts = await flattenCharts(mesh, await growCharts(mesh, signal), size, signal);
  const packed = await packCharts(charts, size, padding, signal);
  if (!packed)
    throw new Error(
      `unwrap: ${charts.length} charts with ${padding} texels between them do not fit into ${size} × ${size}. ` +
        'Take a larger texture, less padding or fewer faces.',
    );
  const out = laidOut(mesh, charts, packed, size);
  const addedVertices = (out.positions.length - mesh.positions.length) / 3;
  return { mesh: out, report: { charts: charts.length, addedVertices, filledSide: packed.reach / size } };
}

function laidOut(mesh: RawMesh, charts: readonly FlatChart[], packed: PackedCharts, size: number): UnwrappedMesh {
  const rows = charts.reduce((sum, chart) => sum + chart.source.length, 0);
  const source = new Uint32Array(rows);
  const uvs = new Float32Array(rows * 2);
  const indices = new Uint32Array(mesh.indices.length);
  let next = 0;
  for (const [i, chart] of charts.entries()) {
    const place = placing(chart, packed, i);
    for (let row = 0; row < chart.source.length; row++) {
      const [x, y] = place(row);
      source[next + row] = chart.source[row];
      uvs[2 * (next + row)] = x / size;
      uvs[2 * (next + row) + 1] = y / size;
    }
    for (let k = 0; k < chart.corners.length; k++)
      indices[3 * chart.faces[Math.floor(k / 3)] + (k % 3)] = next + chart.corners[k];
    next += chart.source.length;
  }
  return {
    positions: rowsOf(mesh.positions, source),
    indices,
    ...(mesh.colors && { colors: rowsOf(mesh.colors, source) }),
    uvs,
    source,
  };
}
