/** Colours of a fine surface, of a textured scene, or of pictures, into the texture of an unwrapped mesh. */
import type { RgbaPicture, TriangleScene } from '../formats/index.ts';
import { type BakeProgress, bakeScene, bakeVertexColors } from './bake-surface.ts';
import { type BakeView, blendViews } from './blend-views.ts';
import { dilateSeams } from './dilate-seams.ts';
import { display8OfLinear } from './display-light.ts';
import { type OptimizeOptions, optimizeTexture } from './optimize-texture.ts';
import type { RawMesh } from './raw-mesh.ts';
import { texelPlaces } from './texel-places.ts';
import type { UnwrappedMesh } from './unwrap.ts';

export type ColorSource =
  /** Vertex colours of the surface before simplification. */
  | { readonly kind: 'surface'; readonly mesh: RawMesh }
  /** Materials of the nearest point of a scene: its textures, texel by texel. */
  | { readonly kind: 'scene'; readonly scene: Pick<TriangleScene, 'primitives'> }
  /**
   * Pictures from several sides. 'fast' blends them by how squarely each sees a place; 'best' goes on from there, until
   * the textured mesh looks like them.
   */
  | {
      readonly kind: 'views';
      readonly views: readonly BakeView[];
      readonly mode?: TextureMode;
    };

export type TextureMode = 'fast' | 'best';

export interface BakeOptions extends BakeProgress {
  /** T: texels per side, that of `unwrap`. */
  size?: number;
  /** Of mode 'best'. */
  optimize?: OptimizeOptions;
}

export const BAKE_DEFAULTS = { size: 1024 };

export interface BakeReport {
  /** Texels inside charts, as a share of the texture. */
  readonly coveredShare: number;
  /** Of these, the share that no view saw; they take the colour of their neighbors. 0 for surfaces and scenes. */
  readonly unseenShare: number;
  /** Mean difference to the views, of values in 0 … 1, before the optimisation and after it; only of mode 'best'. */
  readonly difference?: readonly [number, number];
}

/** Views that show nothing of a mesh: it lies elsewhere, or what was looked at is transparent. */
export class NothingSeenError extends RangeError {
  override readonly name = 'NothingSeenError';
}

/**
 * @returns the texture, opaque, sRGB; texels between charts carry on the colours of the charts
 * @throws RangeError when the source has no colours, a picture is not square, or no texel is covered
 * @throws NothingSeenError when no view sees any texel
 */
export async function bakeTexture(
  mesh: UnwrappedMesh,
  source: ColorSource,
  options: BakeOptions = {},
): Promise<{ texture: RgbaPicture; report: BakeReport }> {
  const { size, optimize, signal, onProgress } = { ...BAKE_DEFAULTS, ...options };
  const places = texelPlaces(mesh, size);
  if (places.count === 0)
    throw new RangeError(
      'bakeTexture: no face covers the middle of a texel. Unwrap the mesh, or take a larger texture.',
    );
  const color = new Float32Array(size * size * 3); // linear light
  const filled = new Uint8Array(size * size);
  const isBest = source.kind === 'views' && source.mode === 'best';
  const progress = { signal, onProgress: isBest ? (share: number) => onProgress?.(0.1 * share) : onProgress };
  if (source.kind === 'views') await blendViews(places, mesh, source.views, color, filled, progress);
  else {
    if (source.kind === 'surface') await bakeVertexColors(places, source.mesh, color, progress);
    else await bakeScene(places, mesh, source.scene, color, progress);
    for (const at of places.texels) filled[at] = 1;
  }
  let seen = 0;
  for (const value of filled) seen += value;
  if (seen === 0)
    throw new NothingSeenError(
      'bakeTexture: no view sees any part of the mesh. Check that cameras and mesh share one frame.',
    );
  dilateSeams(color, filled, size);
  const data = new Uint8Array(size * size * 4);
  for (let at = 0; at < size * size; at++) {
    for (let c = 0; c < 3; c++) data[4 * at + c] = display8OfLinear(color[3 * at + c]);
    data[4 * at + 3] = 255;
  }
  const texture = { width: size, height: size, data };
  const report = { coveredShare: places.count / (size * size), unseenShare: 1 - seen / places.count };
  if (!isBest) return { texture, report };
  const { difference, ...best } = await optimizeTexture(mesh, source.views, texture, {
    ...optimize,
    signal,
    onProgress: (share) => onProgress?.(0.1 + 0.9 * share),
  });
  return { texture: best.texture, report: { ...report, difference } };
}
