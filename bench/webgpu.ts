/**
 * The engine on a GPU, through WebGPU: products, a training step of transformer blocks, a step of the structure flow as it ships, and the
 * convolutions of the structure encoder.  npx tsx bench/webgpu.ts "NVIDIA H200"
 */
import { plainBlock } from '../src/nn/index.ts';
import { patchEncoder } from '../src/stages/0-condition/index.ts';
import { structureEncoder, structureFlow, structureFlowBuffers } from '../src/stages/1-structure/index.ts';
import {
  compile,
  floats,
  input,
  matmul,
  mean,
  mul,
  scope,
  slice,
  sub,
  type Tensor,
  torchGenerator,
  type Value,
} from '../src/tensor/index.ts';
import { structureVaeRecipe } from '../src/training/recipes/1-structure-vae.ts';
import { structureFlowRecipe } from '../src/training/recipes/2-structure-flow.ts';
import { initialStates, trainingProgram } from '../src/training/training-program.ts';
import { median, record, seconds } from './measure.ts';

const device = 'webgpu';
const rng = torchGenerator(1);
/** Seconds of one run, the median of five after two that warm up. */
async function steady(run: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < 2; i++) await run();
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await seconds(run));
  return median(times);
}

/** Operations a second of products [m, k]·[k, n]·[n, k] in a row, so that what a run costs besides does not count. */
async function productRate(m: number, k: number, n: number): Promise<number> {
  const [a, b, c] = [input('a', [m, k]), input('b', [k, n]), input('c', [n, k])];
  let h: Tensor = a;
  const pairs = 16;
  for (let i = 0; i < pairs; i++) h = mul(matmul(matmul(h, b), c), 1e-3);
  const state = { a: rng.uniform(m * k), b: rng.uniform(k * n), c: rng.uniform(n * k) };
  const program = await compile({ corner: slice(slice(h, 0, 0, 1), 1, 0, 1) }, { device, state });
  const time = await steady(() => program.run({}));
  await program.dispose();
  return (pairs * 4 * m * k * n) / time / 1e9;
}

/** Seconds of a training step. */
async function stepTime(
  weights: ReturnType<typeof scope>,
  loss: Tensor,
  feeds: Record<string, Value>,
  options: { optimizer: { name: 'adamw' | 'muon'; emaRate?: number }; buffers?: string[] },
): Promise<number> {
  const { optimizer, buffers = [] } = options;
  const states = initialStates(weights, buffers, torchGenerator(1), optimizer);
  const program = await trainingProgram({ weights, buffers, losses: [loss], optimizer, device }, states);
  let step = 0;
  const time = await steady(() => program.step(feeds, { step: ++step, lr: 1e-4, maxNorm: 1 }));
  await program.dispose();
  return time;
}

const squaredError = (a: Tensor, b: Tensor) => {
  const d = sub(a, b);
  return mean(mul(d, d));
};

/** Six blocks as in bench/training-step.ts: operations a second. */
async function blocksRate(batch: number): Promise<number> {
  const [blocks, width, heads, tokens] = [6, 512, 8, 1024];
  const p = scope();
  const dims = [batch, tokens, width];
  let h: Tensor = input('x', dims);
  for (let i = 0; i < blocks; i++) h = plainBlock(p.at(`blocks.${i}`), h, { heads, mlpRatio: 4, qkRmsNorm: false });
  const feeds = {
    x: floats(rng.normal(batch * tokens * width), dims),
    target: floats(rng.normal(batch * tokens * width), dims),
  };
  const time = await stepTime(p, squaredError(h, input('target', dims)), feeds, { optimizer: { name: 'adamw' } });
  return (3 * blocks * batch * tokens * (2 * 12 * width ** 2 + 4 * tokens * width)) / time / 1e9;
}

/** The structure flow and its picture encoder as models/mini has them, Muon and averages: pictures a second. */
async function flowRate(batch: number): Promise<number> {
  const { denoiser, conditioner } = structureFlowRecipe;
  const p = scope();
  const dims = [batch, denoiser.in_channels, 16, 16, 16];
  const side = conditioner.image_size;
  const tokens = patchEncoder(conditioner, p.at('conditioner'), input('pictures', [batch, side, side, 3]));
  const output = structureFlow(denoiser, p.at('denoiser'), input('x', dims), input('t', [batch]), tokens);
  const size = batch * denoiser.in_channels * 16 ** 3;
  const feeds = {
    x: floats(rng.normal(size), dims),
    target: floats(rng.normal(size), dims),
    t: floats(new Float32Array(batch).fill(500), [batch]),
    pictures: floats(rng.uniform(batch * side * side * 3), [batch, side, side, 3]),
  };
  const buffers = structureFlowBuffers.map((name) => `denoiser.${name}`);
  const optimizer = { name: 'muon' as const, emaRate: 0.997 };
  return batch / (await stepTime(p, squaredError(output, input('target', dims)), feeds, { optimizer, buffers }));
}

/** Grids of 64³ a second through the encoder of models/mini. */
async function encoderRate(batch: number): Promise<number> {
  const p = scope();
  const dims = [batch, 1, 64, 64, 64];
  const { mean: latent } = structureEncoder(structureVaeRecipe.encoder, p, input('ss', dims));
  const program = await compile({ latent }, { device, state: initialStates(p, [], torchGenerator(1)) });
  const feeds = {
    ss: floats(
      rng.uniform(batch * 64 ** 3).map((v) => Number(v > 0.98)),
      dims,
    ),
  };
  const time = await steady(() => program.run(feeds));
  await program.dispose();
  return batch / time;
}

const product = await productRate(16384, 2048, 8192);
const blocks = await blocksRate(16);
await record('webgpu', `WebGPU: ${process.argv[2] ?? 'a GPU without a name'}`, {
  'products [16384, 2048]·[2048, 8192], GFLOP/s': product,
  'training step: 6 blocks, width 512, 1024 tokens, batch 16, AdamW, GFLOP/s': blocks,
  'the same over the products': blocks / product,
  'structure flow of models/mini, batch 128, Muon, pictures/s': await flowRate(128),
  'structure encoder of models/mini, grids of 64³/s': await encoderRate(8),
});
