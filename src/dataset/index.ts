// The whole way

export { coordsFromCenters, voxelCenters, voxelize } from '../representations/index.ts';
// Its steps
export type { CollectOptions } from './1-collect.ts';
export { collect } from './1-collect.ts';
export { voxelizeAsset, voxelPath } from './2-voxelize.ts';
export type { RenderCondOptions } from './3-render-cond.ts';
export { condCameras, renderCondAsset, renderCondDefaults, rendersCondPath } from './3-render-cond.ts';
export type { TurnedFrame } from './4-voxelize-cond.ts';
export { readVoxelsCond, voxelizeCondAsset, voxelsCondPath } from './4-voxelize-cond.ts';
export type { BuildDatasetOptions, BuildEvent, BuildStage, BuildSummary } from './build.ts';
export { buildDataset } from './build.ts';
export { type CondView, condViews } from './cond-views.ts';
export { type Share, shareOfLauncher } from './launcher.ts';
// The table of a root
export type { MetadataRow, RecordName } from './metadata.ts';
export { mergeRecords, readMetadata, selectWork, updateRows, writeMetadata, writeRecords } from './metadata.ts';
// Models
export type { OpenModelFile, ReadModelFileOptions } from './model-file.ts';
export { openModelFile, readModelFile } from './model-file.ts';
export { splitGroup, splitOf, VALIDATION_SHARE } from './split.ts';
export type { UnitCubeScene } from './unit-cube.ts';
export { toUnitCube } from './unit-cube.ts';
