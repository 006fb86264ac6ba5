/** A folder of models → a dataset root, step by step. Running it again does only what is missing. */
import { mkdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Shading } from '../render/index.ts';
import { collect } from './1-collect.ts';
import { renderCondDefaults } from './3-render-cond.ts';
import { runAssetTasks } from './asset-pool.ts';
import type { AssetTask } from './asset-worker.ts';
import { type MetadataRow, mergeRecords, type RecordName, readMetadata, selectWork, writeRecords } from './metadata.ts';

export type BuildStage = 'collect' | 'voxelize' | 'render-cond' | 'voxelize-cond' | 'voxelize-view';

export type BuildEvent =
  | { kind: 'step'; stage: BuildStage; step: number; of: number }
  | { kind: 'warning'; stage: BuildStage; asset: string; message: string }
  | { kind: 'skipped'; stage: BuildStage; asset: string; reason: string };

export interface BuildDatasetOptions {
  views?: number; // condition views per asset
  size?: number; // their pixels per side
  light?: Shading; // of the condition views; the same for all assets of a root
  limit?: number; // at most so many models
  rank?: number; // of this process, when several share the work
  worldSize?: number; // with more than 1, run `collect` before and `mergeRecords` after all ranks
  workers?: number;
  timeoutMs?: number; // per asset and step
  signal?: AbortSignal;
  onEvent?: (event: BuildEvent) => void;
}

export interface BuildSummary {
  assets: number; // rows of the root
  voxelized: number;
  condRendered: number;
  skipped: number; // in this run
}

/**
 * Collects, voxelises, renders conditions, voxelises as each condition sees it. An asset that fails is reported by a `skipped` event and tried again by the
 * next run.
 * @throws the signal's reason when aborted; what was finished until then is recorded
 */
export async function buildDataset(
  inputFolder: string,
  outRoot: string,
  options: BuildDatasetOptions = {},
): Promise<BuildSummary> {
  const { rank = 0, worldSize = 1, limit, signal } = options;
  const {
    views = renderCondDefaults.views,
    size = renderCondDefaults.size,
    light = renderCondDefaults.light,
  } = options;
  checkCounts({ views, size, worldSize, workers: options.workers ?? 1, limit: limit ?? 1 });
  if (!(rank >= 0 && rank < worldSize)) {
    throw new RangeError(`buildDataset: rank must be in 0 … ${worldSize - 1}, got ${rank}. Count ranks from 0.`);
  }
  const input = await stat(inputFolder).catch(() => undefined);
  if (!input?.isDirectory()) {
    throw new Error(`buildDataset: expected a folder of models, ${inputFolder} is none. Check the path.`);
  }
  await mkdir(outRoot, { recursive: true });
  const skipped = new Set<string>(); // once skipped, an asset is left alone for the rest of the run
  const onEvent = (event: BuildEvent) => {
    if (event.kind === 'skipped') skipped.add(event.asset);
    options.onEvent?.(event);
  };
  const root = resolve(outRoot);
  const isAlone = worldSize === 1;
  if (isAlone) {
    await collect(inputFolder, root, { limit, signal, onEvent });
    await mergeRecords(root);
  }
  const run = { ...options, root, rank, worldSize, skipped, onEvent };
  await runStep(run, 'voxelize', 'voxelized', (task) => ({ kind: 'voxelize', ...task }));
  if (isAlone) await mergeRecords(root);
  const rendered = await runStep(run, 'render-cond', 'cond_rendered', (task) => ({
    kind: 'render-cond',
    ...task,
    options: { views, size, light },
  }));
  if (isAlone) await mergeRecords(root);
  const isRendered = (row: MetadataRow) => row['cond_rendered'] === 'True' || rendered.has(row['sha256']);
  await runStep(
    run,
    'voxelize-cond',
    'cond_voxelized',
    (task) => ({ kind: 'voxelize-cond', ...task, frame: 'picture' }),
    isRendered,
  );
  if (isAlone) await mergeRecords(root);
  await runStep(
    run,
    'voxelize-view',
    'view_voxelized',
    (task) => ({ kind: 'voxelize-cond', ...task, frame: 'view' }),
    isRendered,
  );
  const { rows } = isAlone ? await mergeRecords(root) : await readMetadata(root);
  const count = (column: string) => rows.filter((row) => row[column] === 'True').length;
  return {
    assets: rows.length,
    voxelized: count('voxelized'),
    condRendered: count('cond_rendered'),
    skipped: skipped.size,
  };
}

/** One step over the rows that lack it and are ready; records are written even when the run is cut short. Returns what was done. */
async function runStep(
  run: BuildDatasetOptions & {
    root: string;
    rank: number;
    worldSize: number;
    skipped: ReadonlySet<string>;
    onEvent: (event: BuildEvent) => void;
  },
  stage: BuildStage,
  column: RecordName,
  toTask: (asset: { root: string; sha256: string; modelPath: string }) => AssetTask,
  isReady: (row: MetadataRow) => boolean = () => true,
): Promise<ReadonlySet<string>> {
  const { root, rank, worldSize, onEvent } = run;
  const { rows } = await readMetadata(root);
  const isOpen = (row: MetadataRow) => Boolean(row['local_path']) && row[column] !== 'True';
  const nameOf = (row: MetadataRow) => row['file_identifier'] || row['local_path'];
  const work = selectWork(rows, isOpen, rank, worldSize).filter((row) => !run.skipped.has(nameOf(row)) && isReady(row));
  const names = new Map(work.map((row) => [row['sha256'], nameOf(row)]));
  const tasks = work.map((row) => toTask({ root, sha256: row['sha256'], modelPath: resolve(root, row['local_path']) }));
  const done: MetadataRow[] = [];
  let step = 0;
  try {
    const pool = {
      workers: run.workers ?? availableParallelism(),
      timeoutMs: run.timeoutMs ?? 300_000,
      signal: run.signal,
    };
    await runAssetTasks(tasks, pool, ({ sha256 }, result) => {
      const asset = names.get(sha256) ?? sha256;
      if (result.ok) {
        done.push({ sha256, ...result.record });
        for (const message of result.warnings) onEvent({ kind: 'warning', stage, asset, message });
      } else onEvent({ kind: 'skipped', stage, asset, reason: result.reason });
      onEvent({ kind: 'step', stage, step: ++step, of: tasks.length });
    });
  } finally {
    await writeRecords(root, column, rank, done);
  }
  return new Set(done.map(({ sha256 }) => sha256));
}

function checkCounts(counts: Record<string, number>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`buildDataset: ${name} must be an integer of at least 1, got ${value}.`);
    }
  }
}
