/** The last step of every mesh reader: is there a surface, and is there anything about its box that a user should know? */
import { NoSurfaceError, type ScenePrimitive, type TriangleScene } from './triangle-scene.ts';

const MOST_WARNINGS = 20; // a file can be wrong in a million places; nobody reads more
const BINS = 1000;
const TAIL = 0.005; // share of the area that may lie beyond each end of the main part
const FAR = 20; // the box is this many times as long as the main part: the object is a few voxels wide after scaling

/**
 * @param format  how messages begin, e.g. 'OBJ'
 * @param empty   what the file holds instead of triangles, where that is known
 * @throws NoSurfaceError when no primitive has a triangle
 */
export function checkedScene(
  format: string,
  primitives: readonly ScenePrimitive[],
  warnings: readonly string[],
  empty = 'lines, points and empty scenes have no surface',
): TriangleScene {
  const used = primitives.filter((primitive) => primitive.indices.length > 0).map(withoutBrokenVertices);
  if (used.length === 0) {
    throw new NoSurfaceError(
      `${format}: expected at least one triangle with an area, got none: ${empty}. Export a mesh.`,
    );
  }
  const said = warnings.slice(0, MOST_WARNINGS);
  if (warnings.length > said.length) said.push(`${format}: ${warnings.length - said.length} more warnings like these.`);
  return { primitives: used, warnings: [...said, ...remarks(format, used)] };
}

/** Vertices that are not finite belong to no triangle any more; what is left can be measured and written. */
function withoutBrokenVertices(src: ScenePrimitive): ScenePrimitive {
  const { positions } = src;
  let broken = 0;
  const rowOf = new Uint32Array(positions.length / 3);
  for (let v = 0; v < rowOf.length; v++) {
    rowOf[v] = v - broken;
    if (!Number.isFinite(positions[3 * v] + positions[3 * v + 1] + positions[3 * v + 2])) broken++;
  }
  if (broken === 0) return src;
  const kept = (values: Float32Array | undefined, width: number) =>
    values?.filter((_, i) => {
      const v = Math.floor(i / width);
      return v + 1 < rowOf.length ? rowOf[v + 1] > rowOf[v] : rowOf.length - broken > rowOf[v];
    });
  return {
    ...src,
    positions: kept(positions, 3)!,
    indices: src.indices.map((v) => rowOf[v]),
    ...(src.normals && { normals: kept(src.normals, 3) }),
    ...(src.uvs && { uvs: kept(src.uvs, 2) }),
    ...(src.colors && { colors: kept(src.colors, 4) }),
  };
}

function remarks(format: string, primitives: readonly ScenePrimitive[]): string[] {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const { positions, indices } of primitives) {
    for (const vertex of indices) {
      for (let c = 0; c < 3; c++) {
        const value = positions[vertex * 3 + c];
        if (value < low[c]) low[c] = value;
        if (value > high[c]) high[c] = value;
      }
    }
  }
  const sides = low.map((value, c) => high[c] - value);
  const axis = sides.indexOf(Math.max(...sides));
  const found: string[] = [];
  const flat = sides.indexOf(0);
  if (flat >= 0) found.push(`${format}: the shape has no thickness along ${'xyz'[flat]} (z is up).`);
  const main = mainLength(primitives, axis, low[axis], sides[axis]);
  if (main * FAR < sides[axis]) {
    found.push(
      `${format}: nearly all of the surface lies within ${main.toPrecision(2)} units, the box is ${sides[axis].toPrecision(3)} units long. ` +
        'Small parts far away make the object tiny after scaling; remove them.',
    );
  }
  return found;
}

/** Length along `axis` that holds the surface but for a small tail at each end. */
function mainLength(primitives: readonly ScenePrimitive[], axis: number, low: number, side: number): number {
  const begins = new Float64Array(BINS); // area by where its triangle begins along the axis, and by where it ends
  const ends = new Float64Array(BINS);
  const bin = (value: number) => Math.min(BINS - 1, Math.max(0, Math.floor(((value - low) / side) * BINS)));
  let total = 0;
  for (const { positions: p, indices } of primitives) {
    for (let i = 0; i < indices.length; i += 3) {
      const a = indices[i] * 3;
      const b = indices[i + 1] * 3;
      const c = indices[i + 2] * 3;
      const ux = p[b] - p[a];
      const uy = p[b + 1] - p[a + 1];
      const uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a];
      const vy = p[c + 1] - p[a + 1];
      const vz = p[c + 2] - p[a + 2];
      const area = Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx);
      begins[bin(Math.min(p[a + axis], p[b + axis], p[c + axis]))] += area;
      ends[bin(Math.max(p[a + axis], p[b + axis], p[c + axis]))] += area;
      total += area;
    }
  }
  let first = 0;
  for (let sum = begins[0]; sum < TAIL * total && first < BINS - 1; sum += begins[++first]);
  let last = BINS - 1;
  for (let sum = ends[last]; sum < TAIL * total && last > first; sum += ends[--last]);
  return ((last - first + 1) / BINS) * side;
}
