export { type GlbOptions, writeGlb } from './glb.ts';
