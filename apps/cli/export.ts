/** `espalier export`: the averaged weights of training runs become a model folder. */
import { Command, InvalidArgumentError } from 'commander';
import { exportStructureModel } from '../../src/training/index.ts';

interface ExportFlags {
  vae: string;
  out: string;
  guidance?: number;
  rescale?: number;
  pitchTemperature?: number;
  candidates?: number;
}

export function exportCommand(): Command {
  return new Command('export')
    .description('training runs → a model folder in the layout of TRELLIS')
    .argument('<flow run>', 'run folder of structure-flow')
    .requiredOption('--vae <run>', 'run folder of structure-vae, or a model folder')
    .requiredOption('--out <dir>', 'model folder to write')
    .option('--guidance <w>', 'strength of guidance in its sampler’s settings', notNegative)
    .option('--rescale <r>', 'above 1 takes more steps near noise (default: 3)', positive)
    .option(
      '--pitch-temperature <T>',
      'above 1 for a pitch head that is too sure of its answers (default: 1)',
      positive,
    )
    .option('--candidates <n>', 'structures it draws for each asset, of which one is made (default: 8)', candidateCount)
    .addHelpText(
      'after',
      '\nExample:\n  espalier export runs/structure-flow --vae runs/structure-vae --out models/mine',
    )
    .action(async (flow: string, { vae, out, ...settings }: ExportFlags) => {
      const { vaeStep, flowStep } = await exportStructureModel({ vae, flow }, out, settings);
      process.stdout.write(
        `${out}: autoencoder ${vaeStep === undefined ? `of ${vae}` : `at step ${vaeStep}`}, flow at step ${flowStep}\n`,
      );
    });
}

function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('expected a number of at least 0.');
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new InvalidArgumentError('expected a number above 0.');
  return value;
}

function candidateCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100)
    throw new InvalidArgumentError('expected a whole number from 1 to 100.');
  return value;
}
