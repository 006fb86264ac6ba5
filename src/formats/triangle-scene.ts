/**
 * What every mesh reader gives and every mesh writer takes: triangles in world space, with what a renderer needs to know
 * of their materials. Axes: the object frame of docs/conventions.md, right-handed, z up.
 */

/** 8-bit RGBA, straight alpha, sRGB, first row on top: data [height · width · 4]. */
export interface RgbaPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export type Wrap = 'repeat' | 'mirror' | 'clamp';

export interface SceneTexture extends RgbaPicture {
  readonly wrapU: Wrap;
  readonly wrapV: Wrap;
}

export interface SceneMaterial {
  readonly name: string;
  readonly baseColorFactor: readonly [number, number, number, number]; // linear RGBA
  readonly baseColorTexture?: SceneTexture;
  readonly alphaMode: 'opaque' | 'mask' | 'blend';
  readonly alphaCutoff: number; // only for 'mask'
  readonly doubleSided: boolean;
  readonly unlit: boolean;
  /** How metallic and how rough, in [0, 1], one number for the whole surface; absent where the format does not say. */
  readonly metallic?: number;
  readonly roughness?: number;
}

export interface ScenePrimitive {
  readonly positions: Float32Array; // [V, 3], world, z-up
  readonly normals?: Float32Array; // [V, 3], unit or zero; absent: shade flat
  readonly uvs?: Float32Array; // [V, 2], texture transform applied, v down
  readonly colors?: Float32Array; // [V, 4], linear RGBA, multiplied with the base colour
  readonly indices: Uint32Array; // [F, 3], all < V
  readonly material: SceneMaterial;
}

export interface TriangleScene {
  readonly primitives: readonly ScenePrimitive[];
  /** What was repaired or left out, in words. */
  readonly warnings: readonly string[];
}

/** How a reader reaches what lies outside the bytes it was given. */
export interface ReadModelOptions {
  /** Bytes of a file beside the model, by its decoded relative path. Absent: only self-contained models are read. */
  loadResource?: (path: string) => Promise<Uint8Array>;
  /** Decoder of PNG, JPEG and WebP. Absent: textures are left out with a warning. */
  decodePicture?: (bytes: Uint8Array) => Promise<RgbaPicture>;
}

/** The model cannot be used; the message says where, what was expected, what came, and how to mend it. */
export class ModelError extends Error {
  override name = 'ModelError';
}

/** The file is sound, but holds no triangle with an area: an empty scene, lines, points. */
export class NoSurfaceError extends ModelError {
  override name = 'NoSurfaceError';
}

/** The material of what has none: gray, seen from both sides. */
export const NEUTRAL_MATERIAL: SceneMaterial = {
  name: 'neutral',
  baseColorFactor: [0.8, 0.8, 0.8, 1],
  alphaMode: 'opaque',
  alphaCutoff: 0.5,
  doubleSided: true,
  unlit: false,
};
