/** A model on disk → triangles. The only place where the dataset reads models; pictures are decoded by sharp. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import sharp from 'sharp';
import { ModelError, type RgbaPicture, readGltfScene, type TriangleScene } from '../formats/index.ts';

const MAX_BYTES = 1 << 30;
const MAX_PIXELS = 8192 * 8192; // of one texture; more is refused before it is decoded
const MAX_TEXTURE_SIDE = 2048; // larger textures are scaled down: no view of the dataset shows more

/** @throws ModelError when it cannot be used */
export async function readModelFile(path: string): Promise<TriangleScene> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) {
    throw new ModelError(
      `readModelFile: at most ${MAX_BYTES} bytes are read, the file has ${size}. Simplify the model.`,
    );
  }
  const folder = await realpath(dirname(path));
  const loadResource = async (relative: string): Promise<Uint8Array> => {
    const target = await realpath(resolve(folder, relative));
    if (!target.startsWith(folder + sep)) {
      throw new ModelError(
        `readModelFile: "${relative}" leads out of the folder of the model. Put the file beside it.`,
      );
    }
    return readFile(target);
  };
  return readGltfScene(await readFile(path), { loadResource, decodePicture });
}

async function decodePicture(bytes: Uint8Array): Promise<RgbaPicture> {
  const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
    .resize({ width: MAX_TEXTURE_SIDE, height: MAX_TEXTURE_SIDE, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}
