import { EDGE_FIRST, EDGE_SECOND } from './cube.ts';
import { type CubeField, NO_ATTRIBUTE, NO_GAMMA, OUTSIDE } from './cube-field.ts';
import { EDGES, START } from './dual-marching-cubes.ts';
import { membersOf } from './ranked-set.ts';
import { type SurfaceTopology, surfaceTopology } from './surface-topology.ts';

/** A surface as extracted: triangles counter-clockwise from outside, in the object frame. */
export interface ExtractedSurface {
  /** [V, 3] */
  readonly positions: Float32Array;
  /** [V, A] */
  readonly attributes: Float32Array;
  /** [F, 3] */
  readonly indices: Uint32Array;
  /** one for each edge of each vertex: how far its crossing is from lying as far from the vertex as the others do */
  readonly deviations: Float32Array;
  readonly topology: SurfaceTopology;
}

/**
 * The surface of a field by dual marching cubes with learned weights.
 * @param split  quads become two triangles along the diagonal that γ prefers, or, for training, four around a center that
 *   depends smoothly on γ
 * Source: Shen et al. 2023, §4; reference/pipelines.md §12.5, §12.6, training.md §18.
 */
export function flexicubes(field: CubeField, split: 'diagonal' | 'center' = 'diagonal'): ExtractedSurface {
  const topology = surfaceTopology(field);
  const { positions, attributes, deviations } = dualVertices(field, topology);
  if (split === 'diagonal')
    return { positions, attributes, indices: splitAlongDiagonals(field, topology), deviations, topology };
  const A = field.attributeWidth;
  return {
    positions: withCenters(field, topology, positions, 3),
    attributes: withCenters(field, topology, attributes, A),
    indices: splitAroundCenters(topology),
    deviations,
    topology,
  };
}

/** The values of a surface cube, read together: corners with or without values of their own. */
export interface CubeValues {
  /** [8] */
  readonly sdf: Float64Array;
  /** [8] sdf·α */
  readonly weighted: Float64Array;
  /** [8, 3] */
  readonly positions: Float64Array;
  /** [8, A] */
  readonly attributes: Float64Array;
}

export const cubeValues = (attributeWidth: number): CubeValues => ({
  sdf: new Float64Array(8),
  weighted: new Float64Array(8),
  positions: new Float64Array(24),
  attributes: new Float64Array(8 * attributeWidth),
});

/** Fills `values` with those of surface cube `row`, whose number in the grid is `id`. */
export function readCube(
  field: CubeField,
  topology: SurfaceTopology,
  row: number,
  id: number,
  values: CubeValues,
): void {
  const { resolution: R, attributeWidth: A } = field;
  const w = topology.weights[row];
  for (let k = 0; k < 8; k++) {
    const v = topology.corners[8 * row + k];
    values.sdf[k] = v < 0 ? OUTSIDE : field.sdf[v];
    values.weighted[k] = values.sdf[k] * (w < 0 ? 1 : field.alpha[8 * w + k]);
    if (v < 0) {
      values.positions[3 * k] = (Math.floor(id / (R * R)) + (k & 1)) / R - 0.5;
      values.positions[3 * k + 1] = ((Math.floor(id / R) % R) + ((k >> 1) & 1)) / R - 0.5;
      values.positions[3 * k + 2] = ((id % R) + (k >> 2)) / R - 0.5;
      for (let a = 0; a < A; a++) values.attributes[A * k + a] = NO_ATTRIBUTE;
    } else {
      for (let axis = 0; axis < 3; axis++) values.positions[3 * k + axis] = field.positions[3 * v + axis];
      for (let a = 0; a < A; a++) values.attributes[A * k + a] = field.attributes[A * v + a];
    }
  }
}

/** γ of one vertex times that of another. */
function gammaProduct(field: CubeField, { weights, vertexCube }: SurfaceTopology, one: number, other: number): number {
  const w = weights[vertexCube[one]];
  const u = weights[vertexCube[other]];
  return (w < 0 ? NO_GAMMA : field.gamma[w]) * (u < 0 ? NO_GAMMA : field.gamma[u]);
}

function dualVertices(field: CubeField, topology: SurfaceTopology) {
  const { attributeWidth: A } = field;
  const { codes, vertexCube, vertexGroup, weights } = topology;
  const ids = membersOf(topology.cubes);
  const count = vertexCube.length;
  const positions = new Float32Array(3 * count);
  const attributes = new Float32Array(A * count);
  const values = cubeValues(A);
  const mean = new Float64Array(3 + A);
  const distances = new Float64Array(8);
  let entries = 0;
  for (let d = 0; d < count; d++) {
    const group = 4 * codes[vertexCube[d]] + vertexGroup[d];
    entries += START[group + 1] - START[group];
  }
  const deviations = new Float32Array(entries);
  let entry = 0;
  for (let d = 0; d < count; d++) {
    const row = vertexCube[d];
    readCube(field, topology, row, ids[row], values);
    const { sdf, weighted, positions: x, attributes: c } = values;
    const group = 4 * codes[row] + vertexGroup[d];
    const [from, to] = [START[group], START[group + 1]];
    let sum = 0;
    mean.fill(0);
    for (let e = from; e < to; e++) {
      const a = EDGE_FIRST[EDGES[e]];
      const b = EDGE_SECOND[EDGES[e]];
      const beta = weights[row] < 0 ? 1 : field.beta[12 * weights[row] + EDGES[e]];
      const scale = beta / (weighted[b] - weighted[a]);
      sum += beta;
      for (let axis = 0; axis < 3; axis++)
        mean[axis] += scale * (weighted[b] * x[3 * a + axis] - weighted[a] * x[3 * b + axis]);
      for (let i = 0; i < A; i++) mean[3 + i] += scale * (weighted[b] * c[A * a + i] - weighted[a] * c[A * b + i]);
    }
    for (let axis = 0; axis < 3; axis++) positions[3 * d + axis] = mean[axis] /= sum;
    for (let i = 0; i < A; i++) attributes[A * d + i] = mean[3 + i] / sum;
    let total = 0;
    for (let e = from; e < to; e++) {
      const a = EDGE_FIRST[EDGES[e]];
      const b = EDGE_SECOND[EDGES[e]];
      let square = 0;
      for (let axis = 0; axis < 3; axis++) {
        const crossing = (sdf[b] * x[3 * a + axis] - sdf[a] * x[3 * b + axis]) / (sdf[b] - sdf[a]);
        square += (crossing - mean[axis]) ** 2;
      }
      distances[e - from] = Math.sqrt(square);
      total += distances[e - from];
    }
    for (let e = from; e < to; e++) deviations[entry++] = Math.abs(distances[e - from] - total / (to - from));
  }
  return { positions, attributes, deviations };
}

function splitAlongDiagonals(field: CubeField, topology: SurfaceTopology): Uint32Array {
  const { quads } = topology;
  const indices = new Uint32Array((quads.length / 4) * 6);
  for (let q = 0; q < quads.length / 4; q++) {
    const a = quads[4 * q];
    const b = quads[4 * q + 1];
    const c = quads[4 * q + 2];
    const d = quads[4 * q + 3];
    const even = gammaProduct(field, topology, a, c);
    const odd = gammaProduct(field, topology, b, d);
    // In single precision, as the official code compares: equal there is equal here.
    const along = Math.fround(even) > Math.fround(odd);
    const at = 6 * q;
    indices[at] = a;
    indices[at + 1] = b;
    indices[at + 2] = along ? c : d;
    indices[at + 3] = along ? a : d;
    indices[at + 4] = along ? c : b;
    indices[at + 5] = along ? d : c;
  }
  return indices;
}

function splitAroundCenters({ quads, vertexCube }: SurfaceTopology): Uint32Array {
  const indices = new Uint32Array(quads.length * 3);
  for (let q = 0; q < quads.length / 4; q++) {
    const [a, b, c, d] = quads.subarray(4 * q, 4 * q + 4);
    const center = vertexCube.length + q;
    indices.set([a, b, center, b, c, center, c, d, center, d, a, center], 12 * q);
  }
  return indices;
}

/** Values [D, width] of the vertices, then those of each quad's center: the two diagonals' midpoints, weighted by γ. */
function withCenters(field: CubeField, topology: SurfaceTopology, values: Float32Array, width: number): Float32Array {
  const { quads } = topology;
  const all = new Float32Array(values.length + (quads.length / 4) * width);
  all.set(values);
  for (let q = 0; q < quads.length / 4; q++) {
    const [a, b, c, d] = quads.subarray(4 * q, 4 * q + 4);
    const even = gammaProduct(field, topology, a, c);
    const odd = gammaProduct(field, topology, b, d);
    const scale = 0.5 / (even + odd + 1e-8);
    for (let i = 0; i < width; i++)
      all[values.length + q * width + i] =
        scale *
        (even * (values[a * width + i] + values[c * width + i]) +
          odd * (values[b * width + i] + values[d * width + i]));
  }
  return all;
}
