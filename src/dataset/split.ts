import { createHash } from 'node:crypto';
import type { MetadataRow } from './metadata.ts';

/** Share of the assets held out as validation. */
export const VALIDATION_SHARE = 0.05;

/**
 * The group an asset is split with: its pack and its name without digits, colours and single letters, so that the
 * near-twins of a pack ("tree_pine_A", "tree_pine_B_large") stay on one side.
 */
export function splitGroup(row: MetadataRow): string {
  const path = row.source_path ?? row.file_identifier ?? row.local_path ?? row.sha256;
  const stem = (path.split('/').pop() as string).replace(/\.[^.]*$/, '');
  const words = stem
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((w) => w.length > 1 && !VARIANTS.has(w));
  return `${row.source_pack ?? ''}/${words[0] ?? stem.toLowerCase()}`;
}

const VARIANTS = new Set(
  'red green blue yellow orange purple white black brown grey gray pink dark light small large big tall short medium left right open closed round square single double high low'.split(
    ' ',
  ),
);

/** Which side an asset is on. Depends on its group alone, so adding assets never moves another one. */
export function splitOf(row: MetadataRow): 'train' | 'validation' {
  const digest = createHash('sha256').update(splitGroup(row)).digest();
  return digest.readUInt32BE(0) / 2 ** 32 < VALIDATION_SHARE ? 'validation' : 'train';
}
