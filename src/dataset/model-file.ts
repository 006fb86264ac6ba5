/** A model on disk → triangles. The only place where the dataset reads models; pictures are decoded by sharp. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, extname, resolve, sep } from 'node:path';
import sharp from 'sharp';
import { ModelError, type RgbaPicture, readMesh, type TriangleScene } from '../formats/index.ts';

const MAX_BYTES = 1 << 30;
const MAX_PIXELS = 8192 * 8192; // of one texture; more is refused before it is decoded
const MAX_TEXTURE_SIDE = 2048; // larger textures are scaled down: no view of the dataset shows more

export interface ReadModelFileOptions {
  /** Longest side of a texture in pixels; larger ones are scaled down. */
  maxTextureSide?: number;
}

/** A GLB, glTF, OBJ, STL or PLY file with what stands beside it. @throws ModelError when it cannot be used */
export async function readModelFile(
  path: string,
  { maxTextureSide = MAX_TEXTURE_SIDE }: ReadModelFileOptions = {},
): Promise<TriangleScene> {
  const bytes = await readWithin(path);
  const folder = await realpath(dirname(path));
  const loadResource = async (relative: string): Promise<Uint8Array> => {
    const target = await realpath(resolve(folder, relative)); // where links lead
    if (!target.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      throw new ModelError(
        `readModelFile: "${relative}" leads out of the folder of the model. Put the file beside it.`,
      );
    }
    return readWithin(target);
  };
  return readMesh(bytes, extname(path), { loadResource, decodePicture: (data) => decodePicture(data, maxTextureSide) });
}

/** The size is asked for first, so that nothing too large, endless or foreign (a pipe, a device) is opened. */
async function readWithin(path: string): Promise<Uint8Array> {
  const info = await stat(path);
  if (!info.isFile()) throw new ModelError(`readModelFile: ${path} is not a file. Give the path of a model.`);
  if (info.size > MAX_BYTES) {
    throw new ModelError(
      `readModelFile: at most ${MAX_BYTES} bytes are read, ${path} has ${info.size}. Simplify the model.`,
    );
  }
  return readFile(path);
}

async function decodePicture(bytes: Uint8Array, maxSide: number): Promise<RgbaPicture> {
  const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
    .resize({ width: maxSide, height: maxSide, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}
