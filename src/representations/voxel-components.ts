/**
 * Sizes of the connected parts of a set of voxels, largest first; voxels that share a face, an edge or a corner belong
 * together. coords [N, 3] in any order, each below `resolution`.
 */
export function voxelComponents(coords: Int32Array, resolution: number): number[] {
  const R = resolution + 2; // a border of air, so that neighbors need no bounds
  const open = new Uint8Array(R ** 3);
  const cell = (i: number) => ((coords[i] + 1) * R + coords[i + 1] + 1) * R + coords[i + 2] + 1;
  for (let i = 0; i < coords.length; i += 3) open[cell(i)] = 1;
  const steps: number[] = [];
  for (const x of [-1, 0, 1]) for (const y of [-1, 0, 1]) for (const z of [-1, 0, 1]) steps.push((x * R + y) * R + z);
  const sizes: number[] = [];
  const stack: number[] = [];
  for (let i = 0; i < coords.length; i += 3) {
    let size = 0;
    stack.push(cell(i));
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (open[at] === 0) continue;
      open[at] = 0;
      size++;
      for (const step of steps) if (open[at + step] === 1) stack.push(at + step);
    }
    if (size > 0) sizes.push(size);
  }
  return sizes.sort((a, b) => b - a);
}
