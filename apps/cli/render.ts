/** `espalier render`: a mesh, Gaussians or a radiance field as a picture, a sheet of views, a turntable. */
import { parse } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openModelFile } from '../../src/dataset/index.ts';
import { readModel } from '../../src/formats/index.ts';
import {
  type Background,
  circleOfViews,
  namedViews,
  type PictureFormat,
  pictureFormats,
  renderFile,
  TURNTABLE_DEFAULTS,
  type ViewDirection,
  type ViewMap,
  viewMaps,
} from '../../src/index.ts';
import { cancelSignal } from './cancel.ts';
import { progress } from './progress.ts';
import { writeSafely } from './write-safely.ts';

interface RenderFlags {
  out: string;
  view: ViewDirection;
  views?: number;
  size?: number;
  map: ViewMap;
  background?: Background;
  fov?: number;
  distance?: number;
  frames?: number;
  fps?: number;
  turns?: number;
  json: boolean;
}

const MAX_TEXTURE_SIDE = 8192; // pixels
const { frames: FRAMES, fps: FPS, size: SMALL } = TURNTABLE_DEFAULTS;

export function renderCommand(): Command {
  return new Command('render')
    .description('a mesh, Gaussians or a radiance field → a picture, a sheet of views, a turntable')
    .argument(
      '<asset>',
      'mesh (.glb .gltf .obj .stl .ply), Gaussians (.ply .splat .spz .glb), radiance field (.safetensors)',
    )
    .requiredOption(
      '--out <file>',
      '.png for one view or a sheet of several, .webp or .mp4 for a turntable; .mp4 takes ffmpeg',
    )
    .option(
      '--view <side>',
      `${Object.keys(namedViews).join(', ')}, or azimuth,elevation in degrees: 0,0 is the front (−y), 90,0 the right (+x)`,
      view,
      { azimuth: 30, elevation: 20 },
    )
    .option('--views <n>', 'a .png sheet of n views around, beginning with --view', wholeNumber(1, 64))
    .option(
      '--size <n>',
      `pixels per side of each picture (default: 1024, ${SMALL} in sheets and turntables)`,
      wholeNumber(1, 4096),
    )
    .addOption(
      new Option('--map <map>', 'color as it looks; depth: white is near; normal: (n + 1)/2 in the object frame; mask')
        .choices(viewMaps)
        .default('color'),
    )
    .option(
      '--background <color>',
      '#rrggbb, white, gray, black or transparent (default: white; transparent for depth and normal)',
      background,
    )
    .option('--fov <degrees>', 'field of view (default: 40)', number(1, 150))
    .option(
      '--distance <d>',
      'from the middle of the asset, in its units (default: as near as all of it fits)',
      number(0),
    )
    .option('--frames <n>', `pictures of a turntable (default: ${FRAMES})`, wholeNumber(2, 2000))
    .option('--fps <n>', `pictures of a turntable per second (default: ${FPS})`, number(1, 60))
    .option('--turns <n>', 'turns of a turntable; below 0 the other way round (default: 1)', number())
    .option('--json', 'write events and the result as JSON lines', false)
    .addHelpText('after', '\nExample:\n  espalier render chair.glb --out chair.png --view 30,20')
    .action(render);
}

async function render(path: string, flags: RenderFlags): Promise<void> {
  const { out, json, map, background, size, fov, distance, fps } = flags;
  const format = formatOf(out);
  const views = viewsOf(format, flags);
  const start = performance.now();
  const shown = progress({ json });
  try {
    const { bytes: file, extension, resources } = await openModelFile(path, { maxTextureSide: MAX_TEXTURE_SIDE });
    const model = await readModel(file, extension, resources);
    for (const message of model.warnings) shown.onEvent({ kind: 'warning', stage: 'render', message });
    const { bytes, width, height } = await renderFile(model, format, {
      ...{ views, size, map, background, fovDegrees: fov, distance, fps },
      signal: cancelSignal,
      onEvent: shown.onEvent,
    });
    await writeSafely(out, bytes, cancelSignal);
    shown.onEvent({ kind: 'file', stage: 'render', path: out, bytes: bytes.length });
    shown.onEvent({
      kind: 'done',
      stage: format,
      seconds: (performance.now() - start) / 1000,
      summary: `${width} × ${height}${format === 'png' ? '' : `, ${views.length} frames`}`,
    });
  } finally {
    shown.end();
  }
}

function formatOf(out: string): PictureFormat {
  const ending = parse(out).ext.slice(1).toLowerCase();
  const format = pictureFormats.find((name) => name === ending);
  if (format) return format;
  throw new Error(`${out}: expected a name that ends in .png for a picture or a sheet, .webp or .mp4 for a turntable.`);
}

/** @throws Error for a flag that the kind of file has no use for */
function viewsOf(format: PictureFormat, { out, view: first, views, frames, fps, turns }: RenderFlags): ViewDirection[] {
  if (format === 'png') {
    for (const [flag, value] of Object.entries({ frames, fps, turns }))
      if (value !== undefined)
        throw new Error(`${out}: --${flag} is of turntables. Give a name that ends in .webp or .mp4, or leave it out.`);
    return circleOfViews(views ?? 1, first);
  }
  if (views !== undefined)
    throw new Error(`${out}: --views makes a sheet. Give a name that ends in .png, or --frames for a turntable.`);
  return circleOfViews(frames ?? FRAMES, first, turns);
}

/** 'front', or '30,20' → azimuth and elevation */
function view(text: string): ViewDirection {
  if (Object.hasOwn(namedViews, text)) return namedViews[text as keyof typeof namedViews];
  const [azimuth, elevation, ...rest] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (rest.length > 0 || !Number.isFinite(azimuth) || !(Math.abs(elevation) <= 90))
    throw new InvalidArgumentError(
      `expected ${Object.keys(namedViews).join(', ')}, or azimuth,elevation in degrees such as 30,20, with an elevation in −90 … 90.`,
    );
  return { azimuth, elevation };
}

const COLORS: Record<string, Background> = {
  transparent: 'transparent',
  white: [255, 255, 255],
  gray: [128, 128, 128],
  black: [0, 0, 0],
};

function background(text: string): Background {
  if (Object.hasOwn(COLORS, text)) return COLORS[text];
  const digits = /^#([0-9a-f]{6})$/i.exec(text)?.[1];
  if (!digits) throw new InvalidArgumentError(`expected #rrggbb, ${Object.keys(COLORS).join(', ')}.`);
  return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) as [number, number, number];
}

function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const n = Number(text);
    if (text.trim() !== '' && Number.isInteger(n) && n >= least && n <= most) return n;
    throw new InvalidArgumentError(`expected a whole number in ${least} … ${most}.`);
  };
}

function number(least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY) {
  return (text: string): number => {
    const n = Number(text);
    if (text.trim() !== '' && Number.isFinite(n) && n >= least && n <= most) return n;
    throw new InvalidArgumentError(
      Number.isFinite(most) ? `expected a number in ${least} … ${most}.` : 'expected a number.',
    );
  };
}
