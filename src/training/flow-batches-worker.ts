/** The thread that makes one batch at a time; `flow-batches.ts` asks it. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FlowBatchSource } from './flow-batches.ts';
import { flowFeeds } from './flow-feeds.ts';
import { generatorOf, samplesOf } from './order.ts';

if (!parentPort) throw new Error('internal: flow-batches-worker runs as a worker thread');
const port = parentPort;
const { recipe, table, assets } = workerData as FlowBatchSource;

port.on('message', (step: number) => {
  const { batchSize, seed } = recipe;
  const picked = samplesOf(step, batchSize, assets.length, seed).map((i) => assets[i]);
  const feeds = flowFeeds(recipe, table, picked, generatorOf(seed, step), true);
  port.postMessage(
    { step, feeds },
    Object.values(feeds).map(({ data }) => data.buffer as ArrayBuffer),
  );
});
