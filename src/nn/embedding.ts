import {
  concat,
  constant,
  cos,
  type Dim,
  mul,
  normalInit,
  reshape,
  type Scope,
  silu,
  sin,
  type Tensor,
} from '../tensor/index.ts';
import { linear } from './linear.ts';

const FREQUENCIES = 128;

/** Embedding of the flow time. t [B] in 0 … 1000 → [B, C]: cosines first, then two linear layers. */
export function timeEmbedding(p: Scope, t: Tensor, width: number): Tensor {
  const f = Float32Array.from({ length: FREQUENCIES }, (_, k) => Math.exp((-Math.log(10000) * k) / FREQUENCIES));
  const angle = mul(reshape(t, [t.shape[0] as Dim, 1]), constant(f, [1, FREQUENCIES]));
  const waves = concat([cos(angle), sin(angle)], 1); // [B, 256]
  const hidden = silu(linear(p.at('mlp.0'), waves, width, normalInit(0.02)));
  return linear(p.at('mlp.2'), hidden, width, normalInit(0.02));
}

/**
 * Absolute positions as sines and cosines, [N, C] for integer positions [N, 3]: per axis sin then cos of
 * ⌊⌊C/3⌋/2⌋ frequencies, zero padded to C.
 */
export function absolutePositions(positions: ArrayLike<number>, width: number): Float32Array {
  const n = positions.length / 3;
  const f = Math.floor(Math.floor(width / 3) / 2);
  const out = new Float32Array(n * width);
  for (let i = 0; i < n; i++)
    for (let axis = 0; axis < 3; axis++)
      for (let k = 0; k < f; k++) {
        const angle = positions[i * 3 + axis] * 10000 ** (-k / f);
        out[i * width + axis * 2 * f + k] = Math.sin(angle);
        out[i * width + axis * 2 * f + f + k] = Math.cos(angle);
      }
  return out;
}

/** Positions of a dense R³ grid, z fastest: Int32 [R³, 3]. */
export function gridPositions(resolution: number): Int32Array {
  const out = new Int32Array(resolution ** 3 * 3);
  let at = 0;
  for (let x = 0; x < resolution; x++)
    for (let y = 0; y < resolution; y++)
      for (let z = 0; z < resolution; z++) {
        out[at++] = x;
        out[at++] = y;
        out[at++] = z;
      }
  return out;
}
