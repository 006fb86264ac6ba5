/**
 * Differentiable triangles, slow and readable, in double precision: what the kernel (kernels/mesh.ts) is held to.
 * Source: Laine et al. 2020, §3.2–3.5; reference/training.md §19.2, §19.3; edges in homogeneous coordinates, so that nothing is
 * clipped: Olano & Greer 1997.
 */
import { type Crossing, findCrossing, type Projected, projectMesh } from './mesh-crossing.ts';
import {
  attributeCount,
  checkMesh,
  checkMeshUpstream,
  FARTHEST,
  type MeshGradients,
  type MeshPicture,
  type MeshRasterizer,
  type MeshScene,
  type MeshUpstream,
  type MeshView,
  NEAR,
} from './mesh-rasterizer.ts';

export function createMeshTwin(): MeshRasterizer {
  return {
    render: async (scene, view) => {
      checkMesh(scene, view);
      return renderMesh(scene, view);
    },
    dispose: async () => undefined,
  };
}

/** Channels of a pixel: mask, depth, normal, then the attributes. Before anti-aliasing, and normals not yet encoded. */
type Pixel = Float64Array;

function renderMesh(scene: MeshScene, view: MeshView): MeshPicture {
  const { width, height, antialias = true } = view;
  const pixels = width * height;
  const channels = attributeCount(scene);
  const mesh = projectMesh(scene, view);
  const triangle = visibleTriangles(mesh, width, height);
  const raw = Array.from(triangle, (id, p) => shade(scene, mesh, id, p % width, Math.floor(p / width)));
  const crossings = antialias ? allCrossings(mesh, triangle, raw, width) : [];
  const smooth = raw.map((pixel) => pixel.slice());
  for (const { first, second, receiver, amount } of crossings)
    for (let c = 0; c < 5 + channels; c++) smooth[receiver][c] += amount * (raw[second][c] - raw[first][c]);
  const planes = (from: number, count: number, encode = (v: number) => v) =>
    Float32Array.from({ length: count * pixels }, (_, i) => encode(smooth[i % pixels][from + Math.floor(i / pixels)]));
  return {
    triangle,
    mask: planes(0, 1),
    depth: planes(1, 1),
    normal: planes(2, 3, (n) => (n + 1) / 2),
    attributes: planes(5, channels),
    backward: async (upstream) => {
      checkMeshUpstream(upstream, channels, width, height);
      return gradients(scene, view, mesh, triangle, raw, crossings, upstream);
    },
  };
}

/** Per pixel the nearest triangle at its centre, from 1; of equally near ones the first. */
function visibleTriangles(mesh: Projected, width: number, height: number): Int32Array {
  const triangle = new Int32Array(width * height);
  const nearest = new Float64Array(width * height); // 1/w
  for (let t = 0; t < mesh.indices.length / 3; t++) {
    const edges = edgesOf(mesh, t);
    if (!edges) continue;
    const box = boxOf(mesh, t, width, height);
    for (let y = box.top; y < box.bottom; y++)
      for (let x = box.left; x < box.right; x++) {
        const [a, b, c] = edges.map(([ex, ey, e]) => ex * (x + 0.5) + ey * (y + 0.5) + e);
        const inverse = a + b + c;
        const p = y * width + x;
        if (a < 0 || b < 0 || c < 0 || !(inverse > nearest[p]) || !(inverse < 1 / NEAR)) continue;
        nearest[p] = inverse;
        triangle[p] = t + 1;
      }
  }
  return triangle;
}

/** Pixels [left, right) × [top, bottom) that hold the triangle; all of them when it reaches behind the camera. */
function boxOf(mesh: Projected, t: number, width: number, height: number) {
  const corners = mesh.corners(t);
  if (corners.some(([, , w]) => w < NEAR)) return { left: 0, right: width, top: 0, bottom: height };
  const [x, y] = [corners.map(([vx, , w]) => vx / w), corners.map(([, vy, w]) => vy / w)];
  return {
    left: Math.max(0, Math.floor(Math.min(...x)) - 1),
    right: Math.min(width, Math.ceil(Math.max(...x)) + 1),
    top: Math.max(0, Math.floor(Math.min(...y)) - 1),
    bottom: Math.min(height, Math.ceil(Math.max(...y)) + 1),
  };
}

/** The functions of the pixel that give each vertex' barycentric weight divided by w; undefined when degenerate. */
function edgesOf(mesh: Projected, t: number): [number, number, number][] | undefined {
  const [a, b, c] = mesh.corners(t);
  if (![...a, ...b, ...c].every((v) => Math.abs(v) <= FARTHEST)) return undefined;
  const raw = [cross(b, c), cross(c, a), cross(a, b)];
  const inverse = 1 / (a[0] * raw[0][0] + a[1] * raw[0][1] + a[2] * raw[0][2]);
  if (!Number.isFinite(inverse) || !(a[2] >= NEAR || b[2] >= NEAR || c[2] >= NEAR) || inverse === 0) return undefined;
  return raw.map((e) => [e[0] * inverse, e[1] * inverse, e[2] * inverse]);
}

function barycentrics(mesh: Projected, t: number, x: number, y: number): number[] {
  const weights = edgesOf(mesh, t)!.map(([ex, ey, e]) => ex * (x + 0.5) + ey * (y + 0.5) + e);
  const total = weights[0] + weights[1] + weights[2];
  return weights.map((w) => w / total);
}

function shade(scene: MeshScene, mesh: Projected, id: number, x: number, y: number): Pixel {
  const channels = attributeCount(scene);
  const pixel = new Float64Array(5 + channels);
  if (id === 0) return pixel;
  const b = barycentrics(mesh, id - 1, x, y);
  pixel[0] = 1;
  for (const [k, [, , w]] of mesh.corners(id - 1).entries()) pixel[1] += b[k] * w;
  pixel.set(faceNormal(scene, id - 1).normal, 2);
  for (let k = 0; k < 3; k++)
    for (let c = 0; c < channels; c++)
      pixel[5 + c] += b[k] * scene.attributes![channels * scene.indices[3 * (id - 1) + k] + c];
  return pixel;
}

/** All pairs of neighbours that are mixed. */
function allCrossings(mesh: Projected, triangle: Int32Array, raw: readonly Pixel[], width: number): Crossing[] {
  const crossings: Crossing[] = [];
  const consider = (first: number, second: number, axis: 0 | 1) => {
    if (triangle[first] === triangle[second]) return;
    const pixel = (p: number) => ({
      index: p,
      x: p % width,
      y: Math.floor(p / width),
      id: triangle[p],
      depth: raw[p][1],
    });
    const found = findCrossing(mesh, pixel(first), pixel(second), axis);
    if (found) crossings.push(found);
  };
  for (let p = 0; p < triangle.length; p++) {
    if ((p + 1) % width !== 0) consider(p, p + 1, 0);
    if (p + width < triangle.length) consider(p, p + width, 1);
  }
  return crossings;
}

function gradients(
  scene: MeshScene,
  view: MeshView,
  mesh: Projected,
  triangle: Int32Array,
  raw: readonly Pixel[],
  crossings: readonly Crossing[],
  upstream: MeshUpstream,
): MeshGradients {
  const { width, height } = view;
  const pixels = width * height;
  const channels = attributeCount(scene);
  const given = raw.map((_, p) => {
    const g = new Float64Array(5 + channels);
    g[0] = upstream.mask?.[p] ?? 0;
    g[1] = upstream.depth?.[p] ?? 0;
    for (let c = 0; c < 3; c++) g[2 + c] = 0.5 * (upstream.normal?.[c * pixels + p] ?? 0);
    for (let c = 0; c < channels; c++) g[5 + c] = upstream.attributes?.[c * pixels + p] ?? 0;
    return g;
  });
  const homogeneous = new Float64Array(scene.positions.length); // of (X, Y, w) per vertex
  const world = new Float64Array(scene.positions.length);
  const attributes = new Float64Array(channels * (scene.positions.length / 3));

  const before = given.map((g) => g.slice());
  for (const { first, second, receiver, amount, saturated, edge, slopes } of crossings) {
    let gAmount = 0;
    for (let c = 0; c < 5 + channels; c++) {
      const g = given[receiver][c];
      before[first][c] -= amount * g;
      before[second][c] += amount * g;
      gAmount += g * (raw[second][c] - raw[first][c]);
    }
    if (saturated) continue;
    // amount = ±½ − X
    for (const [k, vertex] of edge.entries()) {
      const [x, y, w] = mesh.vertex(vertex);
      const [gx, gy] = slopes[k].map((slope) => -gAmount * slope);
      homogeneous[3 * vertex] += gx / w;
      homogeneous[3 * vertex + 1] += gy / w;
      homogeneous[3 * vertex + 2] -= ((x / w) * gx + (y / w) * gy) / w;
    }
  }

  for (const [p, id] of triangle.entries()) {
    if (id === 0) continue;
    const t = id - 1;
    const g = before[p];
    const [x, y] = [(p % width) + 0.5, Math.floor(p / width) + 0.5];
    const b = barycentrics(mesh, t, x - 0.5, y - 0.5);
    const corners = mesh.corners(t);
    const vertices = [0, 1, 2].map((k) => scene.indices[3 * t + k]);
    const worth = [0, 1, 2].map((k) => {
      let sum = corners[k][2] * g[1];
      for (let c = 0; c < channels; c++) {
        attributes[channels * vertices[k] + c] += b[k] * g[5 + c];
        sum += scene.attributes![channels * vertices[k] + c] * g[5 + c];
      }
      return sum;
    });
    const mean = worth[0] * b[0] + worth[1] * b[1] + worth[2] * b[2];
    // a_k = x'_m·y'_n − y'_m·x'_n, b_k = a_k / Σa
    const at = corners.map(([vx, vy, w]) => [vx - x * w, vy - y * w]);
    const total = [0, 1, 2].reduce(
      (s, k) => s + at[(k + 1) % 3][0] * at[(k + 2) % 3][1] - at[(k + 1) % 3][1] * at[(k + 2) % 3][0],
      0,
    );
    const gAt = [0, 1, 2].map(() => [0, 0]);
    for (let k = 0; k < 3; k++) {
      const [m, n] = [(k + 1) % 3, (k + 2) % 3];
      const gA = (worth[k] - mean) / total;
      gAt[m][0] += gA * at[n][1];
      gAt[n][1] += gA * at[m][0];
      gAt[m][1] -= gA * at[n][0];
      gAt[n][0] -= gA * at[m][1];
    }
    for (let k = 0; k < 3; k++) {
      homogeneous[3 * vertices[k]] += gAt[k][0];
      homogeneous[3 * vertices[k] + 1] += gAt[k][1];
      homogeneous[3 * vertices[k] + 2] += b[k] * g[1] - x * gAt[k][0] - y * gAt[k][1];
    }
    addNormalGradient(scene, t, [g[2], g[3], g[4]], world);
  }

  const { extrinsics: e, intrinsics: k } = view.camera;
  for (let v = 0; v < world.length; v += 3) {
    const [gx, gy, gw] = homogeneous.subarray(v, v + 3);
    const camera = [width * k[0] * gx, height * k[4] * gy, width * k[2] * gx + height * k[5] * gy + gw];
    for (let axis = 0; axis < 3; axis++)
      world[v + axis] += e[axis] * camera[0] + e[4 + axis] * camera[1] + e[8 + axis] * camera[2];
  }
  return { positions: Float32Array.from(world), attributes: Float32Array.from(attributes) };
}

/** Unit normal, counter-clockwise, zero for a triangle without area; with the edges and length it comes from. */
function faceNormal({ positions, indices }: MeshScene, t: number) {
  const [p0, p1, p2] = [0, 1, 2].map((k) => positions.subarray(3 * indices[3 * t + k], 3 * indices[3 * t + k] + 3));
  const e1: Vec3 = [p1[0] - p0[0], p1[1] - p0[1], p1[2] - p0[2]];
  const e2: Vec3 = [p2[0] - p0[0], p2[1] - p0[1], p2[2] - p0[2]];
  const c = cross(e1, e2);
  const length = Math.sqrt(c[0] * c[0] + c[1] * c[1] + c[2] * c[2]);
  const normal: Vec3 = length > 0 ? [c[0] / length, c[1] / length, c[2] / length] : [0, 0, 0];
  return { normal, length, e1, e2 };
}

function addNormalGradient(scene: MeshScene, t: number, g: Vec3, world: Float64Array): void {
  const { normal, length, e1, e2 } = faceNormal(scene, t);
  if (!(length > 0)) return;
  const along = normal[0] * g[0] + normal[1] * g[1] + normal[2] * g[2];
  const gCross: Vec3 = [0, 1, 2].map((k) => (g[k] - normal[k] * along) / length) as Vec3;
  const [g1, g2] = [cross(e2, gCross), cross(gCross, e1)];
  for (let axis = 0; axis < 3; axis++) {
    world[3 * scene.indices[3 * t] + axis] -= g1[axis] + g2[axis];
    world[3 * scene.indices[3 * t + 1] + axis] += g1[axis];
    world[3 * scene.indices[3 * t + 2] + axis] += g2[axis];
  }
}

type Vec3 = [number, number, number];

function cross(a: readonly number[], b: readonly number[]): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
