// Models from the Hugging Face Hub, in the cache that its own tools share.
export { hubCacheFolder } from './cache-layout.ts';
export { isHubId } from './hub-id.ts';
export { type HubOptions, hubRepository } from './repository.ts';
