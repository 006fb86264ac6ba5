// Models from the Hugging Face Hub in a page, kept in its private file system. The twin of index.ts.
import { hubPlace } from '../page-store/hub-place.ts';
import { keptSource } from '../page-store/kept-source.ts';
import type { hubRepository as inNode } from './repository.ts';

export { isHubId } from './hub-id.ts';
export type { HubOptions } from './repository.ts';

/** As in Node, but for `cache`: a page has one place of its own. */
export const hubRepository: typeof inNode = (name, options = {}) => keptSource(hubPlace(name, options), options);
