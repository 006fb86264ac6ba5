/** Any asset, drawn by the rasteriser of its kind: one way in for meshes, Gaussians and radiance fields. */
import type { FieldArrays, RgbaPicture, ScenePrimitive, Splats } from '../formats/index.ts';
import { shRestCount } from '../formats/index.ts';
import type { Drawable, Outline } from './asset-outline.ts';
import type { Camera } from './cameras.ts';
import { createFieldRasterizer } from './field-kernel.ts';
import { createGaussianRasterizer } from './gaussian-kernel.ts';
import { normalsFromDepth } from './normals-from-depth.ts';
import { reducePlanes } from './supersampling.ts';
import type { Light } from './surface-light.ts';
import { texturedMesh } from './textured-mesh.ts';
import { createTriangleRenderer, type SurfacePlanes } from './triangles.ts';

/** Owned by whoever created it; give its threads back with `dispose`. Cameras are in the asset's frame. */
export interface AssetRenderer {
  /** Straight alpha on nothing, display-referred. */
  color(camera: Camera): Promise<RgbaPicture>;
  /** Depths are in the asset's units. */
  surface(camera: Camera): Promise<SurfacePlanes>;
  dispose(): Promise<void>;
}

export const MAX_PICTURE_SIZE = 4096;

/** @param size  pixels per side, 1 … 4096 */
export async function createAssetRenderer(asset: Drawable, outline: Outline, size: number): Promise<AssetRenderer> {
  if (!Number.isInteger(size) || size < 1 || size > MAX_PICTURE_SIZE)
    throw new RangeError(`createAssetRenderer: size must be an integer in 1 … ${MAX_PICTURE_SIZE}, got ${size}.`);
  switch (asset.kind) {
    case 'mesh':
      return meshRenderer(asset.primitives, outline, size);
    case 'splats':
      return splatRenderer(asset.splats, outline, size);
    case 'radiance-field':
      return fieldRenderer(asset.field, size);
    default:
      return asset satisfies never;
  }
}

/**
 * The rasterisers' near planes are absolute, so meshes and Gaussians are drawn in a frame where the asset has this radius
 * around the origin: then Gaussians are drawn from a twentieth of it on.
 */
const RADIUS = 4;

interface Moved {
  readonly scale: number;
  /** [N, 3] in the asset's frame → in that of the rasteriser */
  points(src: Float32Array): Float32Array;
  /** which sees the same */
  camera(src: Camera): Camera;
}

function movedInto({ center, radius }: Outline): Moved {
  const scale = RADIUS / radius;
  return {
    scale,
    points: (src) => src.map((v, i) => (v - center[i % 3]) * scale),
    camera({ extrinsics: e, intrinsics }) {
      const extrinsics = e.slice();
      for (let r = 0; r < 3; r++) {
        const turned = e[4 * r] * center[0] + e[4 * r + 1] * center[1] + e[4 * r + 2] * center[2];
        extrinsics[4 * r + 3] = scale * (turned + e[4 * r + 3]);
      }
      return { extrinsics, intrinsics };
    },
  };
}

function meshRenderer(primitives: readonly ScenePrimitive[], outline: Outline, size: number): AssetRenderer {
  const moved = movedInto(outline);
  const mesh = texturedMesh({
    primitives: primitives.map((p) => ({ ...p, positions: moved.points(p.positions) })),
    warnings: [],
  });
  const samples = size <= 1024 ? 4 : size <= 2048 ? 3 : 2;
  const colors = createTriangleRenderer({ size, samples });
  // An odd number: one sample lies in the pixel's middle, where depth is meant.
  const surfaces = createTriangleRenderer({ size, samples: size <= 2048 ? 3 : 1 });
  return {
    async color(camera) {
      const at = moved.camera(camera);
      return colors.render(mesh, at, studioLight(at));
    },
    async surface(camera) {
      const planes = surfaces.surface(mesh, moved.camera(camera));
      return { ...planes, depth: planes.depth.map((z) => z / moved.scale) };
    },
    dispose: async () => {},
  };
}

/**
 * A lamp over the camera's left shoulder, a pale sky, a little from everywhere: every side is lit alike, as on a turntable
 * that turns before a fixed lamp. Together they stay below 1: a white object keeps its shading, before a white ground too.
 */
function studioLight({ extrinsics: e }: Camera): Light {
  const [x, y, z] = [-0.55, -0.75, -0.75]; // in the camera's axes: left, up, towards it
  const far = 8 * RADIUS;
  const along = (c: number) => far * (x * e[c] + y * e[4 + c] + z * e[8 + c]);
  return { position: [along(0), along(1), along(2)], lamp: 0.56, sky: 0.16, ambient: 0.1 };
}

/** Samples per pixel and side, where memory allows. */
const supersamplingOf = (size: number): number => (size <= 2048 ? 2 : 1);

async function splatRenderer(splats: Splats, outline: Outline, size: number): Promise<AssetRenderer> {
  const moved = movedInto(outline);
  const scene = {
    means: moved.points(splats.means),
    scales: splats.scales.map((s) => s * moved.scale),
    rotations: splats.rotations,
    opacities: splats.opacities,
    colorsDc: splats.shDc,
    colorsRest: shRestCount(splats.shDegree) > 0 ? splats.shRest : undefined,
  };
  const rasterizer = await createGaussianRasterizer();
  const factor = supersamplingOf(size);
  const draw = (camera: Camera) => {
    const side = size * factor;
    return rasterizer.render(scene, { camera: moved.camera(camera), width: side, height: side });
  };
  return {
    color: async (camera) => straightPicture(await draw(camera), size, factor),
    surface: async (camera) => surfaceOf(await draw(camera), camera, size, factor, moved.scale),
    dispose: () => rasterizer.dispose(),
  };
}

async function fieldRenderer(field: FieldArrays, size: number): Promise<AssetRenderer> {
  const rasterizer = await createFieldRasterizer();
  const factor = supersamplingOf(size);
  const draw = (camera: Camera) => rasterizer.render(field, { camera, width: size * factor, height: size * factor });
  return {
    color: async (camera) => straightPicture(await draw(camera), size, factor),
    surface: async (camera) => surfaceOf(await draw(camera), camera, size, factor, 1),
    dispose: () => rasterizer.dispose(),
  };
}

/** Planes over black, weighted by alpha. */
interface Blended {
  readonly color: Float32Array; // [3, H, W]
  readonly alpha: Float32Array; // [H, W]
  readonly depth: Float32Array; // [H, W]
}

function straightPicture({ color, alpha }: Blended, size: number, factor: number): RgbaPicture {
  const [colors, alphas] = [reducePlanes(color, size, size, factor), reducePlanes(alpha, size, size, factor)];
  const pixels = size * size;
  const data = new Uint8Array(4 * pixels);
  for (let at = 0; at < pixels; at++) {
    if (!(alphas[at] > 0)) continue;
    const unit = 255 / alphas[at];
    for (let c = 0; c < 3; c++)
      data[4 * at + c] = Math.round(Math.min(255, Math.max(0, colors[c * pixels + at] * unit)));
    data[4 * at + 3] = Math.round(Math.min(255, 255 * alphas[at]));
  }
  return { width: size, height: size, data };
}

function surfaceOf(
  { alpha, depth }: Blended,
  camera: Camera,
  size: number,
  factor: number,
  scale: number,
): SurfacePlanes {
  const alphas = reducePlanes(alpha, size, size, factor);
  const depths = reducePlanes(depth, size, size, factor).map((z, i) => (alphas[i] > 0 ? z / (alphas[i] * scale) : 0));
  return { alpha: alphas, depth: depths, normal: normalsFromDepth(depths, alphas, camera, size, size) };
}
