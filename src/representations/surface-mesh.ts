/**
 * A triangle mesh as plain arrays, in the object frame (z up, cube [-0.5, 0.5]³), triangles counter-clockwise from
 * outside.
 */
export interface SurfaceMesh {
  /** [V, 3] */
  positions: Float32Array;
  /** [F, 3], row numbers of `positions` */
  indices: Uint32Array;
  /** [V, 3], unit length, pointing out of the matter */
  normals: Float32Array;
  /** [V, 3], linear RGB in [0, 1] */
  colors?: Float32Array;
}
