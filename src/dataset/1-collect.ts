/** Step 1: a folder of models → rows of `metadata.csv`, keyed by the SHA-256 of each file. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { MESH_EXTENSIONS, parseCsv } from '../formats/index.ts';
import type { BuildEvent } from './build.ts';
import { type MetadataRow, readMetadata, writeMetadata } from './metadata.ts';

const READABLE = new Set<string>(MESH_EXTENSIONS);
const OTHER_MODELS = new Set(['.fbx', '.dae', '.usd', '.usda', '.usdc', '.usdz', '.blend', '.abc', '.3ds']);

export interface CollectOptions {
  limit?: number; // at most so many models, in order of their paths
  signal?: AbortSignal;
  onEvent?: (event: BuildEvent) => void;
}

/**
 * Adds the models below `folder` to the root; known ones keep their row. `local_path` is relative to the root, the files
 * stay where they are. A table `assets.csv` in the folder or beside it (columns sha256 or id; caption; others) gives
 * captions, and its other columns are carried along, `source_pack` among them.
 */
export async function collect(folder: string, root: string, options: CollectOptions = {}): Promise<void> {
  const { limit = Infinity, signal, onEvent } = options;
  const names = (await readdir(folder, { recursive: true })).sort();
  const files: string[] = [];
  for (const name of names) {
    if (resolve(folder, name).startsWith(resolve(root) + sep)) continue; // the root's own voxels are PLY files, too
    const extension = extname(name).toLowerCase();
    if (READABLE.has(extension)) files.push(name);
    else if (OTHER_MODELS.has(extension)) {
      onEvent?.({
        kind: 'skipped',
        stage: 'collect',
        asset: name,
        reason: `${extension} models are not read yet; convert it to .glb`,
      });
    }
  }
  const chosen = files.slice(0, limit);
  if (chosen.length === 0) {
    throw new Error(
      `collect: expected models (${MESH_EXTENSIONS.join(', ')}) in ${folder}, found none. Give the folder that holds the models.`,
    );
  }
  const described = await readDescriptions(folder);
  const table = await readMetadata(root);
  const known = new Map(table.rows.map((row) => [row['sha256'], row]));
  for (const [i, name] of chosen.entries()) {
    signal?.throwIfAborted();
    const path = resolve(folder, name);
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    const description = described.get(sha256) ?? described.get(basename(name, extname(name)));
    const row = known.get(sha256) ?? { sha256 };
    if (!known.has(sha256)) table.rows.push(row);
    known.set(sha256, row);
    describe(row, name, description);
    row['local_path'] = relative(resolve(root), path);
    onEvent?.({ kind: 'step', stage: 'collect', step: i + 1, of: chosen.length });
  }
  await writeMetadata(root, table);
}

function describe(row: MetadataRow, name: string, description: MetadataRow | undefined): void {
  row['file_identifier'] ||= name;
  row['aesthetic_score'] ??= ''; // not scored
  row['captions'] ||= description?.['caption'] ? JSON.stringify([description['caption']]) : '';
  for (const [column, value] of Object.entries(description ?? {})) {
    if (column !== 'sha256' && column !== 'caption') row[column] ||= value;
  }
}

/** Rows of `assets.csv` by sha256 and by id. */
async function readDescriptions(folder: string): Promise<Map<string, MetadataRow>> {
  const rows = new Map<string, MetadataRow>();
  for (const place of [dirname(resolve(folder)), resolve(folder)]) {
    let text: string;
    try {
      text = await readFile(join(place, 'assets.csv'), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    for (const row of parseCsv(text).rows) {
      if (row['sha256']) rows.set(row['sha256'], row);
      if (row['id']) rows.set(row['id'], row);
    }
  }
  return rows;
}
