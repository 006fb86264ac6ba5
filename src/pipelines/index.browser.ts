/** Stages composed, for pages: what index.ts has, without what only Node can do. */

export { type Asset, assetOf } from './asset.ts';
export { type AssetFormat, assetFormats, decoderRoles } from './decode-stage.ts';
export { describeModel, type ModelDescription } from './describe-model.ts';
export type { EspalierEvent, OnEvent } from './events.ts';
export { type GenerateOptions, generateAssets } from './generate-assets.ts';
export { isHubId } from './hub/hub-id.ts';
export type { HubOptions } from './hub/repository.ts';
export type { StructuredLatent } from './latent-stage.ts';
export { loadModel, type ModelFolder } from './model-folder.ts';
export { forgetAll } from './page-store/kept-files.ts';
export type { AssetPrompt } from './prompt-tokens.ts';
export { type PresetName, presets, type SamplerOverrides } from './sampler-settings.ts';
