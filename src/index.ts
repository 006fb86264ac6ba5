/** The public surface of Espalier, a table of contents. Folders are also reachable one by one: `espalier/tensor`, … */

// What long work reports while it runs.
export type { EspalierEvent, OnEvent } from './pipelines/index.ts';
// A picture becomes an asset.
export { type Asset, type ImageTo3DOptions, imageTo3D, loadModel, type ModelFolder } from './pipelines/index.ts';
