import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** At most this much is written between two looks at the abort signal: bytes. */
const chunkBytes = 8 << 20;

/**
 * Writes a file whole or not at all: into a temporary name in the same folder, flushed to the disk, then renamed.
 * An existing target stays as it is until the rename; the temporary file is removed on failure and on abort.
 * Devices and pipes (`/dev/stdout`) cannot be renamed onto and are written in place.
 *
 * @throws Error naming the target and the remedy when the folder is missing, not writable, or the disk is full
 * @throws the signal's reason when aborted
 */
export async function writeSafely(target: string, data: Uint8Array | string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
  const existing = await stat(target).catch(() => undefined);
  if (existing?.isDirectory()) throw new Error(`Cannot write ${target}: it is a folder. Give the name of a file.`);
  const inPlace = existing !== undefined && !existing.isFile();
  const path = inPlace ? target : join(dirname(target), `.${basename(target)}.${randomUUID().slice(0, 8)}.tmp`);

  let file: FileHandle | undefined;
  let renamed = false;
  try {
    file = await open(path, inPlace ? 'w' : 'wx');
    for (let at = 0; at < bytes.length; ) {
      signal?.throwIfAborted();
      const { bytesWritten } = await file.write(bytes, at, Math.min(chunkBytes, bytes.length - at));
      at += bytesWritten;
    }
    if (!inPlace) await file.sync();
    await file.close();
    file = undefined;
    signal?.throwIfAborted();
    if (!inPlace) await rename(path, target);
    renamed = true;
  } catch (error) {
    throw signal?.aborted && error === signal.reason ? error : explain(error, target, bytes.length);
  } finally {
    await file?.close().catch(() => undefined);
    if (!renamed && !inPlace) await unlink(path).catch(() => undefined);
  }
}

function explain(error: unknown, target: string, size: number): Error {
  const code = (error as NodeJS.ErrnoException).code;
  const folder = dirname(target);
  const why =
    {
      ENOENT: `the folder ${folder} does not exist. Create it first.`,
      ENOTDIR: `${folder} is not a folder. Give a path inside a folder.`,
      EACCES: `no permission to write in ${folder}. Choose another folder or change its permissions.`,
      EPERM: `no permission to write in ${folder}. Choose another folder or change its permissions.`,
      EROFS: `${folder} is on a read-only file system. Choose another folder.`,
      ENOSPC: `the disk is full; ${size} bytes are needed. Free some space or choose another folder.`,
      EDQUOT: `the disk quota is used up; ${size} bytes are needed. Free some space or choose another folder.`,
      ENAMETOOLONG: 'the file name is too long. Choose a shorter one.',
    }[code ?? ''] ?? (error instanceof Error ? error.message : String(error));
  return new Error(`Cannot write ${target}: ${why}`, { cause: error });
}
