/**
 * Pictures rendered `factor` times too large, reduced: a triangle filter twice as wide as an output pixel, cut and
 * renormalised at the borders. Source: reference/pipelines.md §13.
 */

/** planes [P, factor·H, factor·W] → [P, H, W]. @throws Error when the sizes do not fit */
export function reducePlanes(planes: Float32Array, width: number, height: number, factor: number): Float32Array {
  check('reducePlanes', planes.length, factor * factor * width * height, factor);
  const wide = factor * width;
  const out = new Float32Array(planes.length / (factor * factor));
  const [columns, rows] = [taps(width, factor), taps(height, factor)];
  for (let plane = 0; plane < out.length / (width * height); plane++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (const { at: j, weight: v } of rows[y])
          for (const { at: i, weight: u } of columns[x])
            sum += u * v * planes[(plane * factor * height + j) * wide + i];
        out[(plane * height + y) * width + x] = sum;
      }
  return out;
}

/** The adjoint of `reducePlanes`: gradients [P, H, W] of its result → those [P, factor·H, factor·W] of its planes. */
export function reducePlanesBackward(
  gradient: Float32Array,
  width: number,
  height: number,
  factor: number,
): Float32Array {
  check('reducePlanesBackward', gradient.length, width * height, factor);
  const wide = factor * width;
  const out = new Float32Array(gradient.length * factor * factor);
  const [columns, rows] = [taps(width, factor), taps(height, factor)];
  for (let plane = 0; plane < gradient.length / (width * height); plane++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const g = gradient[(plane * height + y) * width + x];
        for (const { at: j, weight: v } of rows[y])
          for (const { at: i, weight: u } of columns[x]) out[(plane * factor * height + j) * wide + i] += u * v * g;
      }
  return out;
}

/** For each output pixel the input pixels under its filter, and their weights. */
function taps(size: number, factor: number): { at: number; weight: number }[][] {
  return Array.from({ length: size }, (_, i) => {
    const center = (i + 0.5) * factor;
    const under: { at: number; weight: number }[] = [];
    for (let at = Math.max(0, (i - 1) * factor); at < Math.min(size * factor, (i + 2) * factor); at++) {
      const weight = 1 - Math.abs(at + 0.5 - center) / factor;
      if (weight > 0) under.push({ at, weight });
    }
    const total = under.reduce((sum, { weight }) => sum + weight, 0);
    return under.map(({ at, weight }) => ({ at, weight: weight / total }));
  });
}

function check(where: string, length: number, plane: number, factor: number): void {
  if (!Number.isInteger(factor) || factor < 1)
    throw new RangeError(`${where}: factor must be an integer of at least 1, got ${factor}.`);
  if (plane === 0 || !Number.isInteger(length / plane))
    throw new Error(
      `${where}: expected planes of ${plane} values, got ${length} in all. Width and height are the small picture's.`,
    );
}
