/** The public surface of Espalier, a table of contents. Folders are also reachable one by one: `espalier/tensor`, … */

// What long work reports while it runs.
export type { EspalierEvent, OnEvent } from './pipelines/index.ts';
// A picture, several, or a text become assets.
// Models: from a folder or the Hub, what they hold, their weights.
// Assets become pictures.
export {
  type Asset,
  type AssetFormat,
  type AssetPrompt,
  assetFormats,
  type Background,
  checkModel,
  decoderRoles,
  describeModel,
  FINISH_ASSET_DEFAULTS,
  type FinishAssetOptions,
  finishAsset,
  type GenerateOptions,
  gaussiansOf,
  generateAssets,
  type HubOptions,
  type ImageTo3DOptions,
  imageTo3D,
  type LoadModelOptions,
  loadModel,
  type ModelDescription,
  type ModelFolder,
  modelOf,
  openWeights,
  type PictureFormat,
  type PresetName,
  pictureFormats,
  presets,
  type RenderedFile,
  type RenderedView,
  type RenderFileOptions,
  type RenderOptions,
  readWeights,
  renderAsset,
  renderFile,
  renderViews,
  type SamplerOverrides,
  type StructuredLatent,
  splatsOf,
  type TextTo3DOptions,
  TURNTABLE_DEFAULTS,
  textTo3D,
  type ViewMap,
  viewMaps,
} from './pipelines/index.ts';
export { circleOfViews, type Drawable, type NamedView, namedViews, type ViewDirection } from './render/index.ts';
