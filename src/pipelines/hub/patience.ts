/** How often a request is tried again, and how long is waited before. */
import type { HubOptions } from './repository.ts';
import { PassingError } from './request.ts';

type Patient = Pick<HubOptions, 'attempts' | 'pauseMs' | 'signal'>;

export function patience({ attempts = 5, pauseMs = 1000 }: Patient): { attempts: number; pauseMs: number } {
  return { attempts, pauseMs };
}

/** `ask`, again while what fails may pass. */
export async function patiently<T>(options: Patient, ask: () => Promise<T>): Promise<T> {
  const { attempts, pauseMs } = patience(options);
  for (let failures = 1; ; failures++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof PassingError) || failures >= attempts) throw error;
      await pause(pauseMs * 2 ** (failures - 1), options.signal);
    }
  }
}

/** @throws the signal's reason, at once when it aborts */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
