/**
 * `metadata.csv`, the table of a dataset root: one row per asset, keyed by sha256.
 *
 * Steps never write it. Each process writes a small record table `<step>_<rank>.csv` beside it; `mergeRecords` folds
 * these in and moves them to `merged_records/`. So several processes work on one root without locks.
 * Source: microsoft/TRELLIS, `dataset_toolkits/build_metadata.py`.
 */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CsvTable, formatCsv, parseCsv } from '../formats/index.ts';

export type MetadataRow = Record<string, string>; // booleans are 'True' and 'False', as pandas writes them

/** The record tables of this toolkit, and the columns that each sets with its value for a new row. */
export const records = {
  downloaded: { local_path: '' },
  voxelized: { voxelized: 'False', num_voxels: '0' },
  cond_rendered: { cond_rendered: 'False' },
  cond_voxelized: { cond_voxelized: 'False' }, // ours
  view_voxelized: { view_voxelized: 'False' }, // ours
} as const satisfies Record<string, Record<string, string>>;

export type RecordName = keyof typeof records;

const BASE_COLUMNS = ['sha256', 'file_identifier', 'aesthetic_score', 'captions', 'local_path', 'rendered'];

/** The rows of `<root>/metadata.csv`, or none when there is no such file. */
export async function readMetadata(root: string): Promise<CsvTable> {
  const path = join(root, 'metadata.csv');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { columns: [...BASE_COLUMNS], rows: [] };
    throw error;
  }
  const table = parseCsv(text);
  if (!table.columns.includes('sha256')) {
    throw new Error(
      `readMetadata: ${path} must have the column sha256, got ${table.columns.join(', ')}. Is it a dataset root?`,
    );
  }
  return table;
}

/** Writes `metadata.csv` and `statistics.txt`. Columns that rows have and `columns` lacks are appended. */
export async function writeMetadata(root: string, table: CsvTable): Promise<void> {
  const columns = [...new Set([...table.columns, ...table.rows.flatMap((row) => Object.keys(row))])];
  await writeWhole(join(root, 'metadata.csv'), formatCsv({ columns, rows: table.rows }));
  await writeWhole(join(root, 'statistics.txt'), statistics(table.rows));
}

/** Writes `<root>/<name>_<rank>.csv`; an empty table writes nothing. */
export async function writeRecords(root: string, name: RecordName, rank: number, rows: MetadataRow[]): Promise<void> {
  if (rows.length === 0) return;
  const columns = ['sha256', ...Object.keys(records[name])];
  await writeWhole(join(root, `${name}_${rank}.csv`), formatCsv({ columns, rows }));
}

/** Folds all record tables of the root into the metadata. Run it when no step of another process is starting. */
export async function mergeRecords(root: string, unixTime = Math.floor(Date.now() / 1000)): Promise<CsvTable> {
  const table = await readMetadata(root);
  const files = await readdir(root);
  const merged: string[] = [];
  for (const name of Object.keys(records) as RecordName[]) {
    for (const row of table.rows) for (const [column, value] of Object.entries(records[name])) row[column] ||= value;
    for (const file of files.filter((f) => new RegExp(`^${name}_\\d+\\.csv$`).test(f)).sort()) {
      updateRows(table.rows, parseCsv(await readFile(join(root, file), 'utf8')).rows, Object.keys(records[name]));
      merged.push(file);
    }
  }
  for (const row of table.rows) row['rendered'] ||= 'False';
  await writeMetadata(root, table);
  if (merged.length > 0) await mkdir(join(root, 'merged_records'), { recursive: true });
  for (const file of merged) await rename(join(root, file), join(root, 'merged_records', `${unixTime}_${file}`));
  return table;
}

/** Rows meet by sha256; present values overwrite, missing ones do not, unknown rows are ignored, the last one wins. */
export function updateRows(rows: MetadataRow[], incoming: readonly MetadataRow[], columns: readonly string[]): void {
  const bySha = new Map(rows.map((row) => [row['sha256'], row]));
  for (const from of incoming) {
    const row = bySha.get(from['sha256']);
    if (!row) continue;
    for (const column of columns) if (from[column] !== undefined && from[column] !== '') row[column] = from[column];
  }
}

/** Rows that still lack what a step makes, and of those the share of this process. */
export function selectWork(
  rows: readonly MetadataRow[],
  isOpen: (row: MetadataRow) => boolean,
  rank: number,
  worldSize: number,
): MetadataRow[] {
  const open = rows.filter(isOpen);
  return open.slice(Math.floor((open.length * rank) / worldSize), Math.floor((open.length * (rank + 1)) / worldSize));
}

function statistics(rows: readonly MetadataRow[]): string {
  const count = (isCounted: (row: MetadataRow) => boolean) => rows.filter(isCounted).length;
  return [
    'Statistics:',
    `  - Number of assets: ${rows.length}`,
    `  - Number of assets downloaded: ${count((row) => Boolean(row['local_path']))}`,
    `  - Number of assets rendered: ${count((row) => row['rendered'] === 'True')}`,
    `  - Number of assets voxelized: ${count((row) => row['voxelized'] === 'True')}`,
    `  - Number of assets with captions: ${count((row) => Boolean(row['captions']))}`,
    `  - Number of assets with image conditions: ${count((row) => row['cond_rendered'] === 'True')}`,
    '',
  ].join('\n');
}

/** Appears under its name only when complete. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, data);
  await rename(temporary, path);
}
