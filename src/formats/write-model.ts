/** A mesh, Gaussians or a radiance field → the files of any format that can hold them, and what the format could not keep. */
import { writeField } from './field-file.ts';
import { writeGlbScene } from './glb.ts';
import { writeGltfSplats } from './gltf-splats-out.ts';
import { writeObj } from './obj-out.ts';
import { writePlyMesh } from './ply-mesh-out.ts';
import type { Model } from './read-model.ts';
import { writeSplatFile } from './splat-file.ts';
import { writeSplatPly } from './splat-ply.ts';
import type { Splats } from './splats.ts';
import { writeSpz } from './spz.ts';
import { writeStl } from './stl-out.ts';
import type { TextureFormat } from './texture-format.ts';
import { writeUsdz } from './usdz.ts';
import { isColored } from './vertex-colors.ts';
import { type NamedFile, texturesOf, type WritableScene } from './writable-scene.ts';

/** What a model can be written as; each is also the ending of the file. */
export const MODEL_FORMATS = ['glb', 'obj', 'stl', 'ply', 'usdz', 'splat', 'spz', 'safetensors'] as const;
export type ModelFormat = (typeof MODEL_FORMATS)[number];

export interface WriteModelOptions {
  /** Of textures inside a GLB. */
  textureFormat?: TextureFormat;
  /** Of the geometry of a GLB. */
  compression?: 'none' | 'meshopt';
  spzVersion?: 2 | 3;
}

export interface WrittenModel {
  /** The model first; files beside it must be written under the names given. */
  readonly files: readonly NamedFile[];
  /** What was left behind, in words. */
  readonly warnings: readonly string[];
}

/**
 * @param base  name of the file without its ending
 * @throws Error when the format cannot hold the model: each holds one kind of thing
 */
export async function writeModel(
  model: Model,
  format: ModelFormat,
  base: string,
  options: WriteModelOptions = {},
): Promise<WrittenModel> {
  switch (model.kind) {
    case 'mesh':
      return meshFiles(model, format, base, options);
    case 'splats':
      return splatFiles(model.splats, format, base, options);
    case 'radiance-field':
      if (format !== 'safetensors')
        throw new Error(
          `writeModel: a radiance field cannot become .${format}, it has neither triangles nor Gaussians. Choose safetensors, or draw it with \`espalier render\`.`,
        );
      return { files: [{ name: `${base}.${format}`, bytes: writeField(model.field) }], warnings: [] };
    default:
      return model satisfies never;
  }
}

async function meshFiles(
  scene: WritableScene,
  format: ModelFormat,
  base: string,
  { textureFormat, compression }: WriteModelOptions,
): Promise<WrittenModel> {
  const one = (bytes: Uint8Array<ArrayBuffer>, warnings: string[] = []) => ({
    files: [{ name: `${base}.${format}`, bytes }],
    warnings,
  });
  const hasTextures = texturesOf(scene).length > 0;
  switch (format) {
    case 'glb':
      return one(await writeGlbScene(scene, { name: base, textureFormat, compression }));
    case 'obj':
      return { files: await writeObj(scene, base), warnings: [] };
    case 'stl':
      return one(
        writeStl(scene),
        scene.primitives.some(isColored) ? ['STL holds no colours; the shape alone is written.'] : [],
      );
    case 'ply':
      return one(
        writePlyMesh(scene),
        hasTextures ? ['PLY holds no texture; each vertex gets the colour of its place in it.'] : [],
      );
    case 'usdz': {
      const isLost = scene.primitives.some(({ uvs, colors, material }) => colors && uvs && material.baseColorTexture);
      return one(
        await writeUsdz(scene),
        isLost ? ['USDZ shows a texture or vertex colours; the texture is kept.'] : [],
      );
    }
    case 'splat':
    case 'spz':
    case 'safetensors':
      throw new Error(
        `writeModel: a mesh cannot become .${format}, which holds ${format === 'safetensors' ? 'a radiance field' : 'Gaussians'}. Choose glb, obj, stl, ply or usdz.`,
      );
    default:
      return format satisfies never;
  }
}

function splatFiles(
  splats: Splats,
  format: ModelFormat,
  base: string,
  { spzVersion }: WriteModelOptions,
): WrittenModel {
  const one = (bytes: Uint8Array<ArrayBuffer>, warnings: string[] = []) => ({
    files: [{ name: `${base}.${format}`, bytes }],
    warnings,
  });
  switch (format) {
    case 'glb':
      return one(writeGltfSplats(splats, { name: base }));
    case 'ply':
      return one(writeSplatPly(splats));
    case 'splat':
      return one(
        writeSplatFile(splats),
        splats.shDegree > 0 ? ['.splat holds no harmonics; colours no longer change with the direction.'] : [],
      );
    case 'spz':
      return one(writeSpz(splats, { version: spzVersion }));
    case 'obj':
    case 'stl':
    case 'usdz':
    case 'safetensors':
      throw new Error(
        `writeModel: Gaussians cannot become .${format}, which holds ${format === 'safetensors' ? 'a radiance field' : 'triangles'}. Choose ply, splat, spz or glb.`,
      );
    default:
      return format satisfies never;
  }
}
