import type { RgbaPicture } from '../stages/0-condition/index.ts';
import type { Asset } from './asset.ts';
import { type GenerateOptions, generateAssets } from './generate-assets.ts';
import type { ModelFolder } from './model-folder.ts';

export type ImageTo3DOptions = Omit<GenerateOptions, 'samples'>;

/**
 * A picture becomes a 3D asset. `picture` is a file's bytes or RGBA pixels, or several pictures of one object; without
 * transparency its background must be plain, and is removed. For several assets at once see `generateAssets`.
 * @throws Error when the picture cannot be read or its object not be told from the background, and when a stage's
 *   result fails its check (with the stage's name)
 */
export async function imageTo3D(
  model: ModelFolder,
  picture: Uint8Array | RgbaPicture | readonly (Uint8Array | RgbaPicture)[],
  options: ImageTo3DOptions = {},
): Promise<Asset> {
  const pictures = isList(picture) ? picture : [picture];
  const [asset] = await generateAssets(model, { kind: 'image', pictures }, { ...options, samples: 1 });
  return asset;
}

const isList = <T extends object>(one: T | readonly T[]): one is readonly T[] => Array.isArray(one);
