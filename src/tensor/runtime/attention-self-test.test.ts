import { describe, expect, it } from 'vitest';
import { input } from '../ops/leaf.ts';
import { attention } from '../ops/product.ts';
import { torchGenerator } from '../random.ts';
import { type CompileAttention, fusedAttentionIsRight } from './attention-self-test.ts';
import { compile, floats, type Program } from './program.ts';

const onCpu: CompileAttention = (output, fusedAttention) => compile({ output }, { fusedAttention, threads: 1 });

/** Programs whose fused form is spoilt in one number. */
const spoilt: CompileAttention = async (output, fused) => {
  const program = await onCpu(output, fused);
  const run: Program['run'] = async (feeds) => {
    const results = await program.run(feeds);
    if (fused) (results.output.data as Float32Array)[results.output.data.length - 1] += 0.1;
    return results;
  };
  return { ...program, run };
};

describe('the self-test of fused attention', () => {
  it('passes where both forms agree, as on the CPU', async () => {
    expect(await fusedAttentionIsRight('cpu', onCpu)).toBe(true);
  });

  it('fails on a single wrong number, and where a form does not run; a verdict is kept', async () => {
    expect(await fusedAttentionIsRight('cuda', spoilt)).toBe(false);
    expect(await fusedAttentionIsRight('cuda', onCpu)).toBe(false);
  });

  it.skipIf(!process.env.VK_ICD_FILENAMES)(
    'leaves WebGPU with the right numbers, whichever form it takes',
    async () => {
      const shape = [1, 65, 64];
      const [q, k, v] = ['q', 'k', 'v'].map((name) => input(name, shape));
      const rng = torchGenerator(0);
      const feeds = Object.fromEntries(['q', 'k', 'v'].map((name) => [name, floats(rng.normal(65 * 64), shape)]));
      const results: Float32Array[] = [];
      for (const device of ['cpu', 'webgpu'] as const) {
        const program = await compile({ y: attention(q, k, v, 2) }, { device });
        results.push((await program.run(feeds)).y.data as Float32Array);
        await program.dispose();
      }
      const [cpu, gpu] = results;
      expect(Math.max(...cpu.map((x, i) => Math.abs(x - gpu[i])))).toBeLessThan(1e-4); // sums of 65 products
    },
  );
});
