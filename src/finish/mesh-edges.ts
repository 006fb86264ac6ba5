/**
 * Edges of a triangle mesh. Half-edge h = 3·f + k runs from corner k of face f to the next corner; the half-edges between
 * the same two vertices, in either direction, are the uses of one edge.
 */
export interface MeshEdges {
  readonly count: number; // E
  readonly edgeOf: Uint32Array; // [3F], the edge of each half-edge
  readonly uses: Uint32Array; // [3F], half-edges, those of edge e at firstUse[e] … firstUse[e + 1]
  readonly firstUse: Uint32Array; // [E + 1]
}

/** Half-edges are sorted by their smaller vertex in one pass, then inside each short row by the larger one. */
export function meshEdges(indices: Uint32Array, vertexCount: number): MeshEdges {
  const n = indices.length;
  const row = new Uint32Array(vertexCount + 1);
  const larger = new Uint32Array(n);
  const smaller = new Uint32Array(n);
  for (let h = 0; h < n; h++) {
    const from = indices[h];
    const to = indices[nextHalfEdge(h)];
    smaller[h] = Math.min(from, to);
    larger[h] = Math.max(from, to);
    row[smaller[h] + 1]++;
  }
  for (let v = 0; v < vertexCount; v++) row[v + 1] += row[v];
  const uses = new Uint32Array(n);
  const next = row.slice();
  for (let h = 0; h < n; h++) uses[next[smaller[h]]++] = h;
  const edgeOf = new Uint32Array(n);
  const firstUse: number[] = [];
  for (let v = 0; v < vertexCount; v++) {
    uses.subarray(row[v], row[v + 1]).sort((a, b) => larger[a] - larger[b] || a - b);
    for (let i = row[v]; i < row[v + 1]; i++) {
      if (i === row[v] || larger[uses[i]] !== larger[uses[i - 1]]) firstUse.push(i);
      edgeOf[uses[i]] = firstUse.length - 1;
    }
  }
  const count = firstUse.length;
  firstUse.push(n);
  return { count, edgeOf, uses, firstUse: Uint32Array.from(firstUse) };
}

/** The half-edge after h in its face. */
export const nextHalfEdge = (h: number): number => (h % 3 === 2 ? h - 2 : h + 1);

export const usesOf = (edges: MeshEdges, edge: number): number => edges.firstUse[edge + 1] - edges.firstUse[edge];

/** The half-edge on the other side of h, −1 where its edge is not used exactly twice. */
export function twinOf(edges: MeshEdges, h: number): number {
  const edge = edges.edgeOf[h];
  if (usesOf(edges, edge) !== 2) return -1;
  const first = edges.uses[edges.firstUse[edge]];
  return first === h ? edges.uses[edges.firstUse[edge] + 1] : first;
}

/**
 * Boundary loops: rows of half-edges whose edges are used once, each ending where the next begins, in the direction of
 * their faces. Where loops touch in a vertex, each goes on around its own fan of faces; the rest of a fan that meets a
 * non-manifold edge is left out.
 */
export function boundaryLoops(indices: Uint32Array, edges: MeshEdges): number[][] {
  const isBoundary = (h: number) => usesOf(edges, edges.edgeOf[h]) === 1;
  const done = new Uint8Array(indices.length);
  const loops: number[][] = [];
  for (let start = 0; start < indices.length; start++) {
    if (done[start] || !isBoundary(start)) continue;
    const loop: number[] = [];
    let h = start;
    while (h >= 0 && !done[h]) {
      done[h] = 1;
      loop.push(h);
      let turn = nextHalfEdge(h);
      for (let guard = indices.length; turn >= 0 && !isBoundary(turn) && guard > 0; guard--) {
        const twin = twinOf(edges, turn);
        // A twin in the same direction means that two faces disagree about the outside.
        turn = twin < 0 || indices[twin] === indices[turn] ? -1 : nextHalfEdge(twin);
      }
      h = turn >= 0 && isBoundary(turn) ? turn : -1;
    }
    if (h === start) loops.push(loop);
  }
  return loops;
}

/** Which faces hang together: `join` names every two that do. Numbered in the order of their first face. */
export function faceComponents(
  faceCount: number,
  join: (unite: (a: number, b: number) => void) => void,
): { componentOf: Int32Array; count: number } {
  const parent = Uint32Array.from({ length: faceCount }, (_, f) => f);
  const root = (f: number): number => {
    while (parent[f] !== f) {
      parent[f] = parent[parent[f]];
      f = parent[f];
    }
    return f;
  };
  join((a, b) => {
    parent[root(a)] = root(b);
  });
  const numberOf = new Int32Array(faceCount).fill(-1);
  const componentOf = new Int32Array(faceCount);
  let count = 0;
  for (let f = 0; f < faceCount; f++) {
    const r = root(f);
    if (numberOf[r] < 0) numberOf[r] = count++;
    componentOf[f] = numberOf[r];
  }
  return { componentOf, count };
}
