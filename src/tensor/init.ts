import type { Shape } from './dim.ts';

/** How a weight starts its life. Fans are those of PyTorch: fan_in = product of all axes but the first. */
export type Initializer =
  | { kind: 'zeros' }
  | { kind: 'ones' }
  | { kind: 'normal'; std: number }
  | { kind: 'xavier' }
  | { kind: 'uniform'; bound: number }
  | { kind: 'values'; values: Float32Array };

export const zeros: Initializer = { kind: 'zeros' };
export const ones: Initializer = { kind: 'ones' };
export const xavier: Initializer = { kind: 'xavier' };
export const normalInit = (std: number): Initializer => ({ kind: 'normal', std });
export const uniformInit = (bound: number): Initializer => ({ kind: 'uniform', bound });
export const valuesInit = (values: Float32Array): Initializer => ({ kind: 'values', values });

/** What an initializer draws from: n normals, or n uniforms in [0, 1). */
export interface Draws {
  normal(n: number): Float32Array;
  uniform(n: number): Float32Array;
}

/** Fresh values for a weight of `shape` (all sizes known). */
export function initialize(init: Initializer, shape: Shape, rng: Draws): Float32Array {
  const dims = shape.map(Number);
  const size = dims.reduce((a, b) => a * b, 1);
  const uniform = (bound: number) => rng.uniform(size).map((u) => (2 * u - 1) * bound);
  switch (init.kind) {
    case 'zeros':
      return new Float32Array(size);
    case 'ones':
      return new Float32Array(size).fill(1);
    case 'normal':
      return rng.normal(size).map((v) => v * init.std);
    case 'uniform':
      return uniform(init.bound);
    case 'xavier': {
      const fanIn = dims.slice(1).reduce((a, b) => a * b, 1);
      const fanOut = dims[0] * dims.slice(2).reduce((a, b) => a * b, 1);
      return uniform(Math.sqrt(6 / (fanIn + fanOut)));
    }
    case 'values':
      return init.values.slice();
  }
}
