/**
 * Separable Gaussian blur of standard deviation `sigma` > 0, in voxels; beyond the grid the border value continues.
 * grid [n, n, n] → [n, n, n]
 */
export function blurGrid(grid: Float32Array, n: number, sigma: number): Float32Array {
  const radius = Math.ceil(2.5 * sigma);
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)));
  const total = kernel.reduce((a, b) => a + b, 0);
  let src = grid;
  for (const stride of [n * n, n, 1]) {
    const dst = new Float32Array(grid.length);
    for (let i = 0; i < grid.length; i++) {
      const along = Math.floor(i / stride) % n;
      let sum = 0;
      for (let k = -radius; k <= radius; k++) {
        const to = Math.min(n - 1, Math.max(0, along + k));
        sum += kernel[k + radius] * src[i + (to - along) * stride];
      }
      dst[i] = sum / total;
    }
    src = dst;
  }
  return src;
}
