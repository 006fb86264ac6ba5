// Figures of a trained model on held-out assets, against baselines.
export {
  type EvaluateStructureOptions,
  evaluateStructure,
  type StructureEvaluation,
  type StructureExample,
  type StructureScore,
} from './evaluate-structure.ts';
export { exampleSheet } from './example-sheet.ts';
export { meanShape } from './mean-shape.ts';
export { nearestPicture } from './nearest-picture.ts';
