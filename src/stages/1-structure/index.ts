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
export { FRAMES, FRONT, type Frame, quarterTurned, quarterTurnedCoords, quarterTurnsToFront } from './frame.ts';
export { promptHolder, promptInputs } from './held-prompts.ts';
export { compareOccupancies, type OccupancyComparison, type OccupancyScore, occupancyIou } from './metrics.ts';
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
