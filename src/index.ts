/** The public surface of Espalier, a table of contents. Folders are also reachable one by one: `espalier/tensor`, … */

// What long work reports while it runs.
export type { EspalierEvent, OnEvent } from './pipelines/index.ts';
