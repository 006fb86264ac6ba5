/**
 * Surface voxels: the cells of a grid over [−0.5, 0.5]³ that at least one triangle touches, inside left empty.
 * Source: microsoft/TRELLIS, `dataset_toolkits/voxelize.py`; the test: Akenine-Möller 2001, "Fast 3D Triangle-Box
 * Overlap Testing". Touching counts as overlap.
 */

/** Triangles: positions [V, 3] in [−0.5, 0.5]³ and indices [F, 3] of each part. A `TriangleScene` is one. */
export interface Triangles {
  readonly primitives: readonly { readonly positions: Float32Array; readonly indices: Uint32Array }[];
}

const LIMIT = 0.5 - 1e-6; // vertices are clamped to ±LIMIT, as the toolkit does

/** Active cells in order of x, then y, then z: coords [N, 3]. */
export function voxelize(scene: Triangles, resolution = 64): Int32Array {
  const R = resolution;
  const grid = new Uint8Array(R * R * R);
  for (const { positions, indices } of scene.primitives) {
    const cells = toCells(positions, R);
    for (let i = 0; i < indices.length; i += 3)
      markTriangle(grid, R, cells, indices[i], indices[i + 1], indices[i + 2]);
  }
  let count = 0;
  for (const cell of grid) count += cell;
  const coords = new Int32Array(count * 3);
  for (let i = 0, n = 0; i < grid.length; i++) {
    if (grid[i] === 0) continue;
    coords[n++] = Math.floor(i / (R * R));
    coords[n++] = Math.floor(i / R) % R;
    coords[n++] = i % R;
  }
  return coords;
}

/** coords [N, 3] → centres [N, 3] in [−0.5, 0.5]³, exact in float32 for R a power of two. */
export function voxelCenters(coords: Int32Array, resolution = 64): Float32Array {
  return Float32Array.from(coords, (index) => (index + 0.5) / resolution - 0.5);
}

/** Inverse of `voxelCenters`. @throws RangeError for a point outside the cube */
export function coordsFromCenters(points: Float32Array, resolution = 64): Int32Array {
  return Int32Array.from(points, (p, i) => {
    const index = Math.trunc((p + 0.5) * resolution);
    if (!(p >= -0.5 && index < resolution)) {
      throw new RangeError(
        `coordsFromCenters: point ${Math.floor(i / 3)} must lie in [−0.5, 0.5)³, got ${p}. Normalise it.`,
      );
    }
    return index;
  });
}

/** Positions in units of cells, 0 … R. */
function toCells(positions: Float32Array, R: number): Float64Array {
  return Float64Array.from(positions, (p) => (Math.min(LIMIT, Math.max(-LIMIT, p)) + 0.5) * R);
}

function markTriangle(grid: Uint8Array, R: number, p: Float64Array, a: number, b: number, c: number): void {
  const low = [0, 0, 0];
  const high = [0, 0, 0];
  for (let k = 0; k < 3; k++) {
    const x = p[3 * a + k];
    const y = p[3 * b + k];
    const z = p[3 * c + k];
    low[k] = Math.max(0, Math.ceil(Math.min(x, y, z)) - 1); // a vertex on a wall touches both cells
    high[k] = Math.min(R - 1, Math.floor(Math.max(x, y, z)));
  }
  for (let i = low[0]; i <= high[0]; i++) {
    for (let j = low[1]; j <= high[1]; j++) {
      for (let k = low[2]; k <= high[2]; k++) {
        const at = (i * R + j) * R + k;
        if (grid[at] === 0 && triangleTouchesCell(p, a, b, c, i, j, k)) grid[at] = 1;
      }
    }
  }
}

/**
 * Does the triangle a, b, c (vertices of p [V, 3], in cells) touch the closed unit cell (i, j, k)? Separating axes: three
 * walls, the plane of the triangle, nine products of edges and axes.
 */
export function triangleTouchesCell(
  p: Float64Array,
  a: number,
  b: number,
  c: number,
  i: number,
  j: number,
  k: number,
): boolean {
  const ax = p[3 * a] - i - 0.5;
  const ay = p[3 * a + 1] - j - 0.5;
  const az = p[3 * a + 2] - k - 0.5;
  const bx = p[3 * b] - i - 0.5;
  const by = p[3 * b + 1] - j - 0.5;
  const bz = p[3 * b + 2] - k - 0.5;
  const cx = p[3 * c] - i - 0.5;
  const cy = p[3 * c + 1] - j - 0.5;
  const cz = p[3 * c + 2] - k - 0.5;
  if (apart(ax, bx, cx, 0.5) || apart(ay, by, cy, 0.5) || apart(az, bz, cz, 0.5)) return false;
  const ux = bx - ax;
  const uy = by - ay;
  const uz = bz - az;
  const vx = cx - bx;
  const vy = cy - by;
  const vz = cz - bz;
  const nx = uy * vz - uz * vy;
  const ny = uz * vx - ux * vz;
  const nz = ux * vy - uy * vx;
  const reach = 0.5 * (Math.abs(nx) + Math.abs(ny) + Math.abs(nz));
  if (Math.abs(nx * ax + ny * ay + nz * az) > reach) return false;
  const wx = ax - cx;
  const wy = ay - cy;
  const wz = az - cz;
  return !(
    edgeSeparates(ux, uy, uz, ax, ay, az, bx, by, bz, cx, cy, cz) ||
    edgeSeparates(vx, vy, vz, ax, ay, az, bx, by, bz, cx, cy, cz) ||
    edgeSeparates(wx, wy, wz, ax, ay, az, bx, by, bz, cx, cy, cz)
  );
}

/** The three axes edge × x, edge × y, edge × z. */
function edgeSeparates(
  ex: number,
  ey: number,
  ez: number,
  ax: number,
  ay: number,
  az: number,
  bx: number,
  by: number,
  bz: number,
  cx: number,
  cy: number,
  cz: number,
): boolean {
  const rx = 0.5 * Math.abs(ex);
  const ry = 0.5 * Math.abs(ey);
  const rz = 0.5 * Math.abs(ez);
  return (
    apart(ez * ay - ey * az, ez * by - ey * bz, ez * cy - ey * cz, ry + rz) ||
    apart(ex * az - ez * ax, ex * bz - ez * bx, ex * cz - ez * cx, rx + rz) ||
    apart(ey * ax - ex * ay, ey * bx - ex * by, ey * cx - ex * cy, rx + ry)
  );
}

const apart = (a: number, b: number, c: number, radius: number): boolean =>
  (a > radius && b > radius && c > radius) || (a < -radius && b < -radius && c < -radius);
