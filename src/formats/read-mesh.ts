/** A mesh file of any format → triangles; the extension chooses the reader, the reader checks the content. */
import { readGltfScene } from './gltf-scene.ts';
import { readObj } from './obj.ts';
import { expectOwnContent } from './own-content.ts';
import { readPlyMesh } from './ply-mesh.ts';
import { readStl } from './stl.ts';
import { ModelError, type ReadModelOptions, type TriangleScene } from './triangle-scene.ts';

/** Endings of the files that `readMesh` reads, with the dot, in lower case. */
export const MESH_EXTENSIONS = ['.glb', '.gltf', '.obj', '.stl', '.ply'] as const;

/**
 * @param extension  of the file's name, with the dot; upper or lower case
 * @throws ModelError when the bytes cannot be used; NoSurfaceError when they hold no triangle
 */
export async function readMesh(
  bytes: Uint8Array,
  extension: string,
  options: ReadModelOptions = {},
): Promise<TriangleScene> {
  expectOwnContent(bytes, extension);
  switch (extension.toLowerCase() as (typeof MESH_EXTENSIONS)[number]) {
    case '.glb':
    case '.gltf':
      return readGltfScene(bytes, options);
    case '.obj':
      return readObj(bytes, options);
    case '.stl':
      return readStl(bytes);
    case '.ply':
      return readPlyMesh(bytes);
    default:
      throw new ModelError(
        `readMesh: expected a file that ends in ${MESH_EXTENSIONS.join(', ')}, got "${extension}". Convert the model to .glb.`,
      );
  }
}
