/** One thread that runs a kernel's functions on request: a worker of Node or of the browser, with the same code. */

export interface KernelThread {
  /** → the function's result, 0 when it has none */
  call(name: string, args: readonly number[]): Promise<number>;
  dispose(): Promise<void>;
}

/** What the two kinds of worker have in common. */
interface Port {
  post(message: unknown): void;
  onMessage(receive: (message: Reply) => void): void;
  onEnd(fail: (error: Error) => void): void;
  /** Whether the thread keeps the process alive. */
  hold(alive: boolean): void;
  end(): Promise<void>;
}

type Reply = { result: number } | { error: string };

/** The thread's program. It is handed over as text: no file to find, from sources, from dist or from a bundle. */
const program = `
const start = (post, listen) => {
  let functions;
  listen(({ module, memory, name, args }) => {
    try {
      if (module) functions = new WebAssembly.Instance(module, { env: { memory } }).exports;
      post({ result: module ? 0 : (functions[name](...args) ?? 0) });
    } catch (error) {
      post({ error: String(error) });
    }
  });
};
if (typeof require === 'function') {
  const { parentPort } = require('node:worker_threads');
  start((m) => parentPort.postMessage(m), (f) => parentPort.on('message', f));
} else start((m) => postMessage(m), (f) => addEventListener('message', (event) => f(event.data)));
`;

/** A worker with the module on that memory. It must be shared. */
export async function startThread(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<KernelThread> {
  const port = isNode() ? await nodePort() : browserPort();
  const waiting: { resolve: (result: number) => void; reject: (error: Error) => void }[] = [];
  let ended: Error | undefined;
  port.onMessage((reply) => {
    const next = waiting.shift();
    if (waiting.length === 0) port.hold(false);
    if ('error' in reply) next?.reject(new Error(`kernel: ${reply.error}`));
    else next?.resolve(reply.result);
  });
  port.onEnd((error) => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  const ask = (message: unknown) =>
    new Promise<number>((resolve, reject) => {
      if (ended) return reject(new Error('kernel: its threads have ended; open it again.', { cause: ended }));
      if (waiting.length === 0) port.hold(true); // an answer is worth waiting for, an idle thread is not
      waiting.push({ resolve, reject });
      port.post(message);
    });
  await ask({ module, memory });
  return { call: (name, args) => ask({ name, args }), dispose: () => port.end() };
}

const isNode = (): boolean => typeof process !== 'undefined' && process.versions?.node !== undefined;

async function nodePort(): Promise<Port> {
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(program, { eval: true, execArgv: [] });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (receive) => void worker.on('message', receive),
    onEnd(fail) {
      worker.on('error', fail);
      worker.on('exit', (code) => fail(new Error(`kernel: a thread ended (code ${code}).`)));
    },
    hold: (alive) => (alive ? worker.ref() : worker.unref()),
    async end() {
      await worker.terminate();
    },
  };
}

function browserPort(): Port {
  const address = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }));
  const worker = new Worker(address);
  let failed: (error: Error) => void = () => undefined;
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (receive) => worker.addEventListener('message', (event) => receive(event.data as Reply)),
    onEnd(fail) {
      failed = fail;
      worker.addEventListener('error', (event) => fail(new Error(`kernel: a thread failed: ${event.message}`)));
    },
    hold: () => undefined,
    async end() {
      worker.terminate();
      URL.revokeObjectURL(address);
      failed(new Error('kernel: a thread ended.'));
    },
  };
}
