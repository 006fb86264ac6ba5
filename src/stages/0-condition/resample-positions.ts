/**
 * One axis of a bicubic resampling with antialiasing, as a matrix [to, from]: row i holds the weights of the `from` old
 * cells in new cell i. The kernel is Keys' with a = −½; when shrinking it is widened by the ratio.
 * Source: Keys 1981, "Cubic convolution interpolation", eq. 15; taps and borders as PyTorch's `interpolate(mode="bicubic",
 * antialias=True)` has them, which is how DINOv2 carries its position embedding to another picture size.
 */
export function bicubicResampling(from: number, to: number): Float32Array {
  const ratio = from / to;
  const stretch = Math.max(1, ratio);
  const support = 2 * stretch;
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const center = ratio * (i + 0.5);
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const weights = Array.from({ length: end - first }, (_, j) => keysCubic((first + j - center + 0.5) / stretch));
    const sum = weights.reduce((a, b) => a + b, 0);
    for (const [j, w] of weights.entries()) matrix[i * from + first + j] = w / sum;
  }
  return matrix;
}

const A = -0.5;

function keysCubic(x: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((A + 2) * d - (A + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * A;
  return 0;
}
