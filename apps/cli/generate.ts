/** `espalier generate`: a picture becomes a `.glb`. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { imageTo3D, loadModel } from '../../src/index.ts';
import { cancelSignal } from './cancel.ts';
import { progress } from './progress.ts';
import { writeSafely } from './write-safely.ts';

interface GenerateFlags {
  out: string;
  seed: number;
  steps?: number;
  guidance?: number;
  device: 'cpu' | 'webgpu' | 'cuda' | 'auto';
  precision: 'fp32' | 'int8';
  model?: string;
  json: boolean;
}

export function generateCommand(): Command {
  return new Command('generate')
    .description('a picture of one object → a 3D asset')
    .argument('<picture>', 'PNG, JPEG or WebP; transparent, or on a plain background')
    .requiredOption('--out <file.glb>', 'file to write')
    .option('--seed <n>', 'another seed, another asset', integer, 42)
    .option('--steps <n>', 'sampling steps (default: the model’s)', positive)
    .option('--guidance <w>', 'strength of guidance, 0 for none (default: the model’s)', notNegative)
    .addOption(
      new Option('--device <device>', 'where networks run').choices(['cpu', 'webgpu', 'cuda', 'auto']).default('cpu'),
    )
    .addOption(
      new Option('--precision <precision>', 'int8: 8-bit weights, on the CPU')
        .choices(['fp32', 'int8'])
        .default('fp32'),
    )
    .option('--model <model>', 'model folder, or a Hub id owner/name (default: the small one that ships)')
    .option('--json', 'write events and the result as JSON lines', false)
    .addHelpText('after', '\nExample:\n  espalier generate examples/trunk.png --out trunk.glb')
    .action(generate);
}

async function generate(picture: string, { out, model, json, ...options }: GenerateFlags): Promise<void> {
  if (!/\.glb$/i.test(out)) throw new Error(`--out must end in .glb, got "${out}".`);
  const start = performance.now();
  const bytes = await readPicture(picture);
  const shown = progress({ json });
  const work = { signal: cancelSignal, onEvent: shown.onEvent };
  const asset = await imageTo3D(await loadModel(model ?? shippedModel(), work), bytes, { ...options, ...work });
  const glb = await asset.glb();
  await writeSafely(out, glb, cancelSignal);
  shown.onEvent({ kind: 'file', stage: 'glb', path: out, bytes: glb.length });
  shown.onEvent({
    kind: 'done',
    stage: 'generate',
    seconds: (performance.now() - start) / 1000,
    summary: `${asset.coords.length / 3} voxels, ${asset.mesh.indices.length / 3} triangles`,
  });
  shown.end();
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

function notNegative(text: string): number {
  const n = Number(text);
  if (!(n >= 0 && Number.isFinite(n))) throw new InvalidArgumentError('expected a number of at least 0.');
  return n;
}
