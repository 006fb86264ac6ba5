import type { SurfaceMesh } from './surface-mesh.ts';

/** A mesh turned about the origin by a rotation (row by row), then centered with its longest side 1, as shapes are. */
export function turnedMesh(mesh: SurfaceMesh, turn: readonly number[]): SurfaceMesh {
  const positions = turned(mesh.positions, turn);
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    low[i % 3] = Math.min(low[i % 3], positions[i]);
    high[i % 3] = Math.max(high[i % 3], positions[i]);
  }
  const longest = Math.max(...high.map((h, axis) => h - low[axis]));
  const scale = longest > 0 ? 1 / longest : 1; // an empty mesh stays empty
  for (let i = 0; i < positions.length; i++) positions[i] = (positions[i] - (low[i % 3] + high[i % 3]) / 2) * scale;
  return { ...mesh, positions, normals: turned(mesh.normals, turn) };
}

function turned(vectors: Float32Array, turn: readonly number[]): Float32Array {
  const out = new Float32Array(vectors.length);
  for (let i = 0; i < out.length; i += 3)
    for (let row = 0; row < 3; row++)
      out[i + row] =
        turn[3 * row] * vectors[i] + turn[3 * row + 1] * vectors[i + 1] + turn[3 * row + 2] * vectors[i + 2];
  return out;
}
