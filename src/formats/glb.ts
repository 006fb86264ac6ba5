import { Document, WebIO } from '@gltf-transform/core';

/** A triangle mesh in the object frame (z up), triangles counter-clockwise from outside. */
export interface GlbMesh {
  positions: Float32Array; // [V, 3]
  indices: Uint32Array; // [F, 3]
  normals: Float32Array; // [V, 3], unit length
  colors?: Float32Array; // [V, 3], linear RGB in [0, 1]
}

export interface GlbOptions {
  /** Linear RGBA in [0, 1]; multiplies the vertex colors where there are any. The material is opaque all the same. */
  baseColorFactor?: [number, number, number, number];
  /** In [0, 1]: 0 mirrors, 1 is chalk. */
  roughness?: number;
  /** Name of mesh and node. */
  name?: string;
}

/**
 * A mesh as the bytes of a GLB file. The object frame (z up) becomes glTF's (y up): (x, y, z) → (x, z, −y).
 * One opaque, non-metallic material; closed meshes are seen from outside only, so it is single-sided.
 */
export async function writeGlb(mesh: GlbMesh, options: GlbOptions = {}): Promise<Uint8Array> {
  const vertexCount = mesh.positions.length / 3;
  expectRows('normals', mesh.normals, mesh.positions.length);
  if (mesh.colors) expectRows('colors', mesh.colors, mesh.positions.length);
  if (mesh.indices.length === 0 || mesh.indices.length % 3 !== 0) {
    throw new Error(
      `writeGlb: indices have ${mesh.indices.length} values, expected three per triangle and at least one triangle. ` +
        'Check that the surface is not empty before writing it.',
    );
  }
  const { baseColorFactor = [1, 1, 1, 1], roughness = 0.8, name = 'asset' } = options;

  const document = new Document();
  document.getRoot().getAsset().generator = 'espalier';
  const buffer = document.createBuffer();
  const accessor = (type: 'SCALAR' | 'VEC3', array: Float32Array | Uint32Array | Uint16Array) =>
    document
      .createAccessor()
      .setType(type)
      .setArray(array as Float32Array<ArrayBuffer>)
      .setBuffer(buffer);
  // 65535 itself is kept free: it restarts primitives
  const indices = vertexCount < 65535 ? Uint16Array.from(mesh.indices) : mesh.indices;
  const material = document
    .createMaterial()
    .setAlphaMode('OPAQUE')
    .setBaseColorFactor(baseColorFactor)
    .setMetallicFactor(0)
    .setRoughnessFactor(roughness);
  const primitive = document
    .createPrimitive()
    .setMaterial(material)
    .setIndices(accessor('SCALAR', indices))
    .setAttribute('POSITION', accessor('VEC3', zUpToYUp(mesh.positions)))
    .setAttribute('NORMAL', accessor('VEC3', zUpToYUp(mesh.normals)));
  if (mesh.colors) primitive.setAttribute('COLOR_0', accessor('VEC3', mesh.colors));
  const node = document.createNode(name).setMesh(document.createMesh(name).addPrimitive(primitive));
  const scene = document.createScene().addChild(node);
  document.getRoot().setDefaultScene(scene);
  return new WebIO().writeBinary(document);
}

function zUpToYUp(src: Float32Array): Float32Array {
  const dst = new Float32Array(src.length);
  for (let i = 0; i < src.length; i += 3) {
    dst[i] = src[i];
    dst[i + 1] = src[i + 2];
    dst[i + 2] = 0 - src[i + 1];
  }
  return dst;
}

function expectRows(what: string, values: Float32Array, expected: number): void {
  if (values.length === expected) return;
  throw new Error(
    `writeGlb: ${what} have ${values.length} values, expected ${expected} as in positions [V, 3]. ` +
      `Give one row of ${what} per vertex.`,
  );
}
