import { EDGE_FIRST, EDGE_SECOND } from './cube.ts';
import { type CubeField, NO_GAMMA } from './cube-field.ts';
import { EDGES, START } from './dual-marching-cubes.ts';
import { type CubeValues, cubeValues, type ExtractedSurface, readCube } from './flexicubes.ts';
import { membersOf } from './ranked-set.ts';

/** Gradients of a scalar in what a surface consists of. Vertices come first, then the centers of its quads, if it has any. */
export interface SurfaceGradient {
  /** [V, 3] */
  readonly positions: Float32Array;
  /** [V, A] */
  readonly attributes: Float32Array;
  /** one for each edge of each vertex */
  readonly deviations: Float32Array;
}

/** Gradients in what the surface was extracted from, in the shapes of `CubeField`. */
export interface FieldGradient {
  readonly sdf: Float32Array;
  readonly positions: Float32Array;
  readonly attributes: Float32Array;
  readonly beta: Float32Array;
  readonly alpha: Float32Array;
  readonly gamma: Float32Array;
}

/**
 * Adjoint of `flexicubes` at `surface`, with its topology held fixed. A surface split along diagonals has no gradient in γ.
 * Derivation: reference/training.md §18.
 */
export function flexicubesGradient(field: CubeField, surface: ExtractedSurface, g: SurfaceGradient): FieldGradient {
  const { attributeWidth: A } = field;
  const { topology } = surface;
  const count = topology.vertexCube.length;
  const out: FieldGradient = {
    sdf: new Float32Array(field.sdf.length),
    positions: new Float32Array(field.positions.length),
    attributes: new Float32Array(field.attributes.length),
    beta: new Float32Array(field.beta.length),
    alpha: new Float32Array(field.alpha.length),
    gamma: new Float32Array(field.gamma.length),
  };
  // Of the vertices alone, what comes through the centers included.
  const positions = Float64Array.from(g.positions.subarray(0, 3 * count));
  const attributes = Float64Array.from(g.attributes.subarray(0, A * count));
  if (surface.positions.length > 3 * count) {
    throughCenters(field, surface, g.positions, surface.positions, 3, positions, out.gamma);
    throughCenters(field, surface, g.attributes, surface.attributes, A, attributes, out.gamma);
  }
  const ids = membersOf(topology.cubes);
  const values = cubeValues(A);
  const slopes = cubeValues(A);
  let entry = 0;
  for (let d = 0; d < count; d++) {
    const row = topology.vertexCube[d];
    readCube(field, topology, row, ids[row], values);
    for (const slope of [slopes.sdf, slopes.weighted, slopes.positions, slopes.attributes]) slope.fill(0);
    const group = 4 * topology.codes[row] + topology.vertexGroup[d];
    const edges = EDGES.subarray(START[group], START[group + 1]);
    const vertex = surface.positions.subarray(3 * d, 3 * d + 3);
    const gVertex = positions.subarray(3 * d, 3 * d + 3);
    throughDeviations(edges, g.deviations.subarray(entry, entry + edges.length), values, vertex, slopes, gVertex);
    entry += edges.length;
    const w = topology.weights[row];
    const beta = w < 0 ? undefined : field.beta.subarray(12 * w, 12 * w + 12);
    const gBeta = w < 0 ? undefined : out.beta.subarray(12 * w, 12 * w + 12);
    const point = { position: vertex, attributes: surface.attributes.subarray(A * d, A * d + A) };
    const gPoint = { position: gVertex, attributes: attributes.subarray(A * d, A * d + A) };
    throughCrossings(edges, beta, values, point, gPoint, slopes, gBeta);
    addCorners(field, topology.corners.subarray(8 * row, 8 * row + 8), w, values, slopes, out);
  }
  return out;
}

/** c = (γ₀γ₂·(v₀ + v₂)/2 + γ₁γ₃·(v₁ + v₃)/2)/(γ₀γ₂ + γ₁γ₃ + ε), for positions or attributes of `width`. */
function throughCenters(
  field: CubeField,
  { topology }: ExtractedSurface,
  g: Float32Array,
  values: Float32Array,
  width: number,
  gVertices: Float64Array,
  gGamma: Float32Array,
): void {
  const { quads, vertexCube, weights } = topology;
  const gamma = [0, 0, 0, 0];
  const rows = [0, 0, 0, 0];
  for (let q = 0; q < quads.length / 4; q++) {
    for (let c = 0; c < 4; c++) {
      rows[c] = weights[vertexCube[quads[4 * q + c]]];
      gamma[c] = rows[c] < 0 ? NO_GAMMA : field.gamma[rows[c]];
    }
    const even = gamma[0] * gamma[2];
    const odd = gamma[1] * gamma[3];
    const sum = even + odd + 1e-8;
    let [gEven, gOdd] = [0, 0];
    for (let i = 0; i < width; i++) {
      const center = (vertexCube.length + q) * width + i;
      const at = (c: number) => quads[4 * q + c] * width + i;
      for (let c = 0; c < 4; c++) gVertices[at(c)] += (g[center] * (c % 2 === 0 ? even : odd)) / (2 * sum);
      gEven += (g[center] * ((values[at(0)] + values[at(2)]) / 2 - values[center])) / sum;
      gOdd += (g[center] * ((values[at(1)] + values[at(3)]) / 2 - values[center])) / sum;
    }
    for (let c = 0; c < 4; c++) if (rows[c] >= 0) gGamma[rows[c]] += (c % 2 === 0 ? gEven : gOdd) * gamma[(c + 2) % 4];
  }
}

// room for the seven edges that a vertex has at most: u_e − v, and its length
const away = new Float64Array(21);
const lengths = new Float64Array(7);

/** |ℓ_e − mean ℓ| with ℓ_e = ‖u_e − v‖, u_e the crossing of unweighted distances. */
function throughDeviations(
  edges: Uint8Array,
  g: Float32Array,
  { sdf, positions: x }: CubeValues,
  vertex: Float32Array,
  slopes: CubeValues,
  gVertex: Float64Array,
): void {
  const n = edges.length;
  let [mean, shared] = [0, 0];
  for (let e = 0; e < n; e++) {
    const a = EDGE_FIRST[edges[e]];
    const b = EDGE_SECOND[edges[e]];
    let square = 0;
    for (let axis = 0; axis < 3; axis++) {
      const d = (sdf[b] * x[3 * a + axis] - sdf[a] * x[3 * b + axis]) / (sdf[b] - sdf[a]) - vertex[axis];
      away[3 * e + axis] = d;
      square += d * d;
    }
    lengths[e] = Math.sqrt(square);
    mean += lengths[e] / n;
  }
  for (let e = 0; e < n; e++) shared += (g[e] * Math.sign(lengths[e] - mean)) / n;
  for (let e = 0; e < n; e++) {
    const gLength = g[e] * Math.sign(lengths[e] - mean) - shared;
    if (gLength === 0 || lengths[e] === 0) continue;
    const a = EDGE_FIRST[edges[e]];
    const b = EDGE_SECOND[edges[e]];
    const span = sdf[b] - sdf[a];
    for (let axis = 0; axis < 3; axis++) {
      const gu = (gLength * away[3 * e + axis]) / lengths[e];
      const u = away[3 * e + axis] + vertex[axis];
      gVertex[axis] -= gu;
      slopes.positions[3 * a + axis] += (gu * sdf[b]) / span;
      slopes.positions[3 * b + axis] -= (gu * sdf[a]) / span;
      slopes.sdf[a] += (gu * (u - x[3 * b + axis])) / span;
      slopes.sdf[b] += (gu * (x[3 * a + axis] - u)) / span;
    }
  }
}

interface SurfacePoint<Numbers> {
  readonly position: Numbers;
  readonly attributes: Numbers;
}

/** v = Σ β_e·û_e / Σ β_e, û_e the crossing of distances weighted by α; attributes alike. */
function throughCrossings(
  edges: Uint8Array,
  beta: Float32Array | undefined,
  values: CubeValues,
  point: SurfacePoint<Float32Array>,
  g: SurfacePoint<Float64Array>,
  slopes: CubeValues,
  gBeta: Float32Array | undefined,
): void {
  const { weighted } = values;
  let sum = 0;
  for (const edge of edges) sum += beta ? beta[edge] : 1;
  const parts = [
    { own: values.positions, center: point.position, gCenter: g.position, slope: slopes.positions },
    { own: values.attributes, center: point.attributes, gCenter: g.attributes, slope: slopes.attributes },
  ];
  for (const edge of edges) {
    const a = EDGE_FIRST[edge];
    const b = EDGE_SECOND[edge];
    const share = (beta ? beta[edge] : 1) / sum;
    const span = weighted[b] - weighted[a];
    for (const { own, center, gCenter, slope } of parts) {
      const width = gCenter.length;
      for (let i = 0; i < width; i++) {
        const atA = own[width * a + i];
        const atB = own[width * b + i];
        const crossing = (weighted[b] * atA - weighted[a] * atB) / span;
        const gCrossing = gCenter[i] * share;
        slope[width * a + i] += (gCrossing * weighted[b]) / span;
        slope[width * b + i] -= (gCrossing * weighted[a]) / span;
        slopes.weighted[a] += (gCrossing * (crossing - atB)) / span;
        slopes.weighted[b] += (gCrossing * (atA - crossing)) / span;
        if (gBeta) gBeta[edge] += (gCenter[i] * (crossing - center[i])) / sum;
      }
    }
  }
}

/** A cube's slopes handed on to the field; corners without values of their own take none. */
function addCorners(
  field: CubeField,
  corners: Int32Array,
  w: number,
  values: CubeValues,
  slopes: CubeValues,
  out: FieldGradient,
): void {
  const A = field.attributeWidth;
  for (let k = 0; k < 8; k++) {
    if (w >= 0) out.alpha[8 * w + k] += slopes.weighted[k] * values.sdf[k];
    const v = corners[k];
    if (v < 0) continue;
    out.sdf[v] += slopes.sdf[k] + slopes.weighted[k] * (w < 0 ? 1 : field.alpha[8 * w + k]);
    for (let axis = 0; axis < 3; axis++) out.positions[3 * v + axis] += slopes.positions[3 * k + axis];
    for (let a = 0; a < A; a++) out.attributes[A * v + a] += slopes.attributes[A * k + a];
  }
}
