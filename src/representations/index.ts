export { blurGrid } from './blur-grid.ts';
export { type CubeFeatures, surfaceOfFeatures } from './cube-features.ts';
export type { CubeField } from './cube-field.ts';
export { type DecodedMesh, meshOfFeatures } from './decoded-mesh.ts';
export { fillInterior } from './fill-interior.ts';
export { type ExtractedSurface, flexicubes } from './flexicubes.ts';
export { type FieldGradient, flexicubesGradient, type SurfaceGradient } from './flexicubes-gradient.ts';
export { type Gaussians, gaussianColors, gaussianCovariances, SH_C0 } from './gaussians.ts';
export { keepMainComponents } from './mesh-components.ts';
export { type MeshMeasures, measureMesh } from './mesh-measures.ts';
export { drawNearestFaces, emptyNearestFaces, type NearestFaces } from './nearest-faces.ts';
export { type OccupancySurfaceOptions, occupancySurface } from './occupancy-surface.ts';
export { type FieldSample, fieldAt, type RadianceField } from './radiance-field.ts';
export type { SurfaceMesh } from './surface-mesh.ts';
export { surfaceNets } from './surface-nets.ts';
export { taubinSmoothing } from './taubin-smoothing.ts';
export {
  type TrainingSurface,
  type TrainingSurfaceGradient,
  trainingSurface,
  trainingSurfaceGradient,
} from './training-surface.ts';
export { turnedMesh } from './turned-mesh.ts';
export { vertexNormals } from './vertex-normals.ts';
export { voxelComponents } from './voxel-components.ts';
export { coordsFromCenters, type Triangles, voxelCenters, voxelize } from './voxelize.ts';
