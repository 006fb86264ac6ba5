// Numbers, in a page: what only pages need; all the rest is in index.ts.
export { type PageDevice, startPageDevice } from './runtime/page-device.browser.ts';
export type { PageRuntimeOptions } from './runtime/page-runtime.ts';
export { stopRuntime } from './runtime/session-host.browser.ts';
