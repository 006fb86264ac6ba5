// The whole way

export {
  BAKE_DEFAULTS,
  type BakeOptions,
  type BakeReport,
  bakeTexture,
  type ColorSource,
  type TextureMode,
} from './bake-texture.ts';
export type { BakeView } from './blend-views.ts';
// Self-check
export {
  type AtlasCheck,
  type CheckedMesh,
  checkMesh,
  type Finding,
  type MeshCheck,
  type ShapeCheck,
} from './check-mesh.ts';
export { checkScene, type SceneCheck } from './check-scene.ts';
export { FACE_VISIBILITY_DEFAULTS, type FaceVisibilityOptions, faceVisibility } from './face-visibility.ts';
export { FILL_HOLES_DEFAULTS, type FilledHolesReport, type FillHolesOptions, fillHoles } from './fill-holes.ts';
export {
  FINISH_DEFAULTS,
  FINISH_STEPS,
  type FinishEvent,
  type FinishedMesh,
  type FinishOptions,
  type FinishStep,
  finishMesh,
} from './finish-mesh.ts';
export {
  KEEP_MAIN_PARTS_DEFAULTS,
  type KeepMainPartsOptions,
  keepMainParts,
  type MainPartsReport,
} from './keep-main-parts.ts';
// Tools of the steps
export { type CutGraph, type MinimumCut, minimumCut } from './minimum-cut.ts';
export { OBSERVE_DEFAULTS, type Observed, type ObserveOptions, observe } from './observe.ts';
export { OPTIMIZE_DEFAULTS, type OptimizeOptions, optimizeTexture } from './optimize-texture.ts';
// What comes in
export { meshOfScene, type RawMesh } from './raw-mesh.ts';
export {
  type InnerFacesReport,
  REMOVE_INNER_FACES_DEFAULTS,
  type RemoveInnerFacesOptions,
  removeInnerFaces,
} from './remove-inner-faces.ts';
export {
  flippedAgainst,
  SIMPLIFY_DEFAULTS,
  type SimplifyOptions,
  type SimplifyReport,
  type SimplifyTarget,
  simplify,
} from './simplify.ts';
export { UNWRAP_DEFAULTS, type UnwrapOptions, type UnwrappedMesh, type UnwrapReport, unwrap } from './unwrap.ts';
// Its steps, in order
export { WELD_DEFAULTS, type WeldOptions, type WeldReport, weld } from './weld.ts';
