/** Where on the surface the texels of an unwrapped mesh lie. */
import { chartTexels } from './chart-texels.ts';
import { faceNormal, type RawMesh } from './raw-mesh.ts';

export interface TexelPlaces {
  readonly size: number; // T
  readonly count: number; // n, covered texels
  readonly texels: Uint32Array; // [n], y · T + x
  readonly faces: Uint32Array; // [n]
  readonly positions: Float32Array; // [n, 3]
  readonly normals: Float32Array; // [F, 3], unit, of the mesh's faces
}

export function texelPlaces(mesh: RawMesh & { readonly uvs: Float32Array }, size: number): TexelPlaces {
  const { faces: faceAt, weights, covered: count } = chartTexels(mesh.uvs, mesh.indices, size);
  const { positions: p, indices } = mesh;
  const normals = new Float32Array(indices.length);
  for (let f = 0; f < indices.length / 3; f++) {
    const n = faceNormal(mesh, f);
    const length = Math.hypot(n[0], n[1], n[2]) || 1;
    for (let c = 0; c < 3; c++) normals[3 * f + c] = n[c] / length;
  }
  const texels = new Uint32Array(count);
  const faces = new Uint32Array(count);
  const positions = new Float32Array(count * 3);
  for (let at = 0, i = 0; at < faceAt.length; at++) {
    const f = faceAt[at];
    if (f < 0) continue;
    texels[i] = at;
    faces[i] = f;
    const [a, b, c] = [3 * indices[3 * f], 3 * indices[3 * f + 1], 3 * indices[3 * f + 2]];
    for (let k = 0; k < 3; k++)
      positions[3 * i + k] =
        weights[3 * at] * p[a + k] + weights[3 * at + 1] * p[b + k] + weights[3 * at + 2] * p[c + k];
    i++;
  }
  return { size, count, texels, faces, positions, normals };
}
