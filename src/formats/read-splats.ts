/** A Gaussian file of any format → Gaussians; the extension chooses the reader, the reader checks the content. */
import { readGltfSplats } from './gltf-splats.ts';
import { expectOwnContent } from './own-content.ts';
import { readSplatFile } from './splat-file.ts';
import { readSplatPly } from './splat-ply.ts';
import type { ReadSplats } from './splats.ts';
import { readSpz } from './spz.ts';
import { ModelError, type ReadModelOptions } from './triangle-scene.ts';

/** Endings of the files that `readSplats` reads, with the dot, in lower case. */
export const SPLAT_EXTENSIONS = ['.ply', '.splat', '.spz', '.glb', '.gltf'] as const;

/**
 * @param extension  of the file's name, with the dot; upper or lower case
 * @throws ModelError when the bytes cannot be used or hold no Gaussians
 */
export async function readSplats(
  bytes: Uint8Array,
  extension: string,
  options: ReadModelOptions = {},
): Promise<ReadSplats> {
  expectOwnContent(bytes, extension);
  switch (extension.toLowerCase() as (typeof SPLAT_EXTENSIONS)[number]) {
    case '.ply':
      return readSplatPly(bytes);
    case '.splat':
      return readSplatFile(bytes);
    case '.spz':
      return readSpz(bytes);
    case '.glb':
    case '.gltf':
      return readGltfSplats(bytes, options);
    default:
      throw new ModelError(
        `readSplats: expected a file that ends in ${SPLAT_EXTENSIONS.join(', ')}, got "${extension}". Export it as splat PLY.`,
      );
  }
}
