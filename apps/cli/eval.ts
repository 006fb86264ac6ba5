/** `espalier eval structure`: figures of stage 1 on held-out assets, beside two baselines. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { evaluateStructure, exampleSheet, type StructureEvaluation } from '../../src/evaluation/index.ts';
import { loadModel } from '../../src/index.ts';
import { cancelSignal } from './cancel.ts';
import { shippedModel } from './generate.ts';
import { progress } from './progress.ts';
import { writeSafely } from './write-safely.ts';

export function evalCommand(): Command {
  const evaluate = new Command('eval').description('figures of a trained model');
  evaluate
    .command('structure')
    .description('autoencoder IoU and picture → shape F-scores on held-out assets, beside two baselines')
    .requiredOption('--data <roots>', 'dataset roots, separated by commas')
    .option('--model <dir>', 'model folder (default: the small one that ships)')
    .option('--assets <n>', 'take only the first n validation assets', positive)
    .option('--views <n>', 'pictures of each asset', positive, 1)
    .option('--seed <n>', 'chooses views and noise', wholeNumber, 0)
    .option('--steps <n>', 'sampling steps (default: the model’s)', positive)
    .option('--guidance <w>', 'strength of guidance (default: the model’s)', number)
    .option('--rescale <r>', 'above 1 takes more steps near noise (default: the model’s)', number)
    .option(
      '--candidates <n>',
      'structures drawn for each picture, of which one is made (default: the model’s)',
      positive,
    )
    .option('--sheet <png>', 'write 16 examples: picture, truth, result')
    .option('--out <json>', 'write the figures with machine, date and commit')
    .option('--json', 'print JSON', false)
    .addHelpText('after', '\nExample:\n  espalier eval structure --data datasets/mini --sheet sheet.png')
    .action(run);
  return evaluate;
}

interface EvalFlags {
  data: string;
  model?: string;
  assets?: number;
  views: number;
  seed: number;
  steps?: number;
  guidance?: number;
  rescale?: number;
  candidates?: number;
  sheet?: string;
  out?: string;
  json: boolean;
}

async function run({ data, model, sheet, out, json, ...options }: EvalFlags): Promise<void> {
  const shown = progress({ json });
  const work = { signal: cancelSignal, onEvent: shown.onEvent };
  const { evaluation, examples } = await evaluateStructure(await loadModel(model ?? shippedModel(), work), data, {
    ...options,
    ...work,
  });
  shown.end();
  if (sheet) await writeSafely(sheet, await exampleSheet(examples), cancelSignal);
  const report = {
    ...evaluation,
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
    node: process.version,
    date: new Date().toISOString(),
    commit: commit(),
  };
  if (out) await writeSafely(out, `${JSON.stringify(report, undefined, 2)}\n`, cancelSignal);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : table(evaluation));
}

function table(e: StructureEvaluation): string {
  const row = (name: string, one: number, two: number) =>
    `${name.padEnd(28)} ${one.toFixed(3).padStart(8)} ${two.toFixed(3).padStart(8)}\n`;
  return [
    `${e.validationAssets} validation assets, ${e.trainingAssets} training assets, ${e.pictures} pictures, seed ${e.seed}, ${e.sampler.steps} steps, guidance ${e.sampler.guidance}, rescale ${e.sampler.rescale}, ${e.sampler.candidates} ${e.sampler.candidates === 1 ? 'candidate' : 'candidates'}\n`,
    e.autoencoderIou === undefined ? '' : `autoencoder IoU at 64³        ${e.autoencoderIou.toFixed(3).padStart(7)}\n`,
    e.pitchError === undefined
      ? ''
      : `error of the camera’s pitch    ${e.pitchError.median.toFixed(0)}° (median), ${e.pitchError.mean.toFixed(0)}° (mean)\n`,
    `${'F-score at'.padEnd(28)}  1 voxel 2 voxels\n`,
    row('model', e.model.fScore1, e.model.fScore2),
    row('nearest training asset', e.nearestTrainingAsset.fScore1, e.nearestTrainingAsset.fScore2),
    row('mean shape', e.meanShape.fScore1, e.meanShape.fScore2),
    row('model / nearest', e.ratioToNearest.fScore1, e.ratioToNearest.fScore2),
    row('model / mean shape', e.ratioToMeanShape.fScore1, e.ratioToMeanShape.fScore2),
    `${e.secondsPerAsset.toFixed(2)} s a picture\n`,
  ].join('');
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown'; // not a checkout
  }
}

function number(text: string): number {
  const n = Number(text);
  if (!Number.isFinite(n) || n < 0) throw new InvalidArgumentError('expected a number of at least 0.');
  return n;
}

function wholeNumber(text: string): number {
  const n = number(text);
  if (!Number.isSafeInteger(n)) throw new InvalidArgumentError('expected a whole number of at least 0.');
  return n;
}

function positive(text: string): number {
  const n = wholeNumber(text);
  if (n < 1) throw new InvalidArgumentError('expected a whole number of at least 1.');
  return n;
}
