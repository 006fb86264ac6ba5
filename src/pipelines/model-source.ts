import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type HubOptions, hubRepository, isHubId } from './hub/index.ts';

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

/**
 * The source that a user names: a folder when there is one of that name, else a Hub id `owner/name[@revision]`.
 * @throws Error when it is neither
 */
export async function openSource(name: string, hub: HubOptions): Promise<ModelSource> {
  const kind = await stat(name).catch(() => undefined);
  if (kind?.isDirectory()) return folderSource(name);
  if (kind) throw new Error(`"${name}" is not a model folder: it is a file. Give the folder that holds pipeline.json.`);
  if (isHubId(name)) return hubRepository(name, hub);
  throw new Error(
    `"${name}" is not a model folder: there is no such folder, and a model of the Hub is named owner/name.`,
  );
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
