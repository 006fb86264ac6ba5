/** A model file of any format: triangles, Gaussians or a radiance field, told apart by what the file holds. */

import { FIELD_EXTENSIONS, type FieldArrays, readField } from './field-file.ts';
import { parseGltf } from './gltf-json.ts';
import { hasGltfSplats } from './gltf-splats.ts';
import { parsePlyHeader } from './ply-header.ts';
import { MESH_EXTENSIONS, readMesh } from './read-mesh.ts';
import { readSplats, SPLAT_EXTENSIONS } from './read-splats.ts';
import { isSplatPly } from './splat-ply.ts';
import type { Splats } from './splats.ts';
import { ModelError, type ReadModelOptions, type ScenePrimitive } from './triangle-scene.ts';

export type Model =
  | { readonly kind: 'mesh'; readonly primitives: readonly ScenePrimitive[]; readonly warnings: readonly string[] }
  | { readonly kind: 'splats'; readonly splats: Splats; readonly warnings: readonly string[] }
  | { readonly kind: 'radiance-field'; readonly field: FieldArrays; readonly warnings: readonly string[] };

/** Endings of the files that `readModel` reads. */
export const MODEL_EXTENSIONS: readonly string[] = [
  ...new Set([...MESH_EXTENSIONS, ...SPLAT_EXTENSIONS, ...FIELD_EXTENSIONS]),
];

/**
 * @param extension  of the file's name, with the dot; upper or lower case
 * @throws ModelError when the bytes cannot be used
 */
export async function readModel(bytes: Uint8Array, extension: string, options: ReadModelOptions = {}): Promise<Model> {
  if (extension.toLowerCase() === '.safetensors') return { kind: 'radiance-field', ...readField(bytes) };
  if (holdsSplats(bytes, extension.toLowerCase())) {
    return { kind: 'splats', ...(await readSplats(bytes, extension, options)) };
  }
  return { kind: 'mesh', ...(await readMesh(bytes, extension, options)) };
}

function holdsSplats(bytes: Uint8Array, extension: string): boolean {
  switch (extension) {
    case '.splat':
    case '.spz':
      return true;
    case '.ply':
      return isSplatPly(parsePlyHeader(bytes));
    case '.glb':
    case '.gltf':
      return hasGltfSplats(parseGltf(bytes).json);
    case '.obj':
    case '.stl':
      return false;
    default:
      throw new ModelError(
        `readModel: expected a file that ends in ${MODEL_EXTENSIONS.join(', ')}, got "${extension}". Export the model in one of them.`,
      );
  }
}
