/** `espalier convert`: a mesh, Gaussians or a radiance field from one file format to another. */
import { access, unlink } from 'node:fs/promises';
import { dirname, join, parse, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openModelFile } from '../../src/dataset/index.ts';
import {
  MODEL_FORMATS,
  type Model,
  type ModelFormat,
  type NamedFile,
  readModel,
  writeModel,
} from '../../src/formats/index.ts';
import { cancelSignal } from './cancel.ts';
import { progress } from './progress.ts';
import { writeSafely } from './write-safely.ts';

interface ConvertFlags {
  to?: ModelFormat;
  webp: boolean;
  meshopt: boolean;
  spzVersion: 2 | 3;
  json: boolean;
}

const MAX_TEXTURE_SIDE = 8192; // pixels; a dataset would scale textures down, a conversion should not

export function convertCommand(): Command {
  return new Command('convert')
    .description('a mesh (.glb .gltf .obj .stl .ply) or Gaussians (.ply .splat .spz .glb) → another format')
    .argument('<in>', 'model to read; what a .ply or .glb holds is seen from its content')
    .argument('<out>', 'file to write: .glb .obj .stl .ply .usdz for meshes, .ply .splat .spz .glb for Gaussians')
    .addOption(new Option('--to <format>', 'format to write, when <out> has another ending').choices(MODEL_FORMATS))
    .option('--webp', 'GLB: keep textures as lossless WebP instead of PNG', false)
    .option('--meshopt', 'GLB: pack the geometry with meshopt', false)
    .option('--spz-version <n>', 'SPZ: 2 for older programs, 3 for finer rotations', spzVersion, 3)
    .option('--json', 'write warnings and the result as JSON lines', false)
    .addHelpText('after', '\nExample:\n  espalier convert chair.obj chair.glb')
    .action(convert);
}

async function convert(from: string, out: string, flags: ConvertFlags): Promise<void> {
  const format = flags.to ?? formatOf(out);
  if (resolve(from) === resolve(out)) {
    throw new Error(`${out}: the model would replace itself. Give another name to write to.`);
  }
  const start = performance.now();
  const shown = progress({ json: flags.json });
  const { bytes, extension, resources } = await openModelFile(from, { maxTextureSide: MAX_TEXTURE_SIDE });
  const model = await readModel(bytes, extension, resources);
  for (const message of model.warnings) shown.onEvent({ kind: 'warning', stage: 'convert', message });
  cancelSignal.throwIfAborted();
  const written = await writeModel(model, format, parse(out).name, {
    textureFormat: flags.webp ? 'webp' : 'png',
    compression: flags.meshopt ? 'meshopt' : 'none',
    spzVersion: flags.spzVersion,
  });
  for (const message of written.warnings) shown.onEvent({ kind: 'warning', stage: 'convert', message });
  for (const { path, size } of await writeAll(out, written.files)) {
    shown.onEvent({ kind: 'file', stage: 'convert', path, bytes: size });
  }
  shown.onEvent({
    kind: 'done',
    stage: 'convert',
    seconds: (performance.now() - start) / 1000,
    summary: summaryOf(model),
  });
  shown.end();
}

/** Textures and materials first, the model that names them last; after a failure nothing new is left. */
async function writeAll(
  out: string,
  [model, ...beside]: readonly NamedFile[],
): Promise<{ path: string; size: number }[]> {
  const targets = [
    ...beside.map(({ name, bytes }) => ({ path: join(dirname(out), name), bytes })),
    { path: out, bytes: model.bytes },
  ];
  const fresh: string[] = [];
  try {
    for (const { path, bytes } of targets) {
      const isNew = await access(path).then(
        () => false,
        () => true,
      );
      await writeSafely(path, bytes, cancelSignal);
      if (isNew) fresh.push(path);
    }
  } catch (error) {
    for (const path of fresh) await unlink(path).catch(() => undefined);
    throw error;
  }
  return targets.map(({ path, bytes }) => ({ path, size: bytes.length }));
}

function formatOf(out: string): ModelFormat {
  const ending = parse(out).ext.slice(1).toLowerCase();
  const format = MODEL_FORMATS.find((name) => name === ending);
  if (format) return format;
  const hint = ending === 'gltf' ? ' A .glb holds the same in one file.' : '';
  throw new Error(
    `${out}: expected a name that ends in ${MODEL_FORMATS.map((name) => `.${name}`).join(', ')}, or --to with one of them.${hint}`,
  );
}

function summaryOf(model: Model): string {
  if (model.kind === 'splats') return `${model.splats.opacities.length} Gaussians`;
  if (model.kind === 'radiance-field') return `${model.field.positions.length / 3} cells`;
  return `${model.primitives.reduce((sum, { indices }) => sum + indices.length / 3, 0)} triangles`;
}

function spzVersion(text: string): 2 | 3 {
  if (text !== '2' && text !== '3') throw new InvalidArgumentError('expected 2 or 3.');
  return text === '2' ? 2 : 3;
}
