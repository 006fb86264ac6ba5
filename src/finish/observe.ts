/** Pictures of decoded Gaussians or of a radiance field from all sides, to take a texture from. */
import {
  type Camera,
  createFieldRasterizer,
  createGaussianRasterizer,
  type GaussianScene,
  hammersleyDirection,
  orbitCamera,
} from '../render/index.ts';
import type { RadianceField } from '../representations/index.ts';
import type { BakeProgress } from './bake-surface.ts';
import type { BakeView } from './blend-views.ts';
import { boundsOf } from './raw-mesh.ts';
import { turnOfEvents } from './turn-of-events.ts';

/** What can be looked at; in the frame of the mesh. */
export type Observed =
  | { readonly kind: 'gaussians'; readonly scene: GaussianScene }
  | { readonly kind: 'radiance-field'; readonly field: RadianceField };

export interface ObserveOptions extends BakeProgress {
  /** Pictures, spread over the sphere. */
  views?: number;
  /** Pixels per side. */
  size?: number;
}

export const OBSERVE_DEFAULTS = { views: 64, size: 1024 };

const DISTANCE = 2 / Math.sqrt(0.75); // radii of the object: 2 for the box of side 1
const FOV = (40 * Math.PI) / 180;

/**
 * Views of 40° from around the mesh. 64 of 1024² take 270 MB; the published number is 100.
 * Source: microsoft/TRELLIS, `trellis/utils/render_utils.py`, `render_multiview`; reference/pipelines.md §15.6.
 * @throws RangeError when the numbers are no numbers of views or pixels, or the mesh has no vertices
 */
export async function observe(
  observed: Observed,
  positions: Float32Array,
  options: ObserveOptions = {},
): Promise<BakeView[]> {
  const { views, size, signal, onProgress } = { ...OBSERVE_DEFAULTS, ...options };
  if (!Number.isInteger(views) || views < 1 || views > 1000)
    throw new RangeError(`observe: views must be a whole number in 1 … 1000, got ${views}.`);
  if (!Number.isInteger(size) || size < 16 || size > 4096)
    throw new RangeError(`observe: size must be a whole number in 16 … 4096, got ${size}.`);
  if (positions.length === 0) throw new RangeError('observe: expected a mesh to look at, got no vertices.');
  signal?.throwIfAborted();
  const { draw, dispose } = await rasterizerOf(observed);
  try {
    const out: BakeView[] = [];
    for (let n = 0; n < views; n++) {
      await turnOfEvents(signal);
      onProgress?.(n / views);
      const camera = cameraAround(positions, n, views);
      const { color, alpha } = await draw({ camera, width: size, height: size });
      out.push({ camera, picture: { width: size, height: size, data: straight(color, alpha) } });
    }
    return out;
  } finally {
    await dispose();
  }
}

async function rasterizerOf(observed: Observed) {
  if (observed.kind === 'gaussians') {
    const rasterizer = await createGaussianRasterizer();
    return {
      draw: (view: { camera: Camera; width: number; height: number }) => rasterizer.render(observed.scene, view),
      dispose: () => rasterizer.dispose(),
    };
  }
  const rasterizer = await createFieldRasterizer();
  return {
    draw: (view: { camera: Camera; width: number; height: number }) => rasterizer.render(observed.field, view),
    dispose: () => rasterizer.dispose(),
  };
}

function cameraAround(positions: Float32Array, n: number, views: number): Camera {
  const { center, radius } = boundsOf(positions);
  const { yaw, pitch } = hammersleyDirection(n, views, [0, 0], false);
  const { extrinsics, intrinsics } = orbitCamera(yaw, pitch, DISTANCE * Math.max(radius, 1e-6), FOV);
  for (let r = 0; r < 3; r++) for (let c = 0; c < 3; c++) extrinsics[4 * r + 3] -= extrinsics[4 * r + c] * center[c];
  return { extrinsics, intrinsics };
}

/** Planes [3, H, W] over black, and alpha [H, W] → 8-bit RGBA, straight. */
function straight(color: Float32Array, alpha: Float32Array): Uint8Array {
  const count = alpha.length;
  const out = new Uint8Array(4 * count);
  for (let i = 0; i < count; i++) {
    const a = alpha[i];
    if (!(a > 0)) continue;
    for (let c = 0; c < 3; c++) out[4 * i + c] = Math.round(255 * Math.min(1, Math.max(0, color[c * count + i] / a)));
    out[4 * i + 3] = Math.round(255 * Math.min(1, a));
  }
  return out;
}
