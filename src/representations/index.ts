export { fillInterior } from './fill-interior.ts';
export { type Gaussians, gaussianColors, gaussianCovariances, SH_C0 } from './gaussians.ts';
export { keepMainComponents } from './mesh-components.ts';
export { type MeshMeasures, measureMesh } from './mesh-measures.ts';
export { type OccupancySurfaceOptions, occupancySurface } from './occupancy-surface.ts';
export type { SurfaceMesh } from './surface-mesh.ts';
export { surfaceNets } from './surface-nets.ts';
export { taubinSmoothing } from './taubin-smoothing.ts';
export { vertexNormals } from './vertex-normals.ts';
