/**
 * Which triangle each sample of a picture sees. Edges are tested in homogeneous coordinates, so triangles that cross the
 * camera plane need no clipping.
 * Source: Olano & Greer 1997, "Triangle Scan Conversion using 2D Homogeneous Coordinates".
 */
import type { Camera } from './cameras.ts';
import type { MeshMaterial, TexturedMesh } from './textured-mesh.ts';
import { COEFFICIENTS, surfaceColor } from './triangle-surface.ts';

const NEAR = 1e-3; // camera distance below which nothing is drawn

/** [V, 3]: (x·w, y·w, w) with x, y in samples from the top left and w the depth. */
export function projectVertices(mesh: TexturedMesh, camera: Camera, side: number): Float64Array {
  const { extrinsics: e, intrinsics: k } = camera;
  const p = mesh.positions;
  const out = new Float64Array(p.length);
  for (let i = 0; i < p.length; i += 3) {
    const x = p[i];
    const y = p[i + 1];
    const z = p[i + 2];
    const w = e[8] * x + e[9] * y + e[10] * z + e[11];
    out[i] = side * (k[0] * (e[0] * x + e[1] * y + e[2] * z + e[3]) + k[2] * w);
    out[i + 1] = side * (k[4] * (e[4] * x + e[5] * y + e[6] * z + e[7]) + k[5] * w);
    out[i + 2] = w;
  }
  return out;
}

export function drawTriangles(
  mesh: TexturedMesh,
  clip: Float64Array,
  edges: Float64Array,
  nearest: Float32Array,
  seen: Int32Array,
  side: number,
  samples: number,
): void {
  const { triangles, materialOf, materials } = mesh;
  const sieve = materials.map((m) => alphaSieve(mesh, m, samples));
  for (let t = 0; t < materialOf.length; t++) {
    const a = triangles[3 * t] * 3;
    const b = triangles[3 * t + 1] * 3;
    const c = triangles[3 * t + 2] * 3;
    const [ax, ay, aw] = [clip[a], clip[a + 1], clip[a + 2]];
    const [bx, by, bw] = [clip[b], clip[b + 1], clip[b + 2]];
    const [cx, cy, cw] = [clip[c], clip[c + 1], clip[c + 2]];
    if (aw < NEAR && bw < NEAR && cw < NEAR) continue;

    // Edge functions: e_i(x, y) = barycentric weight i divided by w, up to the determinant.
    let e0a = by * cw - bw * cy;
    let e0b = bw * cx - bx * cw;
    let e0c = bx * cy - by * cx;
    const determinant = ax * e0a + ay * e0b + aw * e0c;
    if (determinant === 0 || !Number.isFinite(determinant)) continue;
    const inverse = 1 / determinant;
    e0a *= inverse;
    e0b *= inverse;
    e0c *= inverse;
    const e1a = (cy * aw - cw * ay) * inverse;
    const e1b = (cw * ax - cx * aw) * inverse;
    const e1c = (cx * ay - cy * ax) * inverse;
    const e2a = (ay * bw - aw * by) * inverse;
    const e2b = (aw * bx - ax * bw) * inverse;
    const e2c = (ax * by - ay * bx) * inverse;
    const da = e0a + e1a + e2a;
    const db = e0b + e1b + e2b;
    const dc = e0c + e1c + e2c;

    let minX = 0;
    let minY = 0;
    let maxX = side - 1;
    let maxY = side - 1;
    if (aw >= NEAR && bw >= NEAR && cw >= NEAR) {
      const x0 = ax / aw;
      const x1 = bx / bw;
      const x2 = cx / cw;
      const y0 = ay / aw;
      const y1 = by / bw;
      const y2 = cy / cw;
      minX = Math.max(0, Math.ceil(Math.min(x0, x1, x2) - 0.5));
      maxX = Math.min(side - 1, Math.floor(Math.max(x0, x1, x2) - 0.5));
      minY = Math.max(0, Math.ceil(Math.min(y0, y1, y2) - 0.5));
      maxY = Math.min(side - 1, Math.floor(Math.max(y0, y1, y2) - 0.5));
    }
    if (minX > maxX || minY > maxY) continue;
    const o = t * COEFFICIENTS;
    edges[o] = e0a;
    edges[o + 1] = e0b;
    edges[o + 2] = e0c;
    edges[o + 3] = e1a;
    edges[o + 4] = e1b;
    edges[o + 5] = e1c;
    edges[o + 6] = e2a;
    edges[o + 7] = e2b;
    edges[o + 8] = e2c;
    edges[o + 9] = da;
    edges[o + 10] = db;
    edges[o + 11] = dc;
    const passes = sieve[materialOf[t]];

    for (let y = minY; y <= maxY; y++) {
      const fy = y + 0.5;
      // The samples of this row inside all three half planes, without testing each.
      let from = minX;
      let to = maxX;
      for (let k = 0; k < 3; k++) {
        const slope = edges[o + 3 * k];
        const rest = edges[o + 3 * k + 1] * fy + edges[o + 3 * k + 2];
        if (slope > 0) {
          const x = Math.ceil(-rest / slope - 0.5);
          if (x > from) from = x;
        } else if (slope < 0) {
          const x = Math.floor(-rest / slope - 0.5);
          if (x < to) to = x;
        } else if (rest < 0) to = -1;
      }
      let depth = da * (from + 0.5) + db * fy + dc;
      let at = y * side + from;
      for (let x = from; x <= to; x++, at++, depth += da) {
        if (depth > nearest[at] && depth < 1 / NEAR && (passes === undefined || passes(t, edges, x, y))) {
          nearest[at] = depth;
          seen[at] = t + 1;
        }
      }
    }
  }
}

type Sieve = (triangle: number, edges: Float64Array, x: number, y: number) => boolean;

/**
 * Which samples a cut-out or translucent material keeps. Translucency becomes coverage: sample k of a pixel's S² is kept
 * when alpha exceeds its own threshold, so layers need no sorting.
 */
function alphaSieve(mesh: TexturedMesh, material: MeshMaterial, samples: number): Sieve | undefined {
  if (material.alphaMode === 'opaque') return undefined;
  const texel = new Float64Array(4);
  const thresholds = coverageThresholds(samples);
  return (t, edges, x, y) => {
    surfaceColor(mesh, t, edges, x + 0.5, y + 0.5, samples, texel);
    const threshold =
      material.alphaMode === 'mask' ? material.alphaCutoff : thresholds[(y % samples) * samples + (x % samples)];
    return texel[3] >= threshold;
  };
}

/** S² thresholds (k + ½) / S², spread so that neighbouring samples differ much. */
function coverageThresholds(samples: number): Float64Array {
  const n = samples * samples;
  let stride = Math.max(1, Math.round(n * 0.382));
  while (greatestDivisor(stride, n) !== 1) stride++;
  return Float64Array.from({ length: n }, (_, i) => (((i * stride) % n) + 0.5) / n);
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));
