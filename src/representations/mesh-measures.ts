import type { SurfaceMesh } from './surface-mesh.ts';

export interface MeshMeasures {
  /** Sum of the triangle areas. */
  area: number;
  /** Enclosed volume by the divergence theorem; positive when a closed mesh is wound outward. */
  volume: number;
  /** V − E + F over the used vertices: 2 for a sphere, 0 for a torus, summed over components. */
  eulerCharacteristic: number;
  /** True when every edge is used as often in one direction as in the other: no boundary, consistent winding. */
  isClosed: boolean;
  /** True when, beyond being closed, every edge belongs to exactly two triangles. */
  isEdgeManifold: boolean;
}

/** What can be said of a mesh from its triangles alone. */
export function measureMesh(mesh: Pick<SurfaceMesh, 'positions' | 'indices'>): MeshMeasures {
  const { positions: p, indices } = mesh;
  const vertexCount = p.length / 3;
  const forward = new Map<number, number>(); // edge, smaller vertex first → uses in that direction
  const backward = new Map<number, number>();
  const used = new Set<number>();
  let area = 0;
  let volume = 0;
  for (let f = 0; f < indices.length; f += 3) {
    const [a, b, c] = [indices[f] * 3, indices[f + 1] * 3, indices[f + 2] * 3];
    const u = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
    const v = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
    const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    area += Math.hypot(n[0], n[1], n[2]) / 2;
    volume += (p[a] * n[0] + p[a + 1] * n[1] + p[a + 2] * n[2]) / 6;
    for (let corner = 0; corner < 3; corner++) {
      const from = indices[f + corner];
      const to = indices[f + ((corner + 1) % 3)];
      used.add(from);
      const edge = Math.min(from, to) * vertexCount + Math.max(from, to);
      const uses = from < to ? forward : backward;
      uses.set(edge, (uses.get(edge) ?? 0) + 1);
    }
  }
  const edges = new Set([...forward.keys(), ...backward.keys()]);
  let isClosed = true;
  let isEdgeManifold = true;
  for (const edge of edges) {
    if (forward.get(edge) !== backward.get(edge)) isClosed = false;
    if (forward.get(edge) !== 1 || backward.get(edge) !== 1) isEdgeManifold = false;
  }
  const eulerCharacteristic = used.size - edges.size + indices.length / 3;
  return { area, volume, eulerCharacteristic, isClosed, isEdgeManifold };
}
