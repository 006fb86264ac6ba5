/**
 * Files that can be made again from others, such as weights expanded to float32. They appear whole or not at all: each
 * is written under a name of its own and renamed when complete, so any number of processes may want the same one.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { explainFullDisk, requireSpace } from './disk-space.ts';

export interface CacheOptions {
  /** the cache's folder; by default `cacheFolder()` */
  cache?: string;
  signal?: AbortSignal;
}

/** `ESPALIER_CACHE`, else `espalier` in `XDG_CACHE_HOME`, else in `~/.cache`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.ESPALIER_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'espalier');
}

const MEND = 'Free some, or name a folder on another disk with ESPALIER_CACHE.';

/** Left by a process that was killed: drafts older than this are removed. */
const ABANDONED_MS = 24 * 3600 * 1000;

const making = new Map<string, Promise<string>>();

/**
 * Path of the cached file for what `source` was when it had the state `version`. When there is none, `write` makes it,
 * appending exactly `bytes` bytes; files of other versions of the same source are removed then.
 * @throws Error when the disk is full, with the folder and how to use another
 */
export async function cachedFile(
  { kind, source, version }: { kind: string; source: string; version: string },
  bytes: number,
  write: (append: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
  { cache = cacheFolder(), signal }: CacheOptions = {},
): Promise<string> {
  const path = join(cache, `${source}.${version}.${kind}`);
  const known = making.get(path);
  if (known) {
    const shared = await known.catch(() => undefined); // the other's failure may be its own, such as its abort
    if (shared !== undefined) return shared;
  }
  const made = make(path, bytes, write, cache, `${source}.`, `.${kind}`, signal).finally(() => making.delete(path));
  making.set(path, made);
  return made;
}

async function make(
  path: string,
  bytes: number,
  write: (append: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
  folder: string,
  source: string,
  ending: string,
  signal?: AbortSignal,
): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.size === bytes) return path;
  await mkdir(folder, { recursive: true });
  await removeDrafts(folder);
  await requireSpace(folder, bytes, MEND);
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(draft, 'wx');
    let written = 0;
    try {
      await write(async (chunk) => {
        signal?.throwIfAborted();
        await file.writeFile(chunk);
        written += chunk.byteLength;
      });
      await file.sync();
    } finally {
      await file.close();
    }
    if (written !== bytes) throw new Error(`internal: ${path} was to take ${bytes} bytes, got ${written}.`);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw explainFullDisk(error, folder, bytes, MEND);
  }
  await removeOthers(folder, path, source, ending);
  return path;
}

async function removeDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.tmp')) continue;
    const age = Date.now() - ((await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > ABANDONED_MS) await rm(join(folder, name), { force: true });
  }
}

/** Other versions of the same source. One that another process has mapped stays until it lets go (or, on Windows, for good). */
async function removeOthers(folder: string, keep: string, source: string, ending: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name.startsWith(source) && name.endsWith(ending) && join(folder, name) !== keep)
      await rm(join(folder, name), { force: true }).catch(() => undefined);
}
