import { openFile } from '../tensor/index.ts';
import type { DistantFile } from './model-source.ts';

/** A file of this machine, or one that a page keeps. */
export async function localFile(path: string, at = path): Promise<DistantFile> {
  const file = await openFile(path);
  await file.close();
  return {
    at,
    size: file.size,
    async start(length) {
      const bytes = new Uint8Array(Math.min(length, file.size));
      const opened = await openFile(path);
      try {
        await opened.read(bytes, 0);
        return bytes;
      } finally {
        await opened.close();
      }
    },
    fetch: async () => path,
  };
}
