/** `espalier train`: a recipe or a config file and a dataset root become trained networks. */
import { Command, InvalidArgumentError } from 'commander';
import { runRecipe, type TrainEvent } from '../../src/training/index.ts';
import { cancelSignal } from './cancel.ts';
import { progress } from './progress.ts';

export function trainCommand(): Command {
  return new Command('train')
    .description('train a network; run again with the same --out to go on from its last checkpoint')
    .argument('<recipe>', 'structure-vae, structure-flow, or an official config file (.json)')
    .requiredOption('--data <roots>', 'dataset roots, separated by commas')
    .requiredOption('--out <run>', 'run folder: checkpoints, logs, samples')
    .option('--vae <run>', 'run or model folder of the autoencoder (structure-flow)')
    .option('--from <folder>', 'model folder or run whose weights to start from, instead of fresh ones')
    .option('--steps <n>', 'steps to train in all, instead of the recipe’s', wholeNumber)
    .option('--set <json>', 'recipe options to change, as JSON: \'{"batchSize": 16}\'', parseJson, {})
    .option('--device <device>', 'cpu, webgpu, cuda or auto', 'cpu')
    .option('--json', 'write events as JSON lines', false)
    .addHelpText('after', '\nExample:\n  espalier train structure-vae --data datasets/mini --out runs/structure-vae')
    .action(run);
}

interface TrainFlags {
  data: string;
  out: string;
  vae?: string;
  from?: string;
  steps?: number;
  set: Record<string, unknown>;
  device: string;
  json: boolean;
}

async function run(recipe: string, { json, steps, set, device, ...flags }: TrainFlags): Promise<void> {
  if (!['cpu', 'webgpu', 'cuda', 'auto'].includes(device))
    throw new Error(`--device must be cpu, webgpu, cuda or auto, got "${device}".`);
  const shown = progress({ json });
  const onEvent = (event: TrainEvent) => {
    if (json) process.stdout.write(`${JSON.stringify(event)}\n`);
    else if (event.kind === 'step')
      shown.onEvent({ kind: 'step', stage: `train (loss ${event.loss.toFixed(4)})`, step: event.step, of: event.of });
    else process.stderr.write(`\n${describe(event)}\n`);
  };
  await runRecipe(recipe, {
    ...flags,
    device: device as 'cpu',
    overrides: { ...set, ...(steps === undefined ? {} : { maxSteps: steps }) },
    clock: () => performance.now(),
    signal: cancelSignal,
    onEvent,
  });
  shown.end();
}

function describe(event: Exclude<TrainEvent, { kind: 'step' }>): string {
  if (event.kind === 'resumed') return `resumed at step ${event.step}`;
  if (event.kind === 'saved') return `saved step ${event.step}`;
  return `step ${event.step}: ${Object.entries(event.terms)
    .map(([name, v]) => `${name} ${v.toFixed(4)}`)
    .join(', ')}`;
}

function wholeNumber(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('expected a whole number of at least 1.');
  return n;
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new InvalidArgumentError(`expected JSON: ${(error as Error).message}`);
  }
}
