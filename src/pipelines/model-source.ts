import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A place that holds the files of a model: a folder, or a repository of the Hub that is fetched file by file. */
export interface ModelSource {
  /** how errors name it */
  readonly name: string;
  /**
   * Local path of a file, fetched first when it lies on the Hub; undefined when the source has no such file.
   * @throws Error when the path leaves the source, and when a file that is there cannot be had
   */
  find(path: string): Promise<string | undefined>;
}

export function folderSource(folder: string): ModelSource {
  return {
    name: folder,
    async find(path) {
      const full = join(folder, pathInside(folder, path));
      const found = await stat(full).catch(() => undefined);
      return found?.isFile() ? full : undefined;
    },
  };
}

/** `path` with forward slashes, when it stays inside. */
export function pathInside(source: string, path: string): string {
  const parts = path.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..') || /^([/\\]|[A-Za-z]:)/.test(path) || path.includes('\0'))
    throw new Error(`${source}: the component ${JSON.stringify(path)} lies outside the model folder.`);
  return parts.join('/');
}
