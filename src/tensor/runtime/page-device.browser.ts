import { wrongOnDevice } from './device-self-test.ts';
import type { PageRuntimeOptions } from './page-runtime.ts';
import { compile } from './program.ts';
import { startRuntime, stopRuntime } from './session-host.browser.ts';

/** What a page computes with. */
export type PageDevice = 'webgpu' | 'wasm';

/**
 * Starts the runtime: on WebGPU where an adapter is there and passes the self-test; else, with 'auto', on WebAssembly,
 * and `onFallback` is told why.
 * @throws Error when 'webgpu' is wanted and cannot be had
 */
export async function startPageDevice(
  wanted: PageDevice | 'auto',
  options: PageRuntimeOptions,
  onFallback: (why: string) => void,
): Promise<PageDevice> {
  if (wanted !== 'wasm') {
    const why = await whyNotGpu({ ...options, software: options.software ?? wanted === 'webgpu' });
    if (why === undefined) return 'webgpu';
    stopRuntime();
    if (wanted === 'webgpu')
      throw new Error(`device "webgpu" cannot be used: ${why}. Take another browser, or choose device 'wasm'.`);
    onFallback(why);
  }
  await startRuntime('cpu', options);
  return 'wasm';
}

async function whyNotGpu(options: PageRuntimeOptions): Promise<string | undefined> {
  try {
    await startRuntime('webgpu', options);
    return await wrongOnDevice('webgpu', (outputs, device) => compile(outputs, { device }));
  } catch (error) {
    return (error as Error).message;
  }
}
