import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';

/**
 * What names a file's content in the cache: a file that is named by its SHA-256, as the Hub's cache has them, is that
 * content; any other is its path, and for the version its size and time.
 */
export async function identityOf(path: string): Promise<{ source: string; version: string }> {
  const { size, mtimeMs } = await stat(path);
  if (/^[0-9a-f]{64}$/.test(basename(path))) return { source: basename(path).slice(0, 32), version: `${size}` };
  return { source: digest(path).slice(0, 32), version: digest(`${size} ${mtimeMs}`).slice(0, 16) };
}

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
