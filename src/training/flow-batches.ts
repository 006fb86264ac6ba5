/**
 * Batches of the structure flow, made ahead by threads: noise for a batch of 64 is two million normal numbers, and a GPU is done with a
 * step before one thread has drawn them.
 */
import { availableParallelism } from 'node:os';
import type { Value } from '../tensor/index.ts';
import { startThread } from '../threads/index.ts';
import type { FlowTable } from './flow-table.ts';
import type { StructureFlowRecipe } from './recipes/2-structure-flow.ts';

/** What a thread needs to make any batch of a run. */
export interface FlowBatchSource {
  recipe: StructureFlowRecipe;
  table: FlowTable;
  /** assets that are learned */
  assets: readonly number[];
}

type Feeds = Record<string, Value>;

/** Batches of a run; whoever opened it disposes it. */
export interface FlowBatches {
  /** The feeds of step `step` (from 0), a pure function of the source; those of the next steps are begun, too. */
  batch(step: number): Promise<Feeds>;
  dispose(): Promise<void>;
}

/** Threads, for a machine of this many cores: half of them, since a step runs on the others. */
const threadsFor = (cores: number): number => Math.max(1, Math.min(8, cores >> 1));

export function flowBatches(source: FlowBatchSource, threads = threadsFor(availableParallelism())): FlowBatches {
  const started: ReturnType<typeof feedsThread>[] = []; // at the first batch: whoever never asks need not dispose
  const begun = new Map<number, Promise<Feeds>>();
  const begin = (step: number): Promise<Feeds> => {
    while (started.length < threads) started.push(feedsThread(source));
    const known = begun.get(step) ?? started[step % threads].make(step);
    known.catch(() => undefined); // whoever awaits it hears of it
    begun.set(step, known);
    return known;
  };
  return {
    batch(step) {
      const wanted = begin(step);
      for (let ahead = 1; ahead <= threads; ahead++) begin(step + ahead);
      for (const other of begun.keys()) if (other <= step) begun.delete(other);
      return wanted;
    },
    async dispose() {
      await Promise.all(started.map((thread) => thread.end()));
    },
  };
}

function feedsThread(source: FlowBatchSource): { make(step: number): Promise<Feeds>; end(): Promise<unknown> } {
  const worker = startThread(new URL('./flow-batches-worker.js', import.meta.url), source);
  const waiting = new Map<number, { resolve: (feeds: Feeds) => void; reject: (error: Error) => void }>();
  let ended: Error | undefined;
  const fail = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('message', ({ step, feeds }: { step: number; feeds: Feeds }) => {
    waiting.get(step)?.resolve(feeds);
    waiting.delete(step);
  });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`train: a thread that makes batches ended (code ${code}).`)));
  return {
    make: (step) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        waiting.set(step, { resolve, reject });
        worker.postMessage(step);
      }),
    end: () => worker.terminate(),
  };
}
