/** Stages composed into what a user asks for, and the stream of events that all long work reports. */

export { type Asset, gaussiansOf, modelOf, splatsOf } from './asset.ts';
export { type AssetFormat, assetFormats, decoderRoles } from './decode-stage.ts';
export { describeModel, type ModelDescription, type NetworkDescription } from './describe-model.ts';
export type { EspalierEvent, OnEvent } from './events.ts';
export { FINISH_ASSET_DEFAULTS, type FinishAssetOptions, finishAsset } from './finish-asset.ts';
export { type GenerateOptions, generateAssets } from './generate-assets.ts';
export { type HubOptions, hubCacheFolder, isHubId } from './hub/index.ts';
export { type ImageTo3DOptions, imageTo3D } from './image-to-3d.ts';
export type { StructuredLatent } from './latent-stage.ts';
export { localFile } from './local-file.ts';
export {
  type LoadModelOptions,
  loadModel,
  type ModelFolder,
  type Networks,
  type RequiredRole,
} from './model-folder.ts';
export type { DistantFile } from './model-source.ts';
export {
  checkedNetwork,
  checkModel,
  checkNetwork,
  type Network,
  type NetworkOf,
  openWeights,
  readWeights,
  type WeightsOptions,
} from './network.ts';
export {
  type ClassName,
  type ConfigOf,
  type NetworkClass,
  networkClasses,
  type Role,
  roleClasses,
} from './network-classes.ts';
export type { SamplerOptions } from './pipeline-file.ts';
export { openPromptEncoder, pictureSizeOf, promptTokenCount } from './prompt-encoder.ts';
export { type AssetPrompt, promptTokens } from './prompt-tokens.ts';
export {
  type Background,
  type RenderedView,
  type RenderOptions,
  renderAsset,
  renderViews,
  type ViewMap,
  viewMaps,
} from './render-asset.ts';
export {
  type PictureFormat,
  pictureFormats,
  type RenderedFile,
  type RenderFileOptions,
  renderFile,
  TURNTABLE_DEFAULTS,
} from './render-file.ts';
export { type PresetName, presetNamed, presets, type SamplerOverrides } from './sampler-settings.ts';
export { type SavedNetwork, saveModel } from './save-model.ts';
export {
  agreed,
  colorsOf,
  outlineOf,
  pitchesOf,
  type Seen,
  seenFrom,
  surfaceSeen,
  viewCameraOf,
} from './seen-shape.ts';
export { type StructuresOptions, structures } from './structure-stage.ts';
export { type TextTo3DOptions, textTo3D } from './text-to-3d.ts';
