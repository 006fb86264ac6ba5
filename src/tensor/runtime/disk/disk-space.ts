import { statfs } from 'node:fs/promises';

/**
 * Checks, before a large file is written, that the disk of `folder` has room for it.
 * @param mend  what a user can do about it, a sentence
 * @throws Error naming the folder, what is needed and what is free
 */
export async function requireSpace(folder: string, bytes: number, mend: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < bytes) throw fullDisk(folder, bytes, mend, bavail * bsize);
}

/** `error`, or when it says that the disk is full, one that says where and what to do. */
export function explainFullDisk(error: unknown, folder: string, bytes: number, mend: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' ? fullDisk(folder, bytes, mend) : error;
}

function fullDisk(folder: string, bytes: number, mend: string, free?: number): Error {
  const rest = free === undefined ? 'the disk is full' : `${megabytes(free)} are free`;
  return new Error(`${folder}: expected room for ${megabytes(bytes)}, ${rest}. ${mend}`);
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
