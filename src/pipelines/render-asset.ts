/** Pictures of an asset: a mesh, Gaussians or a radiance field, from any sides, as color or as maps of its shape. */
import type { RgbaPicture } from '../formats/index.ts';
import {
  type Camera,
  createAssetRenderer,
  type Drawable,
  type FramingOptions,
  frameViews,
  outlineOf,
  type SurfacePlanes,
  type ViewDirection,
} from '../render/index.ts';
import type { WorkOptions } from './work.ts';

/** What a picture shows: the asset as it looks, or camera z, normals, coverage. */
export const viewMaps = ['color', 'depth', 'normal', 'mask'] as const;
export type ViewMap = (typeof viewMaps)[number];

/** Behind the asset; sRGB, 0 … 255. */
export type Background = 'transparent' | readonly [red: number, green: number, blue: number];

export interface RenderOptions extends FramingOptions, Pick<WorkOptions, 'signal' | 'onEvent'> {
  /** one from 30° to the right and 20° above when not given */
  readonly views?: readonly ViewDirection[];
  /** pixels per side, at most 4096; 1024 when not given */
  readonly size?: number;
  /** 'color' when not given */
  readonly map?: ViewMap;
  /** white behind colors, transparent behind depth and normals when not given; a mask has none */
  readonly background?: Background;
}

export interface RenderedView {
  readonly direction: ViewDirection;
  readonly camera: Camera;
  /**
   * Straight alpha. Depth: gray, white is `near`, black is `far`. Normal: (n + 1)/2 in the object frame. Mask: white where
   * the asset is.
   */
  readonly picture: RgbaPicture;
  /** the numbers behind maps, in the asset's units */
  readonly surface?: SurfacePlanes;
  /** camera z between which the asset lies; the same for all views */
  readonly near: number;
  readonly far: number;
}

export const RENDER_DEFAULTS = { view: { azimuth: 30, elevation: 20 }, size: 1024, map: 'color' } as const;

/** All views. @throws RangeError for options that make no picture; Error when there is nothing to see */
export async function renderAsset(asset: Drawable, options: RenderOptions = {}): Promise<RenderedView[]> {
  const views: RenderedView[] = [];
  for await (const view of renderViews(asset, options)) views.push(view);
  return views;
}

/** One view after the other, for turntables that would not fit into memory. */
export async function* renderViews(
  asset: Drawable,
  options: RenderOptions = {},
): AsyncGenerator<RenderedView, void, void> {
  const { views = [RENDER_DEFAULTS.view], size = RENDER_DEFAULTS.size, map = RENDER_DEFAULTS.map } = options;
  const { background = defaultBackground(map), fovDegrees, distance, signal, onEvent } = options;
  if (!viewMaps.includes(map))
    throw new RangeError(`renderAsset: there is no map "${map}"; there are ${viewMaps.join(', ')}.`);
  expectBackground(background);
  if (map === 'mask' && options.background !== undefined)
    throw new RangeError('renderAsset: a mask is white on black, leave its background out.');
  signal?.throwIfAborted();
  const start = performance.now();
  const outline = outlineOf(asset);
  const { cameras, near, far } = frameViews(outline, views, { fovDegrees, distance });
  const renderer = await createAssetRenderer(asset, outline, size);
  try {
    onEvent?.({ kind: 'step', stage: 'render', step: 0, of: cameras.length });
    for (const [i, camera] of cameras.entries()) {
      await breath(); // triangles are drawn on this thread: an abort is heard between two views
      signal?.throwIfAborted();
      const surface = map === 'color' ? undefined : await renderer.surface(camera);
      const drawn = surface ? pictureOf(surface, map, size, near, far) : await renderer.color(camera);
      const picture = map === 'mask' ? drawn : over(drawn, background);
      onEvent?.({ kind: 'step', stage: 'render', step: i + 1, of: cameras.length });
      yield { direction: views[i], camera, picture, surface, near, far };
    }
    signal?.throwIfAborted();
    const seconds = (performance.now() - start) / 1000;
    onEvent?.({ kind: 'done', stage: 'render', seconds, summary: summaryOf(cameras.length, map, near, far) });
  } finally {
    await renderer.dispose();
  }
}

export const defaultBackground = (map: ViewMap): Background => (map === 'color' ? [255, 255, 255] : 'transparent');

const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function expectBackground(background: Background): void {
  if (background === 'transparent') return;
  if (background.length !== 3 || !background.every((v) => v >= 0 && v <= 255))
    throw new RangeError(
      `renderAsset: a background is 'transparent' or three numbers in 0 … 255, got ${JSON.stringify(background)}.`,
    );
}

/** White is near: 1 … 0 over near … far, cut to them. */
export const grayOfDepth = (z: number, near: number, far: number): number =>
  Math.min(1, Math.max(0, (far - z) / (far - near)));

function pictureOf(
  { alpha, depth, normal }: SurfacePlanes,
  map: ViewMap,
  size: number,
  near: number,
  far: number,
): RgbaPicture {
  const pixels = size * size;
  const data = new Uint8Array(4 * pixels);
  for (let at = 0; at < pixels; at++) {
    const cover = Math.round(255 * Math.min(1, alpha[at]));
    if (cover === 0 && map !== 'mask') continue;
    const gray = map === 'mask' ? cover : 255 * grayOfDepth(depth[at], near, far);
    for (let c = 0; c < 3; c++)
      data[4 * at + c] = Math.round(map === 'normal' ? 127.5 * (normal[c * pixels + at] + 1) : gray);
    data[4 * at + 3] = map === 'mask' ? 255 : cover;
  }
  return { width: size, height: size, data };
}

function over(picture: RgbaPicture, background: Background): RgbaPicture {
  if (background === 'transparent') return picture;
  const { width, height, data } = picture;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3] / 255;
    for (let c = 0; c < 3; c++) out[i + c] = Math.round(alpha * data[i + c] + (1 - alpha) * background[c]);
    out[i + 3] = 255;
  }
  return { width, height, data: out };
}

function summaryOf(count: number, map: ViewMap, near: number, far: number): string {
  const views = `${count} ${count === 1 ? 'view' : 'views'}`;
  if (map !== 'depth') return views;
  return `${views}, white is ${Number(near.toPrecision(6))}, black ${Number(far.toPrecision(6))}`;
}
