export {
  type AdaptiveClipperOptions,
  adaptiveClipper,
  type Clipper,
  type ClipperState,
  clipFactor,
  fixedClipper,
} from './adaptive-clipper.ts';
export { type ArrayAdam, type ArrayAdamOptions, arrayAdam } from './array-adam.ts';
export { cropOccupancy } from './augment.ts';
export {
  type Checkpoint,
  latestCheckpoint,
  loadCheckpoint,
  type SaveOptions,
  type StoredArray,
  type StoredArrays,
  saveCheckpoint,
} from './checkpoint.ts';
export { exampleSheet, type StructureExample } from './example-sheet.ts';
export { exportStructureModel } from './export-model.ts';
export {
  type GaussianParameters,
  gaussiansOfParameters,
  parametersBackward,
  parametersOfGaussians,
} from './gaussian-parameters.ts';
export {
  depthLoss,
  facingNormals,
  GEOMETRY_WEIGHTS,
  maskLoss,
  normalAngle,
  normalLoss,
  type PictureSize,
  perceptualLoss,
  tsdfLoss,
} from './geometry-losses.ts';
export { loadAutoencoder } from './load-autoencoder.ts';
export { type TrainEvent, type TrainLoop, train } from './loop.ts';
export { type Lpips, openLpips } from './lpips.ts';
export { l1Loss, l2Loss, type PictureLoss, psnr, smoothL1Loss, ssim } from './picture-losses.ts';
export { preparedViews } from './prepared-views.ts';
export { type LogTerms, type RunLog, type RunLogOptions, runLog } from './run-log.ts';
export { type RunRecipeOptions, runRecipe } from './run-recipe.ts';
export { type StructureSample, structureSamples } from './structure-data.ts';
export { type Clock, type EventFile, eventFile } from './tensorboard.ts';
