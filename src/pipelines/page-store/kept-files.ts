/**
 * The files that a page keeps, in its private file system (OPFS): `espalier/blobs/<id>`, named by their content where its
 * hash is known. One counts when `<id>.complete` says how long it is; until then it holds what has arrived so far.
 * Runs in a worker: only there files are written in place.
 */

/** A file open for writing in place. Owned by whoever opened it; there is one at a time. */
export interface FileInPlace {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

const ROOT = 'espalier';

async function folder(name: 'blobs' | 'sources'): Promise<FileSystemDirectoryHandle> {
  if (!globalThis.navigator?.storage?.getDirectory)
    throw new Error(
      'this page cannot keep files: its browser offers no private file system here. It needs https or localhost, and a browser of 2023 or later.',
    );
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
  return root.getDirectoryHandle(name, { create: true });
}

/** Path of a file that is here whole. */
export async function keptFile(id: string): Promise<string | undefined> {
  const blobs = await folder('blobs');
  try {
    const mark = await (await blobs.getFileHandle(`${id}.complete`)).getFile();
    const { size } = await (await blobs.getFileHandle(id)).getFile();
    return (await mark.text()) === String(size) ? `${ROOT}/blobs/${id}` : undefined;
  } catch (error) {
    if ((error as Error).name === 'NotFoundError') return undefined;
    throw error;
  }
}

/** What has arrived of a file, to go on with. */
export async function openInPlace(id: string): Promise<FileInPlace> {
  return inPlace(await folder('blobs'), id);
}

/** Says that a file is whole. It must be closed. */
export async function markComplete(id: string, size: number): Promise<void> {
  await writeText(await folder('blobs'), `${id}.complete`, String(size));
}

/** A note as it was left; undefined when there is none, or it was cut short. */
export async function readNote(name: string): Promise<unknown> {
  try {
    const file = await (await (await folder('sources')).getFileHandle(`${name}.json`)).getFile();
    return JSON.parse(await file.text());
  } catch (error) {
    if (error instanceof SyntaxError || (error as Error).name === 'NotFoundError') return undefined;
    throw error;
  }
}

export async function writeNote(name: string, note: unknown): Promise<void> {
  await writeText(await folder('sources'), `${name}.json`, JSON.stringify(note));
}

/** Removes everything that was kept. */
export async function forgetAll(): Promise<void> {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(ROOT, { recursive: true }).catch((error: Error) => {
    if (error.name !== 'NotFoundError') throw error;
  });
}

async function writeText(into: FileSystemDirectoryHandle, name: string, text: string): Promise<void> {
  const file = await inPlace(into, name);
  try {
    file.truncate(0);
    file.write(new TextEncoder().encode(text), { at: 0 });
    file.flush();
  } finally {
    file.close();
  }
}

async function inPlace(into: FileSystemDirectoryHandle, name: string): Promise<FileInPlace> {
  const handle = (await into.getFileHandle(name, { create: true })) as unknown as {
    createSyncAccessHandle(): Promise<FileInPlace>;
  };
  return handle.createSyncAccessHandle();
}
