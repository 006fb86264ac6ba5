import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/**
 * A thread that runs a module: `startThread(new URL('./asset-worker.js', import.meta.url))`. The name ends in `.js`, as the build's does;
 * from the sources it is the `.ts` beside it.
 * @param workerData  what the thread finds as `workerData`
 */
export function startThread(module: URL, workerData?: unknown): Worker {
  if (import.meta.url.endsWith('.js')) return new Worker(module, { workerData });
  // Node 20 does not hand a loader given by --import on to threads, so the thread registers it itself.
  const loader = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href;
  const source = module.href.replace(/\.js$/, '.ts');
  const code = `import(${JSON.stringify(loader)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(source)}); });`;
  return new Worker(code, { eval: true, execArgv: [], workerData });
}
