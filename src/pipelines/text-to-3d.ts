import type { Asset } from './asset.ts';
import { type GenerateOptions, generateAssets } from './generate-assets.ts';
import type { ModelFolder } from './model-folder.ts';

export type TextTo3DOptions = Omit<GenerateOptions, 'samples' | 'multiImage'>;

/**
 * A text becomes a 3D asset; with `shape`, a variant of that mesh as the text says. For several assets at once see
 * `generateAssets`.
 * @throws Error when the model takes pictures, and when a stage's result fails its check (with the stage's name)
 */
export async function textTo3D(model: ModelFolder, text: string, options: TextTo3DOptions = {}): Promise<Asset> {
  const [asset] = await generateAssets(model, { kind: 'text', text }, { ...options, samples: 1 });
  return asset;
}
