import { input } from '../ops/leaf.ts';
import { attention } from '../ops/product.ts';
import { torchGenerator } from '../random.ts';
import type { Device } from './device.ts';
import type { Program } from './program.ts';
import type { Value } from './protocol.ts';

/** Batch, queries, keys, heads, channels of a head: small, odd, cross and longer than any tile of a kernel. */
const SHAPES = [
  [1, 16, 16, 2, 16],
  [2, 33, 7, 3, 32],
  [1, 130, 200, 2, 64],
  [2, 257, 257, 1, 64],
] as const;

/** Rounding of half a thousand products apart; a wrong kernel misses by tenths. */
const TOLERANCE = 1e-3;

/** Compiles one attention, as a single operator of the runtime or in separate steps. */
export type CompileAttention = (output: ReturnType<typeof attention>, fused: boolean) => Promise<Program>;

const verdicts = new Map<Device, Promise<boolean>>();

/**
 * Whether a device's fused attention gives what the separate steps give there. Drivers differ: SwiftShader's answer is
 * wrong by 0.1 to 0.6, so the operator is used on WebGPU only where this test has passed. Run once per device and process;
 * a device on which either form fails to run has not passed.
 */
export function fusedAttentionIsRight(device: Device, compileAttention: CompileAttention): Promise<boolean> {
  const known = verdicts.get(device) ?? compare(compileAttention).catch(() => false);
  verdicts.set(device, known);
  return known;
}

async function compare(compileAttention: CompileAttention): Promise<boolean> {
  for (const [batch, queries, keys, heads, width] of SHAPES) {
    const rng = torchGenerator(queries);
    const value = (tokens: number): Value => {
      const dims = [batch, tokens, heads * width];
      return { dtype: 'float32', dims, data: rng.normal(batch * tokens * heads * width) };
    };
    const feeds = { q: value(queries), k: value(keys), v: value(keys) };
    const [q, k, v] = (['q', 'k', 'v'] as const).map((name) => input(name, feeds[name].dims));
    const output = attention(q, k, v, heads);
    const [fused, apart] = [await run(true), await run(false)];
    if (fused.some((x, i) => !(Math.abs(x - apart[i]) < TOLERANCE))) return false;

    async function run(isFused: boolean): Promise<Float32Array> {
      const program = await compileAttention(output, isFused);
      try {
        return (await program.run(feeds)).output.data as Float32Array;
      } finally {
        await program.dispose();
      }
    }
  }
  return true;
}
