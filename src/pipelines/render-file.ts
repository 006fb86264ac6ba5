/** Views of an asset as one file: a picture, a sheet of several, a turntable. */
import { encodeAnimation, encodeGray16, encodePng, type RgbaPicture } from '../formats/index.ts';
import { contactSheet, type Drawable } from '../render/index.ts';
import { encodeMp4, expectFfmpeg } from './mp4.ts';
import {
  type Background,
  defaultBackground,
  grayOfDepth,
  RENDER_DEFAULTS,
  type RenderedView,
  type RenderOptions,
  renderAsset,
  renderViews,
} from './render-asset.ts';

/** .png holds one view or a sheet, the others a turntable. */
export const pictureFormats = ['png', 'webp', 'mp4'] as const;
export type PictureFormat = (typeof pictureFormats)[number];

export interface RenderFileOptions extends RenderOptions {
  /** pictures per second of a turntable; 24 when not given */
  readonly fps?: number;
}

export interface RenderedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly views: number;
  /** camera z between which the asset lies, in its units: in a depth picture white and black */
  readonly near: number;
  readonly far: number;
}

export const TURNTABLE_DEFAULTS = { frames: 72, fps: 24, size: 512 } as const;
const MAX_SHEET_SIDE = 16384; // pixels
const MAX_ANIMATION_BYTES = 1 << 30; // libwebp takes the frames all at once

/**
 * A single depth picture has 16 bits, transparent where nothing is unless a background is given; sheets and turntables have 8.
 * @throws RangeError for options that make no such file; Error when there is no ffmpeg for .mp4
 */
export async function renderFile(
  asset: Drawable,
  format: PictureFormat,
  options: RenderFileOptions = {},
): Promise<RenderedFile> {
  switch (format) {
    case 'png':
      return (options.views?.length ?? 1) > 1 ? sheet(asset, options) : picture(asset, options);
    case 'webp':
      return animation(asset, options);
    case 'mp4':
      return film(asset, options);
    default:
      throw new RangeError(`renderFile: there is no format "${format}"; there are ${pictureFormats.join(', ')}.`);
  }
}

async function picture(asset: Drawable, options: RenderFileOptions): Promise<RenderedFile> {
  const [view] = await renderAsset(asset, options);
  const bytes = options.map === 'depth' ? await deepPicture(view, options.background) : await encodePng(view.picture);
  return fileOf(bytes, view.picture, 1, view);
}

async function deepPicture({ surface, near, far }: RenderedView, background = defaultBackground('depth')) {
  const { alpha, depth } = surface as NonNullable<RenderedView['surface']>;
  const size = Math.sqrt(depth.length);
  const gray = Float32Array.from(depth, (z, i) => (alpha[i] > 0 ? grayOfDepth(z, near, far) : 0));
  if (background === 'transparent') return encodeGray16({ width: size, height: size, gray, alpha });
  const [r, g, b] = background;
  const behind = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  const blended = gray.map((v, i) => alpha[i] * v + (1 - alpha[i]) * behind);
  return encodeGray16({ width: size, height: size, gray: blended });
}

async function sheet(asset: Drawable, options: RenderFileOptions): Promise<RenderedFile> {
  const { views = [], size = TURNTABLE_DEFAULTS.size, map = RENDER_DEFAULTS.map } = options;
  const columns = columnsOf(views.length);
  if (Math.max(columns, Math.ceil(views.length / columns)) * size > MAX_SHEET_SIDE)
    throw new RangeError(
      `renderFile: a sheet has at most ${MAX_SHEET_SIDE} pixels a side, ${views.length} views of ${size} are more. Take fewer or smaller ones.`,
    );
  const rendered = await renderAsset(asset, { ...options, size });
  const background = map === 'mask' ? ([0, 0, 0] as const) : (options.background ?? defaultBackground(map));
  const whole = contactSheet(
    rendered.map((view) => ({ ...view.picture, channels: 4 as const })),
    { columns, background: background === 'transparent' ? background : [...background] },
  );
  options.signal?.throwIfAborted();
  return fileOf(await encodePng(whole), whole, rendered.length, rendered[0]);
}

/** As near to a square as full rows allow, wider than high: 8 are 4 × 2. */
function columnsOf(count: number): number {
  const square = Math.ceil(Math.sqrt(count));
  for (let columns = square; columns <= 2 * square; columns++)
    if (count % columns === 0 && columns * columns <= 2 * count) return columns;
  return square;
}

async function animation(asset: Drawable, options: RenderFileOptions): Promise<RenderedFile> {
  const { views = [], size = TURNTABLE_DEFAULTS.size, map = RENDER_DEFAULTS.map } = options;
  const fps = fpsOf(options);
  if (views.length * size * size * 4 > MAX_ANIMATION_BYTES)
    throw new RangeError(
      `renderFile: ${views.length} pictures of ${size} × ${size} are more than ${MAX_ANIMATION_BYTES} bytes. Take fewer or smaller ones, or a name that ends in .mp4.`,
    );
  const rendered: RenderedView[] = [];
  for await (const view of renderViews(asset, { ...options, size })) rendered.push({ ...view, surface: undefined });
  const pictures = rendered.map((view) => view.picture);
  const bytes = await encodeAnimation(pictures, { fps, lossless: map !== 'color' });
  options.signal?.throwIfAborted();
  return fileOf(bytes, pictures[0], pictures.length, rendered[0]);
}

/** Opaque: this kind of film knows no transparency. */
async function film(asset: Drawable, options: RenderFileOptions): Promise<RenderedFile> {
  const { views = [], size = TURNTABLE_DEFAULTS.size, map = RENDER_DEFAULTS.map, signal } = options;
  const fps = fpsOf(options);
  if (size % 2 !== 0) throw new RangeError(`renderFile: the size of an .mp4 must be even, got ${size}.`);
  if (options.background === 'transparent')
    throw new RangeError('renderFile: an .mp4 knows no transparency. Choose a color, or a name that ends in .webp.');
  const background: Background = options.background ?? (map === 'color' ? defaultBackground(map) : [0, 0, 0]);
  await expectFfmpeg();
  let first: RenderedView | undefined;
  async function* pictures(): AsyncGenerator<RgbaPicture, void, void> {
    for await (const view of renderViews(asset, { ...options, size, background })) {
      first ??= { ...view, surface: undefined };
      yield view.picture;
    }
  }
  const bytes = await encodeMp4(pictures(), { size, fps, signal });
  const { picture: shown, ...range } = first as unknown as RenderedView;
  return fileOf(bytes, shown, views.length, range);
}

function fpsOf({ fps = TURNTABLE_DEFAULTS.fps }: RenderFileOptions): number {
  if (fps >= 1 && fps <= 60) return fps;
  throw new RangeError(`renderFile: a turntable shows 1 … 60 pictures a second, got ${fps}.`);
}

function fileOf(
  bytes: Uint8Array<ArrayBuffer>,
  { width, height }: { width: number; height: number },
  views: number,
  { near, far }: Pick<RenderedView, 'near' | 'far'>,
): RenderedFile {
  return { bytes, width, height, views, near, far };
}
