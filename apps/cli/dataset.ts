/** `espalier dataset build`: a folder of models becomes a dataset root. */
import { mkdir } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type BuildEvent, buildDataset, collect, mergeRecords, shareOfLauncher } from '../../src/dataset/index.ts';

export function datasetCommand(): Command {
  const dataset = new Command('dataset').description('make and inspect dataset roots');
  dataset
    .command('build')
    .description(
      'a folder of models (.glb, .gltf, .obj, .stl, .ply) → voxels and condition views; run again to do only what is missing',
    )
    .argument('<folder>', 'folder of models')
    .requiredOption('--out <root>', 'dataset root to write')
    .option('--views <n>', 'condition views per asset', wholeNumber, 24)
    .option('--size <pixels>', 'pixels per side of a view', wholeNumber, 1024)
    .addOption(
      new Option('--light <kind>', 'of the views: full has shadows and highlights, plain is diffuse alone')
        .choices(['plain', 'full'])
        .default('full'),
    )
    .option('--workers <n>', 'worker threads (default: one per core)', wholeNumber)
    .option('--limit <n>', 'take only the first n models', wholeNumber)
    .option('--rank <n>', 'number of this process among several (default: the launcher’s)', rankNumber)
    .option('--world-size <n>', 'how many processes share the work (default: the launcher’s)', wholeNumber)
    .option('--json', 'write events and the summary as JSON lines', false)
    .addHelpText('after', '\nExample:\n  espalier dataset build models/ --out datasets/mine --views 24 --size 256')
    .action(build);
  dataset
    .command('collect')
    .description('the first step alone: list a folder of models in a dataset root, before several processes build it')
    .argument('<folder>', 'folder of models')
    .requiredOption('--out <root>', 'dataset root to write')
    .option('--limit <n>', 'take only the first n models', wholeNumber)
    .addHelpText(
      'after',
      '\nExample:\n  espalier dataset collect models/ --out datasets/mine && mpirun espalier dataset build models/ --out datasets/mine && espalier dataset merge datasets/mine',
    )
    .action(async (folder: string, { out, limit }: { out: string; limit?: number }) => {
      await mkdir(out, { recursive: true });
      await collect(folder, out, { limit, onEvent: progressLine() });
      const { rows } = await mergeRecords(out);
      process.stdout.write(`${out}: ${rows.length} assets\n`);
    });
  dataset
    .command('merge')
    .description('fold what several processes have recorded into metadata.csv, after all of them have ended')
    .argument('<root>', 'dataset root')
    .addHelpText('after', '\nExample:\n  espalier dataset merge datasets/mine')
    .action(async (root: string) => {
      const { rows } = await mergeRecords(root);
      if (rows.length === 0) throw new Error(`${root}: has no assets in its metadata.csv. Is it a dataset root?`);
      process.stdout.write(`${root}: ${rows.length} assets\n`);
    });
  return dataset;
}

interface BuildFlags {
  out: string;
  views: number;
  size: number;
  light: 'plain' | 'full';
  workers?: number;
  limit?: number;
  rank?: number;
  worldSize?: number;
  json: boolean;
}

async function build(folder: string, flags: BuildFlags): Promise<void> {
  const { out, json, ...numbers } = flags;
  if ((flags.rank === undefined) !== (flags.worldSize === undefined))
    throw new Error('dataset build: --rank and --world-size go together; give both, or neither.');
  const share = flags.rank === undefined ? shareOfLauncher(process.env) : {};
  const cancel = new AbortController();
  const onInterrupt = () => cancel.abort(new Error('cancelled; run the same command again to go on'));
  process.once('SIGINT', onInterrupt);
  try {
    const onEvent = json ? (event: BuildEvent) => printJson(event) : progressLine();
    const summary = await buildDataset(folder, out, { ...numbers, ...share, signal: cancel.signal, onEvent });
    if (json) printJson({ kind: 'done', root: out, ...summary });
    else {
      process.stderr.write('\n');
      process.stdout.write(
        `${out}: ${summary.assets} assets, ${summary.voxelized} voxelized, ${summary.condRendered} with condition views, ${summary.skipped} skipped\n`,
      );
    }
    if (summary.voxelized === 0) process.exitCode = 1;
  } catch (error) {
    if (!cancel.signal.aborted) throw error;
    process.stderr.write(`\n${(error as Error).message}\n`);
    process.exitCode = 130;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
}

const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** One line that is written over, with the time that remains; skipped assets and warnings get lines of their own. */
function progressLine(): (event: BuildEvent) => void {
  let stage = '';
  let startMs = 0;
  return (event) => {
    const clear = process.stderr.isTTY ? '\r\x1b[K' : '';
    if (event.kind !== 'step') {
      const text = event.kind === 'skipped' ? `skipped: ${event.reason}` : event.message;
      process.stderr.write(`${clear}${event.asset}: ${text}\n`);
      return;
    }
    if (event.stage !== stage) {
      if (stage !== '') process.stderr.write('\n');
      stage = event.stage;
      startMs = performance.now();
    }
    const isShown = process.stderr.isTTY || event.step === event.of || event.step % 100 === 0;
    if (!isShown) return;
    const remaining = ((performance.now() - startMs) / event.step) * (event.of - event.step);
    const time = event.step < event.of ? `, ${Math.ceil(remaining / 1000)} s left` : '';
    process.stderr.write(`${clear}${stage} ${event.step}/${event.of}${time}${process.stderr.isTTY ? '' : '\n'}`);
  };
}

function rankNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number of at least 0');
  return Number(text);
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('expected a whole number of at least 1');
  return Number(text);
}
