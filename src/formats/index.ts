// Bytes ⇄ data. A leaf: imports nothing of ours.
export { type CsvTable, formatCsv, parseCsv } from './csv.ts';
export { type GlbMesh, type GlbOptions, writeGlb } from './glb.ts';
export { readGltfScene } from './gltf-scene.ts';
export { floatsToHalves, halvesToFloats } from './half-float.ts';
export { type NpyArray, NpzError, readNpy, readNpz, writeNpy, writeNpz } from './npz.ts';
export { type DecodedPicture, type DecodePictureOptions, decodePicture, encodePng, PictureError } from './picture.ts';
export { readPointsPly, writePointsPly } from './ply.ts';
export { MESH_EXTENSIONS, readMesh } from './read-mesh.ts';
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
