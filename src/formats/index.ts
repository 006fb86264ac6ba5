// Bytes ⇄ data. A leaf: imports nothing of ours.

// Tables and tensors

export { type CsvTable, formatCsv, parseCsv } from './csv.ts';
export { floatsToHalves, halvesToFloats } from './half-float.ts';
export { type NpyArray, NpzError, readNpy, readNpz, writeNpy, writeNpz } from './npz.ts';
export {
  parseSafetensorsHeader,
  readSafetensors,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  type SafetensorsHeader,
  type SafetensorsInput,
  type SafetensorsRange,
  safetensorsEntry,
  safetensorsHeaderBytes,
  toFloat32,
  writeSafetensors,
} from './safetensors.ts';

// Pictures

export {
  type DecodedPicture,
  type DecodePictureOptions,
  decodePicture,
  encodeAnimation,
  encodeGray16,
  encodePng,
  encodeTexture,
  PictureError,
} from './picture.ts';

// Colours

export { displayOfLinear, linearOfDisplay } from './display-color.ts';

// Voxels of a dataset

export { readPointsPly, writePointsPly } from './ply.ts';

// Meshes

export { type GlbMesh, type MeshMaterialOptions, sceneOfMesh } from './mesh-scene.ts';
export type {
  ReadModelOptions,
  RgbaPicture,
  SceneMaterial,
  ScenePrimitive,
  SceneTexture,
  TriangleScene,
  Wrap,
} from './triangle-scene.ts';
export { ModelError, NEUTRAL_MATERIAL, NoSurfaceError } from './triangle-scene.ts';
export { sampleTexture, vertexColors } from './vertex-colors.ts';
export type { NamedFile, WritableScene } from './writable-scene.ts';

// Meshes in

export { readGltfScene } from './gltf-scene.ts';
export { readObj } from './obj.ts';
export { readPlyMesh } from './ply-mesh.ts';
export { MESH_EXTENSIONS, readMesh } from './read-mesh.ts';
export { readStl } from './stl.ts';

// Meshes out

export { type GlbOptions, type GlbSceneOptions, writeGlb, writeGlbScene } from './glb.ts';
export { writeObj } from './obj-out.ts';
export { writePlyMesh } from './ply-mesh-out.ts';
export { writeStl } from './stl-out.ts';
export { writeUsdz } from './usdz.ts';

// Gaussians

export { rotateHarmonics, sphericalHarmonics } from './spherical-harmonics.ts';
export { type ReadSplats, SH_C0, type ShDegree, type Splats, shRestCount } from './splats.ts';

// Gaussians in and out

export { readGltfSplats } from './gltf-splats.ts';
export { writeGltfSplats } from './gltf-splats-out.ts';
export { readSplats, SPLAT_EXTENSIONS } from './read-splats.ts';
export { readSplatFile, writeSplatFile } from './splat-file.ts';
export { readSplatPly, writeSplatPly } from './splat-ply.ts';
export { readSpz, type SpzOptions, writeSpz } from './spz.ts';

// Radiance fields

export { FIELD_EXTENSIONS, type FieldArrays, type ReadField, readField, writeField } from './field-file.ts';

// Any of them, by the file's name

export { MODEL_EXTENSIONS, type Model, readModel } from './read-model.ts';
export { TEXTURE_FORMATS, type TextureFormat } from './texture-format.ts';
export {
  MODEL_FORMATS,
  type ModelFormat,
  type WriteModelOptions,
  type WrittenModel,
  writeModel,
} from './write-model.ts';
