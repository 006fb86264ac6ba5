// Any asset
export { type Drawable, type Outline, outlineOf } from './asset-outline.ts';
export { type AssetRenderer, createAssetRenderer, MAX_PICTURE_SIZE } from './asset-renderer.ts';
// Cameras
export type { Camera } from './cameras.ts';
export {
  cameraToWorldOpenGl,
  hammersleyDirection,
  intrinsicsFromFov,
  lookAt,
  orbitCamera,
  projectionFromIntrinsics,
  projectPoints,
} from './cameras.ts';
// Quick looks
export { type ContactSheetOptions, contactSheet } from './contact-sheet.ts';
// Rasterisers with gradients: radiance fields, Gaussians, triangles
export { createFieldRasterizer } from './field-kernel.ts';
export type { FieldGradients, FieldPicture, FieldRasterizer, FieldView } from './field-rasterizer.ts';
export {
  circleOfViews,
  FRAMING_DEFAULTS,
  type Framing,
  type FramingOptions,
  frameViews,
  type NamedView,
  namedViews,
  type ViewDirection,
} from './framing.ts';
export { createGaussianRasterizer } from './gaussian-kernel.ts';
export type {
  GaussianGradients,
  GaussianPicture,
  GaussianRasterizer,
  GaussianScene,
  GaussianUpstream,
  GaussianView,
} from './gaussian-rasterizer.ts';
export { createMeshRasterizer } from './mesh-kernel.ts';
export type {
  MeshGradients,
  MeshPicture,
  MeshRasterizer,
  MeshScene,
  MeshUpstream,
  MeshView as MeshRasterView,
} from './mesh-rasterizer.ts';
export { type MeshViewOptions, meshView } from './mesh-view.ts';
export { normalsFromDepth } from './normals-from-depth.ts';
export { type OrbitView, type ViewFrame, viewFrame } from './orbit-view.ts';
export type { Picture } from './picture.ts';
export { reducePlanes, reducePlanesBackward } from './supersampling.ts';
// Textured triangles
export { defaultLight, type Light } from './surface-light.ts';
export type { MeshMaterial, MipPyramid, TexturedMesh } from './textured-mesh.ts';
export { texturedMesh } from './textured-mesh.ts';
export type { Shading, SurfacePlanes, TriangleRenderer, TriangleRenderOptions } from './triangles.ts';
export { createTriangleRenderer, renderTriangles } from './triangles.ts';
export { fourViews, type VoxelViewOptions, voxelView } from './voxel-view.ts';
