import { stat } from 'node:fs/promises';
import { folderSource } from './folder-source.ts';
import { type HubOptions, hubRepository, isHubId } from './hub/index.ts';
import type { ModelSource } from './model-source.ts';

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
