export { type Functions as GaussianKernel, wasm as gaussianKernel } from './compiled/gaussians.ts';
export { KernelMemory } from './kernel-memory.ts';
export { type KernelPool, type KernelPoolOptions, openKernel } from './kernel-pool.ts';
