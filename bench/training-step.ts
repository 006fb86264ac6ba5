/**
 * A training step of six transformer blocks against one large Gemm, measured in turn in the same process.
 * Aim: at least 0.85 of the Gemm's GFLOP/s at no more than 1.7 GB.  npx tsx bench/training-step.ts [rounds]
 */
import { plainBlock } from '../src/nn/index.ts';
import {
  compile,
  floats,
  gradients,
  input,
  mean,
  mul,
  scope,
  sub,
  type Tensor,
  torchGenerator,
} from '../src/tensor/index.ts';
import { adamW, stepScalars } from '../src/training/adamw.ts';
import { initialStates } from '../src/training/training-program.ts';
import { GEMM_GFLOP, largeGemm } from './large-gemm.ts';
import { median, peakRssGb, record, rounds, seconds } from './measure.ts';

const [blocks, width, heads, tokens, batch] = [6, 512, 8, 1024, 2];

// Forward: 12·C² weights a block, twice their number of operations a token; scores and mixing 4·T·C a token.
const forward = blocks * batch * tokens * (2 * 12 * width ** 2 + 4 * tokens * width);
const stepGflop = (3 * forward) / 1e9; // the backward pass costs two forward passes

const p = scope();
const x = input('x', [batch, tokens, width]);
const target = input('target', [batch, tokens, width]);
let h: Tensor = x;
for (let i = 0; i < blocks; i++) h = plainBlock(p.at(`blocks.${i}`), h, { heads, mlpRatio: 4, qkRmsNorm: false });
const error = sub(h, target);
const loss = mean(mul(error, error));
const { gradNorm, updates } = adamW(p.parameters, gradients(loss, [...p.parameters.values()]), { weightDecay: 0.01 });

const rng = torchGenerator(0);
const state = initialStates(p, [], rng);
const step = await compile({ loss, gradNorm }, { state, updates, inPlace: true });
const sample = () => floats(rng.normal(batch * tokens * width), [batch, tokens, width]);
const feeds = { x: sample(), target: sample() };
let count = 0;
const losses: number[] = [];
const train = async () => {
  const scalars = Object.entries(stepScalars(++count, 1e-4, 1));
  const out = await step.run({
    ...feeds,
    ...Object.fromEntries(scalars.map(([name, v]) => [name, floats(Float32Array.of(v), [])])),
  });
  losses.push(Number(out.loss.data[0]));
};
await train();
await train();
const rss = peakRssGb(); // before the Gemm has taken its own memory

const gemm = await largeGemm();
await gemm.run({});
const times: { step: number; gemm: number }[] = [];
for (let i = 0; i < rounds(12); i++) {
  const gemmBefore = await seconds(() => gemm.run({}));
  const stepTime = await seconds(train);
  const gemmAfter = await seconds(() => gemm.run({}));
  times.push({ step: stepTime, gemm: (gemmBefore + gemmAfter) / 2 });
}
const rate = (gflop: number, s: number) => gflop / s;
await record(
  'training-step',
  `Training step: ${blocks} blocks, width ${width}, ${tokens} tokens, batch ${batch}, AdamW in place`,
  {
    'step GFLOP': stepGflop,
    'step GFLOP/s, median': rate(stepGflop, median(times.map((t) => t.step))),
    'Gemm GFLOP/s, median': rate(GEMM_GFLOP, median(times.map((t) => t.gemm))),
    'ratio, median of pairs (aim ≥ 0.85)': median(times.map((t) => rate(stepGflop, t.step) / rate(GEMM_GFLOP, t.gemm))),
    'peak RSS of training, GB (aim ≤ 1.7)': rss,
    'peak RSS with the Gemm beside it, GB': peakRssGb(),
    'loss, first and last step': `${losses[0].toFixed(4)} → ${losses[losses.length - 1].toFixed(4)}`,
    rounds: times.length,
  },
);
await Promise.all([step.dispose(), gemm.dispose()]);
