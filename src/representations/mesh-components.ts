/**
 * Drops the connected components whose area is below `minShare` of the largest one's, and the vertices nothing uses.
 * positions [V, 3], indices [F, 3] → the same, shorter.
 * @param minShare in [0, 1]: 0 keeps all, 1 only the largest
 */
export function keepMainComponents(
  positions: Float32Array,
  indices: Uint32Array,
  minShare: number,
): { positions: Float32Array; indices: Uint32Array } {
  const parent = Uint32Array.from({ length: positions.length / 3 }, (_, v) => v);
  const root = (v: number): number => {
    while (parent[v] !== v) {
      parent[v] = parent[parent[v]];
      v = parent[v];
    }
    return v;
  };
  for (let f = 0; f < indices.length; f += 3) {
    parent[root(indices[f])] = root(indices[f + 1]);
    parent[root(indices[f + 1])] = root(indices[f + 2]);
  }

  const areas = new Float64Array(parent.length);
  for (let f = 0; f < indices.length; f += 3) areas[root(indices[f])] += triangleArea(positions, indices, f);
  let largest = 0;
  for (const area of areas) largest = Math.max(largest, area);

  const renamed = new Map<number, number>();
  const keptPositions: number[] = [];
  const keptIndices: number[] = [];
  for (let f = 0; f < indices.length; f += 3) {
    if (areas[root(indices[f])] < minShare * largest) continue;
    for (let corner = 0; corner < 3; corner++) {
      const v = indices[f + corner];
      let row = renamed.get(v);
      if (row === undefined) {
        row = renamed.size;
        renamed.set(v, row);
        keptPositions.push(positions[v * 3], positions[v * 3 + 1], positions[v * 3 + 2]);
      }
      keptIndices.push(row);
    }
  }
  return { positions: Float32Array.from(keptPositions), indices: Uint32Array.from(keptIndices) };
}

function triangleArea(p: Float32Array, indices: Uint32Array, f: number): number {
  const [a, b, c] = [indices[f] * 3, indices[f + 1] * 3, indices[f + 2] * 3];
  const u = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
  const v = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
  return Math.hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]) / 2;
}
