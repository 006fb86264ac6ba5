/**
 * Normals of the vertices: the area-weighted mean of the triangles around each. positions [V, 3], indices [F, 3] →
 * [V, 3], unit length; a vertex without area around it gets (0, 0, 1).
 */
export function vertexNormals(positions: Float32Array, indices: Uint32Array): Float32Array {
  const p = positions;
  const normals = new Float32Array(p.length);
  for (let f = 0; f < indices.length; f += 3) {
    const a = indices[f] * 3;
    const b = indices[f + 1] * 3;
    const c = indices[f + 2] * 3;
    const ux = p[b] - p[a];
    const uy = p[b + 1] - p[a + 1];
    const uz = p[b + 2] - p[a + 2];
    const vx = p[c] - p[a];
    const vy = p[c + 1] - p[a + 1];
    const vz = p[c + 2] - p[a + 2];
    const nx = uy * vz - uz * vy; // length is twice the area
    const ny = uz * vx - ux * vz;
    const nz = ux * vy - uy * vx;
    for (const v of [a, b, c]) {
      normals[v] += nx;
      normals[v + 1] += ny;
      normals[v + 2] += nz;
    }
  }
  for (let v = 0; v < normals.length; v += 3) {
    const length = Math.hypot(normals[v], normals[v + 1], normals[v + 2]);
    if (length > 1e-20) {
      normals[v] /= length;
      normals[v + 1] /= length;
      normals[v + 2] /= length;
    } else normals.set([0, 0, 1], v);
  }
  return normals;
}
