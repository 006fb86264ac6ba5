// Models from the Hugging Face Hub, in the cache that its own tools share.
export { hubCacheFolder } from './cache-layout.ts';
export { type HubOptions, hubRepository, isHubId } from './repository.ts';
