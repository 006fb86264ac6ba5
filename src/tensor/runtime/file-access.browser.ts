/** Files that a page keeps: paths are those of its private file system (OPFS). The twin of `file-access.ts`. */
import type { OpenFile } from './file-access.ts';

export async function openFile(path: string): Promise<OpenFile> {
  const file = await (await fileAt(path)).getFile();
  return {
    size: file.size,
    async read(into, position) {
      const bytes = new Uint8Array(await file.slice(position, position + into.length).arrayBuffer());
      if (bytes.length < into.length)
        throw new Error(
          `${path}: ended at byte ${position + bytes.length}, after its header had been read. It changed; load it again.`,
        );
      into.set(bytes);
    },
    close: async () => undefined,
  };
}

async function fileAt(path: string): Promise<FileSystemFileHandle> {
  const parts = path.split('/');
  const name = parts.pop() as string;
  let folder = await navigator.storage.getDirectory();
  try {
    for (const part of parts) folder = await folder.getDirectoryHandle(part);
    return await folder.getFileHandle(name);
  } catch (error) {
    throw new Error(`${path}: is not among the files that this page keeps. Load the model again.`, { cause: error });
  }
}
