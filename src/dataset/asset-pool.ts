/**
 * Worker threads for assets. A thread that dies or takes too long costs its asset, not the run: the asset is reported,
 * the thread replaced.
 */
import type { Worker } from 'node:worker_threads';
import { startThread } from '../threads/index.ts';
import type { AssetResult, AssetTask } from './asset-worker.ts';

export interface AssetPoolOptions {
  workers: number;
  timeoutMs: number; // per asset
  signal?: AbortSignal;
}

/** Calls `onResult` once for every task, in order of completion. @throws the signal's reason when aborted */
export async function runAssetTasks(
  tasks: readonly AssetTask[],
  options: AssetPoolOptions,
  onResult: (task: AssetTask, result: AssetResult) => void,
): Promise<void> {
  const { signal, timeoutMs } = options;
  let next = 0;
  const serve = async (): Promise<void> => {
    let worker: Worker | undefined;
    try {
      while (next < tasks.length) {
        signal?.throwIfAborted();
        const task = tasks[next++];
        worker ??= startThread(new URL('./asset-worker.js', import.meta.url));
        const result = await runOne(worker, task, timeoutMs, signal);
        if (result === 'lost') {
          await worker.terminate();
          worker = undefined;
          onResult(task, {
            ok: false,
            reason: `not done within ${timeoutMs / 1000} s, or out of memory; simplify the model`,
          });
        } else onResult(task, result);
      }
    } finally {
      await worker?.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(options.workers, tasks.length)) }, serve));
}

function runOne(
  worker: Worker,
  task: AssetTask,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<AssetResult | 'lost'> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = () => settle(() => reject(signal?.reason));
    const timer = setTimeout(() => settle(() => resolve('lost')), timeoutMs);
    const onMessage = (result: AssetResult) => settle(() => resolve(result));
    const onError = (error: Error) => settle(() => (isOutOfMemory(error) ? resolve('lost') : reject(error)));
    const onExit = () => settle(() => resolve('lost'));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    signal?.addEventListener('abort', onAbort);
    worker.postMessage(task);
  });
}

const isOutOfMemory = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' || error instanceof RangeError;
