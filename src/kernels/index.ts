export { type Functions as FieldKernel, wasm as fieldKernel } from './compiled/field.ts';
export { type Functions as GaussianKernel, wasm as gaussianKernel } from './compiled/gaussians.ts';
export { type Functions as MeshKernel, wasm as meshKernel } from './compiled/mesh.ts';
export { KernelMemory } from './kernel-memory.ts';
export { type KernelPool, type KernelPoolOptions, openKernel } from './kernel-pool.ts';
export { oneAtATime } from './one-at-a-time.ts';
