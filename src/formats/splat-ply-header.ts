import type { PlyHeader } from './ply-file.ts';

/** Does a PLY file hold Gaussians? Meshes and clouds have no `rot_0`. */
export function isSplatPly(header: PlyHeader): boolean {
  const names = header.elements.find((element) => element.name === 'vertex')?.properties.map(({ name }) => name) ?? [];
  return names.includes('f_dc_0') && names.includes('rot_0');
}
