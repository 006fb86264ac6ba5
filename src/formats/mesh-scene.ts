import type { RgbaPicture, SceneMaterial, TriangleScene } from './triangle-scene.ts';

/** One triangle mesh in the object frame (z up), triangles counter-clockwise from outside. */
export interface GlbMesh {
  positions: Float32Array; // [V, 3]
  indices: Uint32Array; // [F, 3]
  normals: Float32Array; // [V, 3], unit length
  colors?: Float32Array; // [V, 3], linear RGB in [0, 1]
  uvs?: Float32Array; // [V, 2], v = 0 is the top row of the texture
  texture?: RgbaPicture; // base colour, sRGB; needs uvs
}

export interface MeshMaterialOptions {
  /** Linear RGBA in [0, 1]; multiplies vertex colors and texture. The material is opaque all the same. */
  baseColorFactor?: readonly [number, number, number, number];
  /** Name of mesh and material. */
  name?: string;
}

/**
 * A mesh as a scene of one opaque material, for the writers of OBJ, STL, PLY, USDZ and GLB. Closed meshes are seen from
 * outside only, so the material is single-sided.
 * @throws Error when a row is missing somewhere
 */
export function sceneOfMesh(mesh: GlbMesh, options: MeshMaterialOptions = {}): TriangleScene {
  const { positions, indices, normals, uvs, texture } = mesh;
  const { baseColorFactor = [1, 1, 1, 1], name = 'asset' } = options;
  if (mesh.colors && mesh.colors.length !== positions.length) {
    throw new Error(
      `sceneOfMesh: colors have ${mesh.colors.length} values, expected ${positions.length} as in positions [V, 3]. Give one row of colors per vertex.`,
    );
  }
  if (texture && !uvs) throw new Error('sceneOfMesh: a texture needs uvs [V, 2], got none. Unwrap the mesh first.');
  const material: SceneMaterial = {
    name,
    baseColorFactor,
    baseColorTexture: texture && { ...texture, wrapU: 'clamp', wrapV: 'clamp' },
    alphaMode: 'opaque',
    alphaCutoff: 0.5,
    doubleSided: false,
    unlit: false,
  };
  const colors = mesh.colors && new Float32Array((positions.length / 3) * 4);
  if (colors && mesh.colors) {
    for (let v = 0; v < colors.length / 4; v++) {
      for (let c = 0; c < 3; c++) colors[4 * v + c] = mesh.colors[3 * v + c];
      colors[4 * v + 3] = 1;
    }
  }
  return { primitives: [{ positions, indices, normals, uvs, colors, material }], warnings: [] };
}
