// Figures of a trained model on held-out assets, against baselines.
export { exampleSheet, type StructureExample } from '../training/index.ts';
export {
  condPicture,
  type EvaluateStructureOptions,
  evaluateStructure,
  type StructureEvaluation,
  type StructureScore,
} from './evaluate-structure.ts';
export { meanShape } from './mean-shape.ts';
export { nearestPicture } from './nearest-picture.ts';
export {
  type Surface,
  type SurfaceDistance,
  type SurfaceDistanceOptions,
  sampleSurface,
  surfaceDistance,
} from './surface-distance.ts';
