export {
  type AdaptiveClipperOptions,
  adaptiveClipper,
  type Clipper,
  type ClipperState,
  clipFactor,
  fixedClipper,
} from './adaptive-clipper.ts';
export {
  type Checkpoint,
  latestCheckpoint,
  loadCheckpoint,
  type SaveOptions,
  type StoredArray,
  type StoredArrays,
  saveCheckpoint,
} from './checkpoint.ts';
export { type LogTerms, type RunLog, type RunLogOptions, runLog } from './run-log.ts';
export { type Clock, type EventFile, eventFile } from './tensorboard.ts';
