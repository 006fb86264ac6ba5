/** Stages composed into what a user asks for, and the stream of events that all long work reports. */
export type { EspalierEvent, OnEvent } from './events.ts';
export {
  type Asset,
  type ImageTo3DOptions,
  imageTo3D,
  promptTokens,
  type StructuresOptions,
  structures,
} from './image-to-3d.ts';
export {
  loadModel,
  type ModelFolder,
  type Network,
  type Networks,
  type SavedNetwork,
  saveModel,
} from './model-folder.ts';
