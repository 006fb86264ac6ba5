/**
 * Squared Euclidean distance, in voxels, from each voxel center to the nearest occupied one; Infinity throughout when
 * none is occupied. occupancy [R, R, R], 0 or 1 → [R, R, R]. Exact.
 * Source: Felzenszwalb & Huttenlocher 2012, "Distance Transforms of Sampled Functions".
 */
export function squaredDistanceTransform(occupancy: Uint8Array, resolution: number): Float32Array {
  const R = resolution;
  const distances = new Float32Array(R ** 3);
  for (let i = 0; i < distances.length; i++) distances[i] = occupancy[i] ? 0 : Infinity;
  const line = new Float64Array(R);
  const parabolas = new Int32Array(R); // where the parabolas of the lower envelope stand
  const starts = new Float64Array(R + 1); // from where each is the lowest
  for (const stride of [1, R, R * R]) {
    for (let i = 0; i < distances.length; i++) {
      if (Math.floor(i / stride) % R !== 0) continue; // not the start of a line
      let last = -1;
      for (let q = 0; q < R; q++) {
        line[q] = distances[i + q * stride];
        if (line[q] === Infinity) continue;
        let start = -Infinity;
        while (last >= 0) {
          const p = parabolas[last];
          start = (line[q] + q * q - line[p] - p * p) / (2 * (q - p));
          if (start > starts[last]) break;
          last--;
        }
        if (last < 0) start = -Infinity;
        last++;
        parabolas[last] = q;
        starts[last] = start;
      }
      if (last < 0) continue;
      starts[last + 1] = Infinity;
      for (let q = 0, k = 0; q < R; q++) {
        while (starts[k + 1] < q) k++;
        distances[i + q * stride] = (q - parabolas[k]) ** 2 + line[parabolas[k]];
      }
    }
  }
  return distances;
}
