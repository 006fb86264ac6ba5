/** Where sessions run in Node: each in a thread of its own. Pages have another host (`session-host.browser.ts`). */
import { listSupportedBackends } from 'onnxruntime-node';
import { startThread } from '../../threads/index.ts';
import type { Device } from './device.ts';
import type { Request } from './protocol.ts';

/**
 * The device that `wanted` names. 'auto' takes CUDA when this runtime has it, else the CPU; nothing else is ever
 * replaced by another device.
 * @throws Error when this build of the runtime does not offer the device
 */
export function resolveDevice(wanted: Device | 'auto'): Device {
  const offered = listSupportedBackends()
    .filter((b) => b.bundled)
    .map((b) => b.name);
  if (wanted === 'auto') return offered.includes('cuda') ? 'cuda' : 'cpu';
  if (!offered.includes(wanted))
    throw new Error(
      `device "${wanted}" is not offered by this build of ONNX Runtime, which has: ${offered.join(', ')}. Choose one of them with --device.`,
    );
  return wanted;
}

/** A session of the runtime, reached by requests. */
export interface SessionClient {
  /** @param transfer  buffers of the request that are handed over, not copied */
  send(request: Request, transfer?: readonly ArrayBuffer[]): Promise<unknown>;
  close(): Promise<void>;
}

/** How streamed weights are handed to a session: as inputs or as files beside the model; halves as they are, or as floats. */
export const weightsTaken = (_device: Device): { as: 'input' | 'file'; halves: boolean } => ({
  as: 'input',
  halves: true,
});

/** A thread with no session yet; the first request creates it. */
export function openSession(): SessionClient {
  const worker = startThread(new URL('./session-worker.js', import.meta.url));
  const pending = new Map<number, { resolve: (v: unknown) => void; reject: (e: Error) => void }>();
  let nextId = 0;
  let ended: Error | undefined;
  const fail = (error: Error) => {
    ended = error;
    for (const p of pending.values()) p.reject(error);
    pending.clear();
  };
  worker.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    const p = pending.get(id);
    pending.delete(id);
    if (error === undefined) p?.resolve(result);
    else p?.reject(new Error(error));
  });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`session: its thread ended (code ${code}) before it answered.`)));
  return {
    send: async (asked, transfer = []) => {
      const request = asked.kind === 'create' ? await readAll(asked) : asked;
      return new Promise((resolve, reject) => {
        if (ended)
          return reject(new Error('session: its thread has ended; compile the graph again.', { cause: ended }));
        const id = nextId++;
        pending.set(id, { resolve, reject });
        worker.postMessage({ id, request }, transfer);
      });
    },
    close: async () => {
      await worker.terminate();
    },
  };
}

type Create = Extract<Request, { kind: 'create' }>;

/** Streamed weights become state: what goes to a thread is data. */
async function readAll({ weights, ...request }: Create): Promise<Create> {
  const state = { ...request.state };
  for (const { name, dtype, dims, read } of weights) state[name] = { dtype, dims, data: await read() };
  return { ...request, state, weights: [] };
}
