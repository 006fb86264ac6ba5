/**
 * The zero surface of a sampled field as a closed 2-manifold: surface nets with one vertex per sheet of a cell.
 *
 * A cell is the cube between eight samples. Where its sign pattern lets several sheets pass, each gets its own vertex,
 * at the mean of its crossings (dual marching cubes, Nielson 2004). On a face with a checkerboard of signs the matter is
 * joined and the air parted. Two sheets that meet over such a face at the same two vertices would share one edge four
 * times; there each gets an extra vertex on the face, so that every edge belongs to exactly two triangles.
 *
 * field [n, n, n], last axis fastest, > 0 is matter; its outermost layer must be ≤ 0. Positions are in samples: the
 * sample (i, j, k) lies at (i, j, k). Triangles are counter-clockwise from the air.
 */
export function surfaceNets(field: Float32Array, n: number): { positions: Float32Array; indices: Uint32Array } {
  const stride = [n * n, n, 1];
  const positions: number[] = [];
  const indices: number[] = [];
  // cell → first vertex; its sheets follow in order
  const firstVertex = new Int32Array(n ** 3).fill(-1);
  const pattern = new Uint8Array(n ** 3);

  for (let x = 0; x < n; x++)
    for (let y = 0; y < n; y++)
      for (let z = 0; z < n; z++) {
        const i = (x * n + y) * n + z;
        const isBorder = x === 0 || y === 0 || z === 0 || x === n - 1 || y === n - 1 || z === n - 1;
        if (isBorder && field[i] > 0) {
          throw new Error(
            `surfaceNets: the sample (${x}, ${y}, ${z}) on the border of the grid is matter (${field[i]}), expected ` +
              'air (≤ 0) all around. Pad the field by one layer of negative values.',
          );
        }
        if (x === n - 1 || y === n - 1 || z === n - 1) continue;
        let signs = 0;
        for (let c = 0; c < 8; c++) if (field[i + cornerOffset(c, stride)] > 0) signs |= 1 << c;
        if (signs === 0 || signs === 255) continue;
        pattern[i] = signs;
        firstVertex[i] = positions.length / 3;
        const sheets = SHEETS[signs];
        for (let sheet = 0; sheet < sheets.count; sheet++) {
          const sum = [0, 0, 0];
          let crossings = 0;
          for (let e = 0; e < 12; e++) {
            if (sheets.ofEdge[e] !== sheet) continue;
            const { axis, corner } = EDGES[e];
            const from = i + cornerOffset(corner, stride);
            const t = crossing(field[from], field[from + stride[axis]]);
            for (let a = 0; a < 3; a++) sum[a] += ((corner >> a) & 1) + (a === axis ? t : 0);
            crossings++;
          }
          positions.push(x + sum[0] / crossings, y + sum[1] / crossings, z + sum[2] / crossings);
        }
      }

  /** Extra vertices: air corner of a checkerboard face, and the axis the face is across. */
  const faceVertices = new Map<number, number>();

  const loop: number[] = [];
  for (let i = 0; i < field.length; i++) {
    for (let axis = 0; axis < 3; axis++) {
      if (Math.floor(i / stride[axis]) % n === n - 1) continue;
      const isMatter = field[i] > 0;
      if (isMatter === field[i + stride[axis]] > 0) continue;
      const u = (axis + 1) % 3;
      const v = (axis + 2) % 3;
      // around the grid edge, counter-clockwise seen against `axis`: by its corner in the cell, as bits of u and v
      loop.length = 0;
      let extraAt = -1;
      for (let q = 0; q < 4; q++) {
        const corner = AROUND[q];
        const cell = i - (corner & 1 ? stride[u] : 0) - (corner & 2 ? stride[v] : 0);
        loop.push(firstVertex[cell] + SHEETS[pattern[cell]].ofEdge[edgeId(axis, corner, u, v)]);
        // the face shared with the next cell around: it holds this edge, and is across `normal`
        const nextCorner = AROUND[(q + 1) % 4];
        const normal = corner & 1 ? (nextCorner & 1 ? v : u) : nextCorner & 1 ? u : v;
        const nextCell = i - (nextCorner & 1 ? stride[u] : 0) - (nextCorner & 2 ? stride[v] : 0);
        const extra = extraVertex(cell, nextCell, normal, isMatter ? i + stride[axis] : i);
        if (extra >= 0) {
          extraAt = loop.length;
          loop.push(extra);
        }
      }
      if (!isMatter) {
        loop.reverse();
        if (extraAt >= 0) extraAt = loop.length - 1 - extraAt;
      }
      let start = extraAt;
      if (start < 0) start = squaredDistance(loop[0], loop[2]) <= squaredDistance(loop[1], loop[3]) ? 0 : 1;
      for (let k = 1; k < loop.length - 1; k++) {
        indices.push(loop[start], loop[(start + k) % loop.length], loop[(start + k + 1) % loop.length]);
      }
    }
  }
  return { positions: Float32Array.from(positions), indices: Uint32Array.from(indices) };

  function squaredDistance(a: number, b: number): number {
    let sum = 0;
    for (let k = 0; k < 3; k++) sum += (positions[a * 3 + k] - positions[b * 3 + k]) ** 2;
    return sum;
  }

  /**
   * The extra vertex between two cells for the sheet around the air sample `air` of their common face; −1 where the
   * two vertices alone already tell the face's sheets apart.
   */
  function extraVertex(cellA: number, cellB: number, normal: number, air: number): number {
    const upper = Math.max(cellA, cellB); // the face is its lower side across `normal`
    const lower = Math.min(cellA, cellB);
    const u = (normal + 1) % 3;
    const v = (normal + 2) % 3;
    const s = [0, stride[u], stride[u] + stride[v], stride[v]].map((o) => field[upper + o] > 0);
    if (s[0] !== s[2] || s[1] !== s[3] || s[0] === s[1]) return -1;
    for (const [cell, side] of [
      [lower, 1],
      [upper, 0],
    ] as const) {
      const { ofEdge } = SHEETS[pattern[cell]];
      // two opposite edges of the face belong to its two sheets
      const atNormal = side << normal;
      const one = ofEdge[EDGE_AT[u][atNormal]];
      const other = ofEdge[EDGE_AT[u][atNormal | (1 << v)]];
      if (one !== other) return -1;
    }
    const key = air * 3 * 4 + normal * 4 + faceQuadrant(air, upper, u, v);
    let vertex = faceVertices.get(key);
    if (vertex === undefined) {
      vertex = positions.length / 3;
      faceVertices.set(key, vertex);
      const point = [Math.floor(air / stride[0]), Math.floor(air / n) % n, air % n];
      for (const a of [u, v]) {
        const isUpper = point[a] > Math.floor(upper / stride[a]) % n;
        const neighbor = air + (isUpper ? -stride[a] : stride[a]);
        // half way between the two crossings next to the air corner
        point[a] += ((isUpper ? -1 : 1) * (1 - crossing(field[neighbor], field[air]))) / 2;
      }
      positions.push(...point);
    }
    return vertex;
  }

  function faceQuadrant(air: number, upper: number, u: number, v: number): number {
    const coordinate = (i: number, a: number) => Math.floor(i / stride[a]) % n;
    return (coordinate(air, u) - coordinate(upper, u)) | ((coordinate(air, v) - coordinate(upper, v)) << 1);
  }
}

/** Where a segment between two samples of opposite sign crosses zero, in (0, 1); kept off the samples themselves. */
function crossing(from: number, to: number): number {
  return Math.min(0.99, Math.max(0.01, from / (from - to)));
}

// Corners of a cell are numbered by bits: bit a is set on the upper side of axis a.
function cornerOffset(corner: number, stride: number[]): number {
  return (corner & 1 ? stride[0] : 0) + (corner & 2 ? stride[1] : 0) + (corner & 4 ? stride[2] : 0);
}

/** The cells around a grid edge in turn: bit 0 set where the edge is on the cell's upper side of u, bit 1 of v. */
const AROUND = [3, 2, 0, 1];

const EDGES: { axis: number; corner: number }[] = []; // corner: the lower end
const EDGE_AT: number[][] = [[], [], []]; // axis, lower corner → edge
for (let axis = 0; axis < 3; axis++) {
  for (let corner = 0; corner < 8; corner++) {
    if (corner & (1 << axis)) continue;
    EDGE_AT[axis][corner] = EDGES.length;
    EDGES.push({ axis, corner });
  }
}

function edgeId(axis: number, around: number, u: number, v: number): number {
  return EDGE_AT[axis][(around & 1 ? 1 << u : 0) | (around & 2 ? 1 << v : 0)];
}

/** Sign pattern of the eight corners → the sheet (0, 1, …) each of the twelve edges belongs to, −1 if not crossed. */
const SHEETS = Array.from({ length: 256 }, (_, signs) => sheetsOf(signs));

function sheetsOf(signs: number): { count: number; ofEdge: number[] } {
  const isMatter = (corner: number) => ((signs >> corner) & 1) === 1;
  const isCrossed = EDGES.map(({ axis, corner }) => isMatter(corner) !== isMatter(corner | (1 << axis)));
  const label = EDGES.map((_, e) => e);
  const join = (a: number, b: number) => {
    const [from, to] = [label[a], label[b]];
    for (let e = 0; e < 12; e++) if (label[e] === from) label[e] = to;
  };
  for (let normal = 0; normal < 3; normal++) {
    const u = (normal + 1) % 3;
    const v = (normal + 2) % 3;
    for (const base of [0, 1 << normal]) {
      const crossed = [EDGE_AT[u][base], EDGE_AT[v][base | (1 << u)], EDGE_AT[u][base | (1 << v)], EDGE_AT[v][base]];
      const open = crossed.filter((e) => isCrossed[e]);
      if (open.length === 2) join(open[0], open[1]);
      if (open.length === 4) {
        // checkerboard: join the two edges around each air corner; crossed[k] and crossed[k − 1] meet at corner k
        const first = isMatter(base) ? 1 : 0;
        join(crossed[first], crossed[(first + 3) % 4]);
        join(crossed[first + 2], crossed[first + 1]);
      }
    }
  }
  const names = [...new Set(label.filter((_, e) => isCrossed[e]))];
  return { count: names.length, ofEdge: label.map((name, e) => (isCrossed[e] ? names.indexOf(name) : -1)) };
}
