import type { RankedSet } from './ranked-set.ts';

/**
 * What FlexiCubes extracts a surface from: values at some vertices of an R³ grid of cubes, and weights of some cubes. Memory
 * follows the vertices that have values, not the grid.
 * Source: Shen et al. 2023, "Flexible Isosurface Extraction for Gradient-Based Mesh Optimization"; reference/pipelines.md §12.
 */
export interface CubeField {
  /** R, cubes per side */
  readonly resolution: number;
  /** vertices with values, numbered (x·(R+1) + y)·(R+1) + z; all others are outside, undeformed, with attributes ½ */
  readonly vertices: RankedSet;
  /** [V] below 0 inside */
  readonly sdf: Float32Array;
  /** [V, 3] in the object frame */
  readonly positions: Float32Array;
  /** [V, A] */
  readonly attributes: Float32Array;
  /** A */
  readonly attributeWidth: number;
  /** cubes with weights, numbered (x·R + y)·R + z; all others have β = α = 1, γ = ½ */
  readonly cubes: RankedSet;
  /** [Q, 12] weights of the edges' crossings in a vertex */
  readonly beta: Float32Array;
  /** [Q, 8] weights of the corners' distances */
  readonly alpha: Float32Array;
  /** [Q] weights that choose a quad's diagonal */
  readonly gamma: Float32Array;
}

/** The distance at vertices without values. */
export const OUTSIDE = 1;
/** Each attribute at vertices without values. */
export const NO_ATTRIBUTE = 0.5;
/** γ of cubes without weights. */
export const NO_GAMMA = 0.5;
