// Node only: files that can be made again, and room for large ones.
export { type CacheOptions, cachedFile, cacheFolder } from './cache.ts';
export { explainFullDisk, requireSpace } from './disk-space.ts';
