export {
  type StructureDecoderConfig,
  type StructureEncoderConfig,
  samplePosterior,
  structureDecoder,
  structureEncoder,
} from './autoencoder.ts';
export { consensus } from './consensus.ts';
export { coordsToOccupancy, logitsToCoords, occupancyToCoords } from './coords.ts';
export { squaredDistanceTransform } from './distance-transform.ts';
export { type StructureFlowConfig, structureFlow, structureFlowBuffers, structurePrompt } from './flow.ts';
export {
  FRAMES,
  type Frame,
  pitchOf,
  quarterTurned,
  quarterTurnedCoords,
  quarterTurnsToFront,
  type Turn,
  tilt,
  turnedPoint,
  turnToFront,
  turnToView,
} from './frame.ts';
export { promptHolder, promptInputs, promptOutputs } from './held-prompts.ts';
export { compareOccupancies, type OccupancyComparison, type OccupancyScore, occupancyIou } from './metrics.ts';
export { agreeWithOutline, cameraOfOutline, type Outline, type ViewCamera } from './outline.ts';
export { paintAsSeen } from './paint-as-seen.ts';
export {
  openStructureDecoder,
  openStructureSampler,
  type StructureDecoderRunner,
  type StructureSampler,
  type StructureSamplerOptions,
  structureSamplerDefaults,
  structuresAtOnce,
  type Weights,
} from './sampler.ts';
export { PITCH_BINS, uprightPitch } from './upright.ts';
