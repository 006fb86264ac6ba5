/**
 * Adam on plain arrays, for what is fitted outside the graph: Gaussians, the features of a surface.
 * Source: Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1.
 */
export interface ArrayAdam {
  /**
   * One step against the gradients, in place. Elements whose gradients have been zero so far stay as they are and cost next to
   * nothing.
   * @param rates  learning rate of each array; a list [C] holds one for each column of rows of C
   * @throws Error when a gradient is missing, or an array has changed its size
   */
  step(
    gradients: Readonly<Record<string, Float32Array>>,
    rates: Readonly<Record<string, number | readonly number[]>>,
  ): void;
}

export interface ArrayAdamOptions {
  betas?: readonly [number, number];
  eps?: number;
}

/** Moments start at zero; the arrays are the caller's and are written by each step. */
export function arrayAdam(
  arrays: Readonly<Record<string, Float32Array>>,
  { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8 }: ArrayAdamOptions = {},
): ArrayAdam {
  const moments = Object.entries(arrays).map(([name, values]) => ({
    name,
    values,
    m: new Float32Array(values.length),
    v: new Float32Array(values.length),
  }));
  let steps = 0;
  return {
    step(gradients, rates) {
      for (const { name, values } of moments) {
        const size = gradients[name]?.length;
        if (size !== values.length)
          throw new Error(
            `arrayAdam: the gradient of "${name}" must have ${values.length} values like the array, got ${size ?? 'none'}.`,
          );
        if (rates[name] === undefined) throw new Error(`arrayAdam: no learning rate for "${name}". Give one, or 0.`);
      }
      steps++;
      const root2 = Math.sqrt(1 - b2 ** steps);
      const scale = root2 / (1 - b1 ** steps); // m̂/√v̂ from m/√v
      for (const { name, values, m, v } of moments) {
        const gradient = gradients[name];
        const rate = rates[name];
        const columns = typeof rate === 'number' ? [rate] : rate;
        for (let i = 0; i < values.length; i++) {
          const g = gradient[i];
          if (g === 0 && v[i] === 0) continue;
          m[i] = b1 * m[i] + (1 - b1) * g;
          v[i] = b2 * v[i] + (1 - b2) * g * g;
          values[i] -= (columns[i % columns.length] * scale * m[i]) / (Math.sqrt(v[i]) + eps * root2);
        }
      }
    },
  };
}
