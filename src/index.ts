/** The public surface of Espalier, a table of contents. Folders are also reachable one by one: `espalier/tensor`, … */

// What long work reports while it runs.
export type { EspalierEvent, OnEvent } from './pipelines/index.ts';
// A picture becomes an asset.
// Models: from a folder or the Hub, what they hold, their weights.
export {
  type Asset,
  checkModel,
  describeModel,
  type HubOptions,
  type ImageTo3DOptions,
  imageTo3D,
  type LoadModelOptions,
  loadModel,
  type ModelDescription,
  type ModelFolder,
  openWeights,
  readWeights,
} from './pipelines/index.ts';
