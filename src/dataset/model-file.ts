/** A model on disk → triangles. The only place where the dataset reads models; pictures are decoded by sharp. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, extname, resolve, sep } from 'node:path';
import sharp from 'sharp';
import { ModelError, type ReadModelOptions, type RgbaPicture, readMesh, type TriangleScene } from '../formats/index.ts';

const MAX_BYTES = 1 << 30;
const MAX_PIXELS = 8192 * 8192; // of one texture; more is refused before it is decoded
const MAX_TEXTURE_SIDE = 2048; // larger textures are scaled down: no view of the dataset shows more

export interface ReadModelFileOptions {
  /** Longest side of a texture in pixels; larger ones are scaled down. */
  maxTextureSide?: number;
}

/** The bytes of a model, and how its reader reaches what stands beside it. */
export interface OpenModelFile {
  readonly bytes: Uint8Array;
  readonly extension: string; // with the dot
  readonly resources: ReadModelOptions;
}

/** A GLB, glTF, OBJ, STL or PLY file with what stands beside it. @throws ModelError when it cannot be used */
export async function readModelFile(path: string, options: ReadModelFileOptions = {}): Promise<TriangleScene> {
  const { bytes, extension, resources } = await openModelFile(path, options);
  return readMesh(bytes, extension, resources);
}

/** Files beside the model are opened only inside its folder, links followed. @throws ModelError when there is no such file */
export async function openModelFile(
  path: string,
  { maxTextureSide = MAX_TEXTURE_SIDE }: ReadModelFileOptions = {},
): Promise<OpenModelFile> {
  const bytes = await readWithin(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new ModelError(`${path}: there is no such file. Give the path of a model.`);
    if (error.code === 'EACCES' || error.code === 'EPERM') {
      throw new ModelError(`${path}: there is no permission to read it. Change its permissions, or copy it.`);
    }
    throw error;
  });
  const folder = await realpath(dirname(path));
  const loadResource = async (relative: string): Promise<Uint8Array> => {
    const target = await realpath(resolve(folder, relative)).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? new Error('there is no such file', { cause: error }) : error;
    }); // where links lead
    if (!target.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      throw new ModelError(
        `openModelFile: "${relative}" leads out of the folder of the model. Put the file beside it.`,
      );
    }
    return readWithin(target);
  };
  const resources = { loadResource, decodePicture: (data: Uint8Array) => decodePicture(data, maxTextureSide) };
  return { bytes, extension: extname(path), resources };
}

/** The size is asked for first, so that nothing too large, endless or foreign (a pipe, a device) is opened. */
async function readWithin(path: string): Promise<Uint8Array> {
  const info = await stat(path);
  if (!info.isFile()) throw new ModelError(`${path}: is not a file. Give the path of a model.`);
  if (info.size > MAX_BYTES) {
    throw new ModelError(
      `${path}: at most ${MAX_BYTES} bytes are read, the file has ${info.size}. Simplify the model.`,
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
