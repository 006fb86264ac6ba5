/**
 * Runs compiled kernels on threads over one shared memory.
 *
 * Work is cut into pieces that write to places of their own, and threads draw pieces from a counter: which thread takes
 * which piece is open, what comes out is not, bit for bit. Without SharedArrayBuffer (a page that is not isolated across
 * origins) or with one thread asked for, the same code runs on the calling thread.
 */
import { KernelMemory, MAX_PAGES } from './kernel-memory.ts';
import { type KernelThread, startThread } from './kernel-thread.ts';

/** The functions of a kernel: of numbers, and giving a number or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: what a function without result is declared to return
type Functions<F> = { [name in keyof F]: (...args: number[]) => number | void };

export interface KernelPoolOptions {
  /** 1: the calling thread; by default one per core, at most 8 */
  threads?: number;
}

/** Owned by whoever opened it. Idle threads do not keep a process alive; `dispose` ends them at once. */
export interface KernelPool<F extends Functions<F>> {
  readonly threads: number;
  readonly memory: KernelMemory;
  /** Runs a function that draws its pieces of work from the counter, on all threads; it gets its thread's number first. */
  everywhere<K extends keyof F & string>(name: K, ...args: WithoutThread<Parameters<F[K]>>): Promise<void>;
  /** Runs a function once, on one thread; → its result. */
  once<K extends keyof F & string>(name: K, ...args: Parameters<F[K]>): Promise<number>;
  dispose(): Promise<void>;
}

type WithoutThread<A extends unknown[]> = A extends [thread: number, ...rest: infer R] ? R : never;

/** Where threads draw their next piece from; KernelMemory leaves it free. */
const TICKETS = 0;

/** @param wasm bytes in base64, as kernels/build.mjs writes them */
export async function openKernel<F extends Functions<F>>(
  wasm: string,
  options: KernelPoolOptions = {},
): Promise<KernelPool<F>> {
  const wanted = options.threads ?? Math.min(8, cores());
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 256)
    throw new RangeError(
      `openKernel: threads must be an integer in 1 … 256, got ${wanted}. Leave it out for one per core.`,
    );
  const threads = wanted > 1 && canShare() ? wanted : 1;
  const bytes = Uint8Array.from(atob(wasm), (c) => c.charCodeAt(0));
  if (threads === 1) importOwnMemory(bytes);
  const module = await WebAssembly.compile(bytes);
  const buffer = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: threads > 1 });
  const memory = new KernelMemory(buffer);
  const team =
    threads > 1
      ? await Promise.all(Array.from({ length: threads }, () => startThread(module, buffer)))
      : [await callingThread(module, buffer)];
  return {
    threads,
    memory,
    async everywhere(name, ...args) {
      memory.integers(TICKETS, 1)[0] = 0;
      await Promise.all(team.map((thread, i) => thread.call(name, [i, ...args])));
    },
    once: (name, ...args) => team[0].call(name, args),
    async dispose() {
      await Promise.all(team.map((thread) => thread.dispose()));
    },
  };
}

async function callingThread(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<KernelThread> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return {
    call: async (name, args) => (exports as Record<string, (...args: number[]) => number>)[name](...args),
    dispose: async () => undefined,
  };
}

/**
 * Kernels are compiled for shared memory; the same code runs on unshared memory once its import asks for that: flag 3 (shared,
 * with a maximum) becomes 1 (with a maximum).
 */
function importOwnMemory(bytes: Uint8Array): void {
  const entry = [...'\x03env\x06memory\x02\x03'].map((c) => c.charCodeAt(0));
  const at = bytes.findIndex((_, i) => entry.every((value, k) => bytes[i + k] === value));
  if (at < 0) throw new Error('internal: kernel does not import a shared memory env.memory');
  bytes[at + entry.length - 1] = 1;
}

function canShare(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false;
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated;
  return isolated !== false; // undefined outside browsers
}

const cores = (): number => globalThis.navigator?.hardwareConcurrency ?? nodeCores();

/** Node 20 has no `navigator`. */
function nodeCores(): number {
  const os = globalThis.process?.getBuiltinModule?.('node:os');
  return os?.availableParallelism() ?? 2;
}
