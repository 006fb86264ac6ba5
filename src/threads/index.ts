// Threads of Node, from the build or from the sources.
export { startThread } from './start-thread.ts';
