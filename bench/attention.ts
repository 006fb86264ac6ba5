/**
 * Attention forward at 4096 tokens × 16 heads × 64 channels against one large Gemm, measured in turn in one process.
 * Aim: 300 GFLOP/s where the Gemm makes 265, a ratio of 1.13.  npx tsx bench/attention.ts [rounds]
 */
import { attention, compile, input, slice, torchGenerator } from '../src/tensor/index.ts';
import { GEMM_GFLOP, largeGemm } from './large-gemm.ts';
import { median, peakRssGb, record, rounds, seconds } from './measure.ts';

const [tokens, heads, width] = [4096, 16, 64];
const gflop = (4 * tokens ** 2 * heads * width) / 1e9; // q·kᵀ and p·v

const names = ['q', 'k', 'v'] as const;
const [q, k, v] = names.map((name) => input(name, [1, tokens, heads * width]));
const rng = torchGenerator(0);
const state = Object.fromEntries(names.map((name) => [name, rng.normal(tokens * heads * width)]));
const corner = slice(slice(attention(q, k, v, heads), 1, 0, 1), 2, 0, 1);
const program = await compile({ corner }, { state });
await program.run({});
const rss = peakRssGb();
const gemm = await largeGemm();
await gemm.run({});
const times: { attention: number; gemm: number }[] = [];
for (let i = 0; i < rounds(12); i++) {
  const gemmBefore = await seconds(() => gemm.run({}));
  const attentionTime = await seconds(() => program.run({}));
  const gemmAfter = await seconds(() => gemm.run({}));
  times.push({ attention: attentionTime, gemm: (gemmBefore + gemmAfter) / 2 });
}
await record('attention', `Attention forward: ${tokens} tokens, ${heads} heads of ${width}`, {
  GFLOP: gflop,
  'attention GFLOP/s, median': gflop / median(times.map((t) => t.attention)),
  'Gemm GFLOP/s, median': GEMM_GFLOP / median(times.map((t) => t.gemm)),
  'ratio, median of pairs (aim ≥ 1.13)': median(times.map((t) => gflop / t.attention / (GEMM_GFLOP / t.gemm))),
  'peak RSS of attention, GB': rss,
  rounds: times.length,
});
await Promise.all([program.dispose(), gemm.dispose()]);
