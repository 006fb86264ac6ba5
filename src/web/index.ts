/** Espalier in a page: the stages of `espalier` in a Web Worker, on WebGPU or WebAssembly. */

export {
  type AssetFormat,
  assetFormats,
  type EspalierEvent,
  type ModelDescription,
  type OnEvent,
  type PresetName,
  presets,
} from '../pipelines/index.browser.ts';
export type { PageDevice, PageRuntimeOptions } from '../tensor/index.browser.ts';
export {
  generateAssets,
  imageTo3D,
  type PageAsset,
  type PageOptions,
  type PagePicture,
  type PagePrompt,
  textTo3D,
} from './generate.ts';
export { forgetModels, loadModel, type PageLoadOptions, type PageModel } from './model.ts';
