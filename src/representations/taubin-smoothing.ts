/**
 * Taubin's λ|μ smoothing: a shrinking and then a swelling step towards the mean of the neighbors, which removes the
 * stairs of the voxels and keeps the volume.
 * Source: Taubin 1995, "A Signal Processing Approach to Fair Surface Design".
 * positions [V, 3], indices [F, 3] → positions [V, 3]; the triangles stay.
 * @param passes pairs of steps, ≥ 0
 */
export function taubinSmoothing(positions: Float32Array, indices: Uint32Array, passes: number): Float32Array {
  let current = positions;
  for (let pass = 0; pass < passes; pass++) {
    current = towardsNeighbors(current, indices, LAMBDA);
    current = towardsNeighbors(current, indices, MU);
  }
  return current;
}

const LAMBDA = 0.5;
const MU = -0.53; // 1/λ + 1/μ > 0: passes frequencies below 0.11

function towardsNeighbors(positions: Float32Array, indices: Uint32Array, weight: number): Float32Array {
  const sums = new Float32Array(positions.length);
  const counts = new Float32Array(positions.length / 3);
  for (let f = 0; f < indices.length; f += 3) {
    for (let corner = 0; corner < 3; corner++) {
      // in a closed mesh each edge is met once from either end
      const from = indices[f + corner];
      const to = indices[f + ((corner + 1) % 3)];
      for (let axis = 0; axis < 3; axis++) sums[from * 3 + axis] += positions[to * 3 + axis];
      counts[from]++;
    }
  }
  const moved = new Float32Array(positions.length);
  for (let i = 0; i < moved.length; i++) {
    const count = counts[(i / 3) | 0];
    moved[i] = count === 0 ? positions[i] : positions[i] + weight * (sums[i] / count - positions[i]);
  }
  return moved;
}
