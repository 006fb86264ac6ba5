/** The public surface of Espalier, a table of contents. Folders are also reachable one by one: `espalier/tensor`, … */

// What long work reports while it runs.
export type { EspalierEvent, OnEvent } from './pipelines/index.ts';
// A picture, several, or a text become assets.
// Models: from a folder or the Hub, what they hold, their weights.
export {
  type Asset,
  type AssetFormat,
  type AssetPrompt,
  assetFormats,
  checkModel,
  decoderRoles,
  describeModel,
  FINISH_ASSET_DEFAULTS,
  type FinishAssetOptions,
  finishAsset,
  type GenerateOptions,
  generateAssets,
  type HubOptions,
  type ImageTo3DOptions,
  imageTo3D,
  type LoadModelOptions,
  loadModel,
  type ModelDescription,
  type ModelFolder,
  openWeights,
  type PresetName,
  presets,
  readWeights,
  type SamplerOverrides,
  type StructuredLatent,
  splatsOf,
  type TextTo3DOptions,
  textTo3D,
} from './pipelines/index.ts';
