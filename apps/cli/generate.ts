/** `espalier generate`: pictures of an object, or a text, become a mesh, Gaussians or a radiance field. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parse, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readModelFile } from '../../src/dataset/index.ts';
import { type GlbMesh, type Model, type ModelFormat, sceneOfMesh, writeModel } from '../../src/formats/index.ts';
import {
  type Asset,
  type AssetFormat,
  type AssetPrompt,
  decoderRoles,
  type FinishAssetOptions,
  finishAsset,
  type GenerateOptions,
  generateAssets,
  loadModel,
  modelOf,
  type PresetName,
  presets,
} from '../../src/index.ts';
import { cancelSignal } from './cancel.ts';
import { addFinishFlags, type FinishFlags, simplifyRatio, wholeNumber } from './finish-flags.ts';
import { progress } from './progress.ts';
import { writeSafely } from './write-safely.ts';

interface GenerateFlags extends FinishFlags {
  simplify?: number;
  faces?: number;
  raw: boolean;
  out: string[];
  text?: string;
  mesh?: string;
  samples: number;
  candidates?: number;
  pitch?: number;
  multiImage: 'stochastic' | 'multidiffusion';
  seed: number;
  preset?: PresetName;
  steps?: number;
  guidance?: number;
  interval?: [number, number];
  rescale?: number;
  fast: boolean;
  latentSteps?: number;
  latentGuidance?: number;
  latentInterval?: [number, number];
  latentRescale?: number;
  device: 'cpu' | 'webgpu' | 'cuda' | 'auto';
  precision: 'fp32' | 'int8';
  model?: string;
  json: boolean;
}

export function generateCommand(): Command {
  const command = new Command('generate')
    .description('pictures of one object, or a text → 3D assets')
    .argument('[pictures...]', 'PNG, JPEG or WebP, one or several of one object; transparent, or on a plain background')
    .requiredOption(
      '--out <file>',
      'file to write: .glb .obj .stl .usdz for the mesh, .ply .splat .spz for Gaussians, .safetensors for the radiance field; may be given several times',
      (path: string, before: string[] = []) => [...before, path],
    )
    .option('--text <prompt>', 'what to make, instead of a picture; needs a text model')
    .option(
      '--mesh <file>',
      'keep the shape of this mesh and give it the look of the prompt; needs a model with stage two',
    )
    .option('--samples <n>', 'assets to make; the files are numbered', positive, 1)
    .option(
      '--candidates <n>',
      'structures drawn for each asset, of which one is made: steadier shapes from small models (default: the model’s)',
      positive,
    )
    .option(
      '--pitch <degrees>',
      'how far the picture’s camera stands above the object, for models whose shapes stand as it sees them (default: told from picture and shape)',
      degrees,
    )
    .addOption(
      new Option('--multi-image <mode>', 'several pictures take turns, or all have a say at each step')
        .choices(['stochastic', 'multidiffusion'])
        .default('stochastic'),
    )
    .option('--seed <n>', 'another seed, another asset', integer, 42)
    .addOption(
      new Option('--preset <name>', 'sampler settings of both stages by name (default: the model’s)').choices(
        Object.keys(presets),
      ),
    )
    .option('--steps <n>', 'sampling steps of the structure (default: the model’s)', positive)
    .option('--guidance <w>', 'strength of guidance of the structure, 0 for none (default: the model’s)', notNegative)
    .option('--interval <from,to>', 'flow times in which guidance acts, such as 0.5,1 (default: the model’s)', interval)
    .option('--rescale <r>', 'above 1 takes more steps near noise (default: the model’s)', notNegative)
    .option(
      '--fast',
      'about two thirds of the network evaluations: later steps follow the last two; not quite the same asset',
      false,
    )
    .option('--latent-steps <n>', 'the same for stage two', positive)
    .option('--latent-guidance <w>', 'the same for stage two', notNegative)
    .option('--latent-interval <from,to>', 'the same for stage two', interval)
    .option('--latent-rescale <r>', 'the same for stage two', notNegative)
    .addOption(
      new Option('--device <device>', 'where networks run').choices(['cpu', 'webgpu', 'cuda', 'auto']).default('cpu'),
    )
    .addOption(
      new Option('--precision <precision>', 'int8: 8-bit weights, on the CPU')
        .choices(['fp32', 'int8'])
        .default('fp32'),
    )
    .option('--model <model>', 'model folder, or a Hub id owner/name (default: the small one that ships)')
    .addOption(
      new Option('--simplify <share>', 'share of the mesh’s faces to remove, 0.95 by default').argParser(simplifyRatio),
    )
    .addOption(
      new Option('--faces <n>', 'faces of the mesh at most, instead of a share')
        .argParser(wholeNumber(4, 50_000_000))
        .conflicts('simplify'),
    )
    .addOption(
      new Option('--raw', 'write the mesh as it was decoded, with vertex colours')
        .default(false)
        .conflicts(['simplify', 'faces', 'texture', 'views', 'keepSpecks']),
    );
  return addFinishFlags(command)
    .option('--json', 'write events and the result as JSON lines', false)
    .addHelpText('after', '\nExample:\n  espalier generate examples/chair.png --out chair.glb')
    .action(generate);
}

async function generate(pictures: string[], flags: GenerateFlags): Promise<void> {
  const { out, text, mesh, model: folder, json } = flags;
  if ((text === undefined) === (pictures.length === 0))
    throw new Error(
      text === undefined
        ? 'generate: expected a picture, or --text with what to make.'
        : 'generate: give pictures or --text, not both; a model takes one of them.',
    );
  const targets = out.map(targetOf);
  const start = performance.now();
  const files: Uint8Array[] = [];
  for (const path of pictures) files.push(await readPicture(path));
  const shape = mesh === undefined ? undefined : await readModelFile(mesh);
  const prompt: AssetPrompt = text === undefined ? { kind: 'image', pictures: files } : { kind: 'text', text };
  const shown = progress({ json });
  const work = { signal: cancelSignal, onEvent: shown.onEvent };
  try {
    const formats = [...new Set(targets.map(({ format }) => format))];
    const isFinished = formats.includes('mesh') && !flags.raw;
    const painters = isFinished && flags.texture !== 0 ? PAINTERS : [];
    const roles = ['slat_flow_model' as const, ...[...formats, ...painters].map((format) => decoderRoles[format])];
    const model = await loadModel(folder ?? shippedModel(), { ...work, roles });
    // A texture is taken from the Gaussians, or else from the radiance field; without stage two, from the colours that the shape has of its picture.
    const painter = painters.find((format) => model.networks[decoderRoles[format]]);
    if (painter && model.networks.slat_flow_model && !formats.includes(painter)) formats.push(painter);
    const assets = await generateAssets(model, prompt, { ...optionsOf(flags), ...work, shape, formats });
    for (const [i, asset] of assets.entries()) {
      const finished =
        isFinished && isToFinish(asset, flags) ? await finishAsset(asset, finishing(flags, work)) : undefined;
      for (const { path, ending } of targets)
        await write(
          asset,
          finished?.mesh,
          ending,
          assets.length === 1 ? path : numbered(path, i + 1),
          flags,
          shown.onEvent,
        );
    }
    shown.onEvent({
      kind: 'done',
      stage: 'generate',
      seconds: (performance.now() - start) / 1000,
      summary: assets.map((asset) => summaryOf(asset, formats)).join('; '),
    });
  } finally {
    shown.end();
  }
}

function optionsOf(flags: GenerateFlags): GenerateOptions {
  const { samples, candidates, pitch, multiImage, seed, preset } = flags;
  const { steps, guidance, interval, rescale, fast, device, precision } = flags;
  const latent = {
    steps: flags.latentSteps,
    guidance: flags.latentGuidance,
    interval: flags.latentInterval,
    rescale: flags.latentRescale,
  };
  const isLatentAsked = Object.values(latent).some((value) => value !== undefined);
  return {
    ...{ samples, candidates, pitch, multiImage, seed, preset },
    ...{ steps, guidance, interval, rescale, fast, device, precision },
    latent: isLatentAsked ? latent : undefined,
  };
}

/** What a texture can be taken from, the first that the model has. */
const PAINTERS = ['gaussians', 'radiance-field'] as const satisfies readonly AssetFormat[];

/** A model without stage two makes closed, clean surfaces of a sensible size; they are finished only when asked. */
const isToFinish = ({ slat }: Asset, { simplify, faces, keepSpecks }: GenerateFlags): boolean =>
  slat !== undefined || simplify !== undefined || faces !== undefined || keepSpecks;

function finishing(flags: GenerateFlags, work: Pick<FinishAssetOptions, 'signal' | 'onEvent'>): FinishAssetOptions {
  const { simplify, faces, texture, textureMode, views, keepSpecks } = flags;
  return {
    ...(faces !== undefined && { target: { faces } }),
    ...(simplify !== undefined && { target: { ratio: 1 - simplify } }),
    ...(texture !== undefined && { texture }),
    ...(views !== undefined && { observe: { views } }),
    textureMode,
    keepSpecks,
    ...work,
  };
}

/** File endings, and what of an asset they hold. */
const ENDINGS: Record<string, AssetFormat> = {
  glb: 'mesh',
  obj: 'mesh',
  stl: 'mesh',
  usdz: 'mesh',
  ply: 'gaussians',
  splat: 'gaussians',
  spz: 'gaussians',
  safetensors: 'radiance-field',
} satisfies Partial<Record<ModelFormat, AssetFormat>>;

function targetOf(path: string): { path: string; ending: ModelFormat; format: AssetFormat } {
  const ending = parse(path).ext.slice(1).toLowerCase();
  if (!Object.hasOwn(ENDINGS, ending))
    throw new Error(
      `--out must end in .glb, .obj, .stl or .usdz for the mesh, in .ply, .splat or .spz for Gaussians, in .safetensors for the radiance field, got "${path}".`,
    );
  return { path, ending: ending as ModelFormat, format: ENDINGS[ending] };
}

/** chair.glb → chair-2.glb */
function numbered(path: string, n: number): string {
  const { ext } = parse(path);
  return `${path.slice(0, path.length - ext.length)}-${n}${ext}`;
}

async function write(
  asset: Asset,
  finished: GlbMesh | undefined,
  ending: ModelFormat,
  path: string,
  { textureFormat, meshopt }: GenerateFlags,
  onEvent: ReturnType<typeof progress>['onEvent'],
) {
  const model: Model =
    finished && ENDINGS[ending] === 'mesh'
      ? { kind: 'mesh', ...sceneOfMesh(finished) }
      : modelOf(asset, ENDINGS[ending]);
  const { files, warnings } = await writeModel(model, ending, parse(path).name, {
    textureFormat,
    compression: meshopt ? 'meshopt' : 'none',
  });
  for (const message of warnings) onEvent({ kind: 'warning', stage: ending, message });
  for (const [i, { name, bytes }] of files.entries()) {
    const target = i === 0 ? path : resolve(parse(path).dir, name);
    await writeSafely(target, bytes, cancelSignal);
    onEvent({ kind: 'file', stage: ending, path: target, bytes: bytes.length });
  }
}

function summaryOf({ coords, gaussians, radianceField, mesh }: Asset, formats: readonly AssetFormat[]): string {
  const parts = [`${coords.length / 3} voxels`];
  if (gaussians) parts.push(`${gaussians.opacities.length} Gaussians`);
  if (radianceField) parts.push(`${radianceField.positions.length / 3} cells`);
  if (formats.includes('mesh')) parts.push(`${mesh.indices.length / 3} triangles`);
  return parts.join(', ');
}

async function readPicture(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Error(`${path}: there is no such file. Give the path of a picture.`);
    if (code === 'EISDIR') throw new Error(`${path}: is a folder, expected a picture file.`);
    throw error;
  }
}

/** The small model of the package: beside dist/ when built, in the checkout from sources. */
export function shippedModel(): string {
  for (const up of ['../../models/mini', '../../../models/mini']) {
    const path = fileURLToPath(new URL(up, import.meta.url));
    if (existsSync(path)) return path;
  }
  throw new Error('the small model is not beside the program (models/mini). Give a model folder with --model.');
}

/** '0.5,1' → [0.5, 1] */
function interval(text: string): [number, number] {
  const [from, to, ...rest] = text.split(',').map(Number);
  if (rest.length > 0 || !(0 <= from && from <= to && to <= 1))
    throw new InvalidArgumentError('expected two numbers with 0 ≤ from ≤ to ≤ 1, such as 0.5,1.');
  return [from, to];
}

function integer(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n)) throw new InvalidArgumentError('expected a whole number.');
  return n;
}

function positive(text: string): number {
  const n = integer(text);
  if (n < 1) throw new InvalidArgumentError('expected a whole number of at least 1.');
  return n;
}

function degrees(text: string): number {
  const n = Number(text);
  if (text.trim() === '' || !(Math.abs(n) <= 90)) throw new InvalidArgumentError('expected degrees from -90 to 90.');
  return n;
}

function notNegative(text: string): number {
  const n = Number(text);
  if (!(n >= 0 && Number.isFinite(n))) throw new InvalidArgumentError('expected a number of at least 0.');
  return n;
}
