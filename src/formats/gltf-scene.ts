/**
 * glTF 2.0 bytes → triangles in world space, as the renderer and the voxeliser need them.
 *
 * Axes: glTF is y-up, Espalier is z-up: (x, y, z) → (x, −z, y). Skins stand in the pose of the file's nodes, morph
 * targets at their default weights. Nothing here touches files: buffers and pictures beside the model come in through
 * `loadResource`, pictures are decoded by `decodePicture`.
 */
import type { Document, Material } from '@gltf-transform/core';
import { checkedScene } from './checked-scene.ts';
import { MAX_ELEMENTS } from './gltf-checks.ts';
import { openGltf, sceneNodes, worldMatrices } from './gltf-document.ts';
import { parseGltf } from './gltf-json.ts';
import { readMaterial } from './gltf-material.ts';
import { jointMatrices, readPrimitive } from './gltf-primitive.ts';
import { GAUSSIAN_EXTENSION, hasGltfSplats } from './gltf-splats.ts';
import {
  ModelError,
  type ReadModelOptions,
  type SceneMaterial,
  type ScenePrimitive,
  type TriangleScene,
} from './triangle-scene.ts';

/**
 * @param bytes  a GLB, or the JSON of a .gltf
 * @throws ModelError when the bytes are no usable glTF; NoSurfaceError when they hold no triangle
 */
export async function readGltfScene(bytes: Uint8Array, options: ReadModelOptions = {}): Promise<TriangleScene> {
  const warnings: string[] = [];
  const file = parseGltf(bytes);
  const also = hasGltfSplats(file.json) ? [GAUSSIAN_EXTENSION] : []; // a scene may hold both
  const document = await openGltf(file, options, warnings, also);
  const empty = also.length > 0 ? 'the file holds Gaussians' : undefined;
  return checkedScene('glTF', await collectPrimitives(document, options, warnings), warnings, empty);
}

async function collectPrimitives(
  document: Document,
  options: ReadModelOptions,
  warnings: string[],
): Promise<ScenePrimitive[]> {
  const world = worldMatrices(document.getRoot().listNodes());
  const materials = new Map<Material | null, SceneMaterial>();
  const primitives: ScenePrimitive[] = [];
  let elements = 0;
  for (const node of sceneNodes(document)) {
    const mesh = node.getMesh();
    if (!mesh) continue;
    const place = { node, mesh, world: world.get(node)!, joints: jointMatrices(node, world) };
    for (const primitive of mesh.listPrimitives()) {
      // One mesh placed by many nodes is copied for each: a small file could ask for any amount.
      elements += (primitive.getAttribute('POSITION')?.getCount() ?? 0) + (primitive.getIndices()?.getCount() ?? 0);
      if (elements > MAX_ELEMENTS) {
        throw new ModelError(
          `glTF: the scene has more than ${MAX_ELEMENTS} vertices and indices once every mesh stands at its place. Simplify the model.`,
        );
      }
      const source = primitive.getMaterial();
      let material = materials.get(source);
      if (!material) {
        material = await readMaterial(source, options, warnings);
        materials.set(source, material);
      }
      const read = readPrimitive(primitive, place, material, warnings);
      if (read) primitives.push(read);
    }
  }
  return primitives;
}
