/** Voxels that are occupied most often, as many as a shape has on average: Uint8 [64³]. */
export function meanShape(shapes: readonly Uint8Array[], resolution = 64): Uint8Array {
  const counts = new Uint32Array(resolution ** 3);
  let total = 0;
  for (const coords of shapes) {
    total += coords.length / 3;
    for (let i = 0; i < coords.length; i += 3)
      counts[(coords[i] * resolution + coords[i + 1]) * resolution + coords[i + 2]]++;
  }
  const wanted = Math.round(total / Math.max(1, shapes.length));
  const order = Uint32Array.from(counts, (_, i) => i).sort((a, b) => counts[b] - counts[a] || a - b);
  const mean = new Uint8Array(counts.length);
  for (const i of order.subarray(0, wanted)) mean[i] = 1;
  return mean;
}
