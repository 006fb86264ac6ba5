import type { OnEvent } from '../pipelines/index.browser.ts';
import type { Asked, FromWorker, ToWorker } from './protocol.ts';

/** A worker that answers requests. Owned by whoever started it; `end` frees all that it holds. */
export interface WorkerClient {
  /** @throws the signal's reason once the worker has stopped, and what went wrong there */
  ask<T>(request: Asked, work?: { signal?: AbortSignal; onEvent?: OnEvent }): Promise<T>;
  end(): void;
}

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
  onEvent?: OnEvent;
}

/** @param start  makes the worker; by default the one that comes with this package */
export function startWorker(
  start: () => Worker = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
): WorkerClient {
  const worker = start();
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  let ended: Error | undefined;
  const fail = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    const asked = waiting.get(data.id);
    if ('event' in data) return asked?.onEvent?.(data.event);
    waiting.delete(data.id);
    if ('error' in data) asked?.reject(Object.assign(new Error(data.error.message), { name: data.error.name }));
    else asked?.resolve(data.result as never);
  });
  worker.addEventListener('error', ({ message }) =>
    fail(
      new Error(
        `worker: it failed${message ? `: ${message}` : ' to start. Is its script served, and as a module (vite: worker.format "es")?'}`,
      ),
    ),
  );
  return {
    ask(request, { signal, onEvent } = {}) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        if (ended) return reject(ended);
        const id = nextId++;
        const send = (message: ToWorker) => worker.postMessage(message);
        const abort = () => send({ id, abort: true });
        signal?.addEventListener('abort', abort);
        const settled =
          <V>(use: (value: V) => void) =>
          (value: V) => {
            signal?.removeEventListener('abort', abort);
            use(value);
          };
        // A worker that has stopped says so with its own reason; the caller's is the one to give.
        const fails = (error: unknown) => reject(signal?.aborted ? signal.reason : error);
        waiting.set(id, { resolve: settled(resolve), reject: settled(fails), onEvent });
        send({ id, request });
      });
    },
    end() {
      worker.terminate();
      fail(new Error('the model was disposed. Load it again.'));
    },
  };
}
