import { linearOfDisplay, type Model, type Splats, sceneOfMesh, writeGlb, writeSplatPly } from '../formats/index.ts';
import type { GaussianScene } from '../render/index.ts';
import {
  type DecodedMesh,
  type Gaussians,
  type RadianceField,
  type SurfaceMesh,
  vertexNormals,
} from '../representations/index.ts';
import type { AssetFormat } from './decode-stage.ts';
import type { StructuredLatent } from './latent-stage.ts';

/** What a prompt became; all in the object frame, z up, box [−0.5, 0.5]³, voxels in the model's. */
export interface Asset {
  /** occupied voxels, int32 [N, 3] */
  coords: Int32Array;
  /** radians by which the camera stood above the object, where the voxels stand as it saw them (`frame: 'view'`): the mesh is turned by it */
  pitch?: number;
  /** logits of occupancy [R, R, R]; ±1 where the voxels were given, as in variants of a mesh */
  logits: Float32Array;
  /** with a model that has stage two */
  slat?: StructuredLatent;
  gaussians?: Gaussians;
  radianceField?: RadianceField;
  /**
   * As it was decoded, with vertex colors; of a model without stage two, or when 'mesh' was not asked for, the closed
   * surface of the voxels, made when it is first read, with the colors of its picture where it stands as that saw it (`paintAsSeen`).
   */
  readonly mesh: SurfaceMesh;
  /** the mesh as a binary glTF file */
  glb(): Promise<Uint8Array>;
  /** the Gaussians as a splat PLY file. @throws Error when there are none */
  ply(): Uint8Array;
}

/** @param mesh  what was decoded, or how to make it */
export function assetOf(parts: Omit<Asset, 'mesh' | 'glb' | 'ply'>, mesh: SurfaceMesh | (() => SurfaceMesh)): Asset {
  let made = mesh;
  return {
    ...parts,
    get mesh() {
      if (typeof made === 'function') made = made();
      return made;
    },
    glb() {
      return writeGlb(this.mesh);
    },
    ply() {
      if (!parts.gaussians)
        throw new Error("ply: the asset has no Gaussians. Generate it with formats: ['gaussians'], or take its mesh.");
      return writeSplatPly(splatsOf(parts.gaussians));
    },
  };
}

/**
 * One of the forms of an asset, as it is written to files and drawn.
 * @throws Error when the asset was made without it
 */
export function modelOf(asset: Asset, format: AssetFormat): Model {
  const { gaussians, radianceField } = asset;
  switch (format) {
    case 'mesh':
      return { kind: 'mesh', ...sceneOfMesh(asset.mesh) };
    case 'gaussians':
      return { kind: 'splats', splats: splatsOf(gaussians ?? lacking(format)), warnings: [] };
    case 'radiance-field':
      return { kind: 'radiance-field', field: radianceField ?? lacking(format), warnings: [] };
    default:
      return format satisfies never;
  }
}

function lacking(format: AssetFormat): never {
  throw new Error(`modelOf: the asset was made without "${format}". Generate it with formats: ['${format}'].`);
}

/** Gaussians as splat formats exchange them. Their colors do not depend on the direction. */
export function splatsOf({ means, scales, rotations, opacities, colorsDc }: Gaussians): Splats {
  return {
    means,
    scales,
    rotations,
    opacities,
    shDegree: 0,
    shDc: colorsDc,
    shRest: new Float32Array(0),
    antialiased: true, // TRELLIS trains with the 2-D filter of mip-splatting
  };
}

/** Gaussians from a splat file, as the rasteriser takes them. */
export function gaussiansOf({ means, scales, rotations, opacities, shDc, shRest }: Splats): GaussianScene {
  return {
    means,
    scales,
    rotations,
    opacities,
    colorsDc: shDc,
    ...(shRest.length > 0 && { colorsRest: shRest }),
  };
}

/** A decoded mesh with normals, its colors in linear light. */
export function surfaceOf({ positions, indices, colors }: DecodedMesh): SurfaceMesh {
  return { positions, indices, normals: vertexNormals(positions, indices), colors: colors?.map(linearOfDisplay) };
}
