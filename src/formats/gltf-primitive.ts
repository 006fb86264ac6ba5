/** One glTF primitive at its place in the world: morph targets, skin, strips and fans, normals, colours. */
import type { Accessor, Mesh, Node, Primitive } from '@gltf-transform/core';
import type { Transform } from '@gltf-transform/extensions';
import { baseColor } from './gltf-material.ts';
import { determinant3, type Matrix4, multiply } from './matrix4.ts';
import type { SceneMaterial, ScenePrimitive } from './triangle-scene.ts';
import { usableTriangles } from './usable-triangles.ts';

/** A mesh where a node places it. */
export interface PlacedMesh {
  readonly node: Node;
  readonly mesh: Mesh;
  readonly world: Matrix4;
  readonly joints: readonly Matrix4[] | null; // those of the node's skin, which then stands in place of `world`
}

/** The matrix of each joint of a node's skin, from the bind pose to the pose of the file's nodes. */
export function jointMatrices(node: Node, world: ReadonlyMap<Node, Matrix4>): Matrix4[] | null {
  const skin = node.getSkin();
  const inverseBind = skin?.getInverseBindMatrices();
  if (!skin) return null;
  return skin.listJoints().map((joint, i) => {
    const bind = inverseBind && i < inverseBind.getCount() ? inverseBind.getElement(i, new Array(16).fill(0)) : null;
    return bind ? multiply(world.get(joint)!, Float64Array.from(bind)) : world.get(joint)!;
  });
}

/** Undefined where there is no surface: points, lines, no positions. */
export function readPrimitive(
  primitive: Primitive,
  place: PlacedMesh,
  material: SceneMaterial,
  warnings: string[],
): ScenePrimitive | undefined {
  const { mesh, node, world, joints } = place;
  const where = `glTF: mesh "${mesh.getName()}"`;
  const position = primitive.getAttribute('POSITION');
  const mode = primitive.getMode();
  if (!position || mode < 4) return undefined;
  const count = position.getCount();
  const local = Float64Array.from(readFloats(position, 3));
  const normalSource = primitive.getAttribute('NORMAL');
  const localNormals = normalSource?.getCount() === count ? readFloats(normalSource, 3) : undefined;

  const weights = node.getWeights().length > 0 ? node.getWeights() : mesh.getWeights();
  for (const [t, target] of primitive.listTargets().entries()) {
    const weight = weights[t] ?? 0;
    const delta = target.getAttribute('POSITION');
    if (weight === 0 || delta?.getCount() !== count) continue;
    const values = readFloats(delta, 3);
    for (let i = 0; i < local.length; i++) local[i] += weight * values[i];
  }

  const skinned = joints ? skinMatrices(primitive, joints, count) : undefined;
  const positions = new Float32Array(count * 3);
  const normals = localNormals && new Float32Array(count * 3);
  for (let v = 0; v < count; v++) {
    const m = skinned ? skinned(v) : world;
    const [x, y, z] = [local[3 * v], local[3 * v + 1], local[3 * v + 2]];
    positions[3 * v] = m[0] * x + m[4] * y + m[8] * z + m[12];
    positions[3 * v + 1] = 0 - (m[2] * x + m[6] * y + m[10] * z + m[14]); // 0 − 0 is 0, −0 is not
    positions[3 * v + 2] = m[1] * x + m[5] * y + m[9] * z + m[13];
    if (normals && localNormals) transformNormal(m, localNormals, normals, v);
  }

  const source = primitive.getIndices();
  if (source?.getComponentType() === 5123 && count > 65536) {
    warnings.push(`${where}: 16-bit indices cannot reach all of its ${count} vertices; the shape may be torn.`);
  }
  const listed = triangleList(source?.getArray() ?? null, count, mode);
  const indices = usableTriangles(listed, positions, warnings, where, local);
  if (indices.length === 0) return undefined;
  const isMirrored = !joints && determinant3(world) < 0;
  if (isMirrored)
    for (let i = 0; i < indices.length; i += 3) [indices[i], indices[i + 1]] = [indices[i + 1], indices[i]];

  return {
    positions,
    normals,
    uvs: material.baseColorTexture ? readUvs(primitive, count) : undefined,
    colors: readColors(primitive.getAttribute('COLOR_0'), count),
    indices,
    material,
  };
}

/** Plain numbers of an accessor [count, width]; normalised integers become fractions, missing columns 1. */
export function readFloats(accessor: Accessor, width: number): Float32Array {
  const array = accessor.getArray();
  const size = accessor.getElementSize();
  if (array instanceof Float32Array && size === width) return array;
  const count = accessor.getCount();
  const out = new Float32Array(count * width);
  const element: number[] = new Array(size).fill(0);
  for (let i = 0; i < count; i++) {
    accessor.getElement(i, element);
    for (let c = 0; c < width; c++) out[i * width + c] = c < size ? element[c] : 1;
  }
  return out;
}

function triangleList(source: ArrayLike<number> | null, vertexCount: number, mode: number): Uint32Array {
  const n = source ? source.length : vertexCount;
  const at = (i: number) => (source ? source[i] : i);
  if (mode === 4) return Uint32Array.from({ length: n - (n % 3) }, (_, i) => at(i));
  const out = new Uint32Array(Math.max(0, n - 2) * 3);
  for (let i = 2, o = 0; i < n; i++, o += 3) {
    const isFan = mode === 6;
    const isOdd = !isFan && i % 2 === 1;
    out[o] = at(isFan ? 0 : isOdd ? i - 1 : i - 2);
    out[o + 1] = at(isOdd ? i - 2 : i - 1);
    out[o + 2] = at(i);
  }
  return out;
}

function skinMatrices(
  primitive: Primitive,
  joints: readonly Matrix4[],
  count: number,
): ((vertex: number) => Matrix4) | undefined {
  const sets: { joints: Accessor; weights: Accessor }[] = [];
  for (let s = 0; ; s++) {
    const j = primitive.getAttribute(`JOINTS_${s}`);
    const w = primitive.getAttribute(`WEIGHTS_${s}`);
    if (!j || !w || j.getCount() !== count || w.getCount() !== count) break;
    sets.push({ joints: j, weights: w });
  }
  if (sets.length === 0) return undefined;
  const out = new Float64Array(16);
  const index = [0, 0, 0, 0];
  const weight = [0, 0, 0, 0];
  return (vertex) => {
    out.fill(0);
    let total = 0;
    for (const set of sets) {
      set.joints.getElement(vertex, index);
      set.weights.getElement(vertex, weight);
      for (let k = 0; k < 4; k++) {
        const joint = joints[index[k]];
        if (!joint || !(weight[k] > 0)) continue;
        total += weight[k];
        for (let e = 0; e < 16; e++) out[e] += weight[k] * joint[e];
      }
    }
    if (total > 0) for (let e = 0; e < 16; e++) out[e] /= total;
    else out[0] = out[5] = out[10] = out[15] = 1;
    return out;
  };
}

function readUvs(primitive: Primitive, count: number): Float32Array | undefined {
  const material = primitive.getMaterial();
  const source = material && baseColor(material);
  const info = source?.info;
  const transform = info?.getExtension<Transform>('KHR_texture_transform');
  const set = transform?.getTexCoord() ?? info?.getTexCoord() ?? 0;
  const accessor = primitive.getAttribute(`TEXCOORD_${set}`);
  if (accessor?.getCount() !== count) return undefined;
  const uvs = Float32Array.from(readFloats(accessor, 2));
  if (transform) {
    const [ox, oy] = transform.getOffset();
    const [sx, sy] = transform.getScale();
    const cos = Math.cos(transform.getRotation());
    const sin = Math.sin(transform.getRotation());
    for (let i = 0; i < uvs.length; i += 2) {
      const u = uvs[i] * sx;
      const v = uvs[i + 1] * sy;
      uvs[i] = cos * u + sin * v + ox;
      uvs[i + 1] = -sin * u + cos * v + oy;
    }
  }
  return uvs;
}

function readColors(accessor: Accessor | null, count: number): Float32Array | undefined {
  return accessor?.getCount() === count ? readFloats(accessor, 4) : undefined; // missing alpha reads as 1
}

/** n' = cofactor(M)·n, turned to z-up and normalised; the cofactors exist where the inverse does not (a scale of 0). */
function transformNormal(m: Matrix4, src: Float32Array, dst: Float32Array, v: number): void {
  const x = src[3 * v];
  const y = src[3 * v + 1];
  const z = src[3 * v + 2];
  const sign = determinant3(m) < 0 ? -1 : 1;
  const nx = (m[5] * m[10] - m[6] * m[9]) * x + (m[2] * m[9] - m[1] * m[10]) * y + (m[1] * m[6] - m[2] * m[5]) * z;
  const ny = (m[6] * m[8] - m[4] * m[10]) * x + (m[0] * m[10] - m[2] * m[8]) * y + (m[2] * m[4] - m[0] * m[6]) * z;
  const nz = (m[4] * m[9] - m[5] * m[8]) * x + (m[1] * m[8] - m[0] * m[9]) * y + (m[0] * m[5] - m[1] * m[4]) * z;
  const length = Math.hypot(nx, ny, nz);
  if (!(length > 0 && Number.isFinite(length))) return;
  dst[3 * v] = 0 + (sign * nx) / length;
  dst[3 * v + 1] = 0 - (sign * nz) / length;
  dst[3 * v + 2] = 0 + (sign * ny) / length;
}
