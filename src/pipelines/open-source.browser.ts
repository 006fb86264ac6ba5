import { type HubOptions, hubRepository, isHubId } from './hub/index.browser.ts';
import type { ModelSource } from './model-source.ts';
import { folderPlace } from './page-store/folder-place.ts';
import { keptSource } from './page-store/kept-source.ts';

/**
 * The source that a page names: the address of a model folder, else a Hub id `owner/name[@revision]`.
 * @throws Error when it is neither
 */
export async function openSource(name: string, hub: HubOptions): Promise<ModelSource> {
  if (/^https?:\/\//.test(name)) return keptSource(folderPlace(name, hub), hub);
  if (isHubId(name)) return hubRepository(name, hub);
  throw new Error(
    `"${name}" is not a model: expected the address of a folder that holds pipeline.json, or a model of the Hub, owner/name.`,
  );
}
