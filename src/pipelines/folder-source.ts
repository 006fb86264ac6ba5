import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { localFile } from './local-file.ts';
import { type ModelSource, pathInside } from './model-source.ts';

export function folderSource(folder: string): ModelSource {
  const find = async (path: string) => {
    const full = join(folder, pathInside(folder, path));
    const found = await stat(full).catch(() => undefined);
    return found?.isFile() ? full : undefined;
  };
  return {
    name: folder,
    find,
    async look(path) {
      const full = await find(path);
      return full === undefined ? undefined : localFile(full);
    },
  };
}
