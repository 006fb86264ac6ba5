/** A face of any number of corners → triangles of the same winding. */
import earcut from 'earcut';

/** Faces with more corners are not read: cutting one takes a time that may grow with the square of this. */
export const MAX_CORNERS = 4096;

/**
 * Convex or concave, planar or nearly so. A square is split along the diagonal that lies inside; larger faces are cut by
 * ear clipping in the plane of their mean normal (Newell's method).
 * @param corners    rows of `positions`, in order
 * @param positions  [V, 3]
 * @param emit       receives three places in `corners` for each triangle
 */
export function triangulatePolygon(
  corners: ArrayLike<number>,
  positions: ArrayLike<number>,
  emit: (a: number, b: number, c: number) => void,
): void {
  const n = corners.length;
  if (n < 3) return;
  if (n === 3) {
    emit(0, 1, 2);
    return;
  }
  if (n === 4) {
    const first = sameSide(positions, corners, 0, 1, 2, 3);
    if (first || !sameSide(positions, corners, 1, 2, 3, 0)) {
      emit(0, 1, 2);
      emit(0, 2, 3);
    } else {
      emit(0, 1, 3);
      emit(1, 2, 3);
    }
    return;
  }
  const [u, v] = planeAxes(corners, positions);
  const flat = new Float64Array(n * 2);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < 3; c++) {
      const value = positions[corners[i] * 3 + c] - positions[corners[0] * 3 + c];
      flat[2 * i] += value * u[c];
      flat[2 * i + 1] += value * v[c];
    }
  }
  if (!flat.every(Number.isFinite)) {
    for (let i = 2; i < n; i++) emit(0, i - 1, i); // whoever checks the triangles leaves out and counts the broken ones
    return;
  }
  const cut = earcut(Array.from(flat));
  for (let i = 0; i < cut.length; i += 3) {
    const [a, b, c] = [cut[i], cut[i + 1], cut[i + 2]];
    // the ears' own winding is not promised; in the plane of (u, v) the face turns counter-clockwise
    const turn =
      (flat[2 * b] - flat[2 * a]) * (flat[2 * c + 1] - flat[2 * a + 1]) -
      (flat[2 * b + 1] - flat[2 * a + 1]) * (flat[2 * c] - flat[2 * a]);
    if (turn < 0) emit(a, c, b);
    else emit(a, b, c);
  }
}

/** Do the triangles (a, b, c) and (a, c, d) of a four-sided face look the same way? */
function sameSide(
  p: ArrayLike<number>,
  corners: ArrayLike<number>,
  a: number,
  b: number,
  c: number,
  d: number,
): boolean {
  const [m, n] = [cross(p, corners[a], corners[b], corners[c]), cross(p, corners[a], corners[c], corners[d])];
  return m[0] * n[0] + m[1] * n[1] + m[2] * n[2] >= 0;
}

function cross(p: ArrayLike<number>, a: number, b: number, c: number): [number, number, number] {
  const [ux, uy, uz] = [p[3 * b] - p[3 * a], p[3 * b + 1] - p[3 * a + 1], p[3 * b + 2] - p[3 * a + 2]];
  const [vx, vy, vz] = [p[3 * c] - p[3 * a], p[3 * c + 1] - p[3 * a + 1], p[3 * c + 2] - p[3 * a + 2]];
  return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
}

/** Two directions that span the plane of the face, such that the face turns counter-clockwise from u to v. */
function planeAxes(corners: ArrayLike<number>, p: ArrayLike<number>): [number[], number[]] {
  const normal = [0, 0, 0];
  for (let i = 0; i < corners.length; i++) {
    const a = corners[i] * 3;
    const b = corners[(i + 1) % corners.length] * 3;
    for (let c = 0; c < 3; c++) {
      const [j, k] = [(c + 1) % 3, (c + 2) % 3];
      normal[c] += (p[a + j] - p[b + j]) * (p[a + k] + p[b + k]);
    }
  }
  // drop the axis that the normal follows most: no square root, and exact for faces that lie in a plane of the axes
  const size = normal.map(Math.abs);
  const axis = size.indexOf(Math.max(...size));
  const u = [0, 0, 0];
  const v = [0, 0, 0];
  const isTurned = normal[axis] < 0;
  u[(axis + (isTurned ? 2 : 1)) % 3] = 1;
  v[(axis + (isTurned ? 1 : 2)) % 3] = 1;
  return [u, v];
}
