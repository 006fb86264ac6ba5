import type { Device, Precision } from '../tensor/index.ts';
import type { OnEvent } from './events.ts';
import type { WeightsOptions } from './network.ts';

/** Where and how long work runs, and whom it tells. */
export interface WorkOptions {
  device?: Device | 'auto';
  /** 'int8': 8-bit weights, on the CPU; faster, a quarter of the memory, and not quite the same asset */
  precision?: Precision;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/** What opening weights takes of it. */
export const weightsOptions = ({ precision, signal, onEvent }: WorkOptions): WeightsOptions => ({
  precision,
  signal,
  onEvent,
});

/** Runs a stage and tells how long it took. */
export async function timed<T>(
  stage: string,
  onEvent: OnEvent | undefined,
  work: () => Promise<T>,
  summary?: (result: T) => string,
): Promise<T> {
  const start = performance.now();
  const result = await work();
  onEvent?.({ kind: 'done', stage, seconds: (performance.now() - start) / 1000, summary: summary?.(result) });
  return result;
}

/** A network in use: opened, and freed however the work ends. */
export async function using<N extends { dispose(): Promise<void> }, T>(
  opening: Promise<N>,
  work: (opened: N) => Promise<T>,
): Promise<T> {
  const opened = await opening;
  try {
    return await work(opened);
  } finally {
    await opened.dispose();
  }
}
