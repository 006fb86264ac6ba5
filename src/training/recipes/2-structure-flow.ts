/**
 * The flow of the sparse structure: picture → latent on 16³ × 8, with the small picture encoder trained along.
 *
 *   espalier train structure-flow --data datasets/mini --vae runs/structure-vae --out runs/structure-flow
 *
 * The published model has 555 M parameters at 4096 tokens behind DINOv2; this one has 15 M at 64 tokens (patches of 4³)
 * behind an encoder of 2 M. Shapes stand in the frame of their picture: what faces the camera lies on −y, so that the
 * network need not guess which side of an object is its front, and every view is a shape of its own.
 */
import { logitNormal, type Prediction, SIGMA_MIN, uniform, velocityPerX0 } from '../../flow/index.ts';
import { patchEncoder } from '../../stages/0-condition/index.ts';
import { type Frame, structureFlow, structureFlowBuffers } from '../../stages/1-structure/index.ts';
import { compile, floats, input, mul, scope, type Tensor, torchGenerator, type Value } from '../../tensor/index.ts';
import { clipperOf, type GradClip } from '../adaptive-clipper.ts';
import { learningRateAt } from '../learning-rate.ts';
import { train } from '../loop.ts';
import { mseLoss } from '../losses.ts';
import type { OptimizerOptions } from '../optimizer.ts';
import { generatorOf, samplesOf } from '../order.ts';
import { saveSample } from '../save-sample.ts';
import { startFrom } from '../start-from.ts';
import { type FlowData, structureFlowData } from '../structure-flow-data.ts';
import { structureSnapshot } from '../structure-snapshot.ts';
import { initialStates, type States, trainingProgram } from '../training-program.ts';
import type { RecipeRun } from './1-structure-vae.ts';

export const structureFlowRecipe = {
  denoiser: {
    resolution: 16,
    in_channels: 8,
    out_channels: 8,
    model_channels: 512, // no narrower than the 512 numbers of a patch: the velocity holds the whole noise
    cond_channels: 192,
    num_blocks: 4,
    num_heads: 8,
    mlp_ratio: 2,
    patch_size: 4,
    qk_rms_norm: true,
    qk_rms_norm_cross: true,
    share_mod: true,
  },
  conditioner: { image_size: 64, patch_size: 8, model_channels: 192, num_blocks: 4, num_heads: 6 },
  prediction: 'x0' as Prediction, // the velocity's noise would fill every channel of so large a patch
  frame: 'picture' as Frame, // the published models learn the canonical one; compared in bench/results/training-choices.md
  mirror: true, // every second view: twice as many different shapes at the price of none
  views: 12, // of each asset, of the 24 there are: encoding every turned shape takes as long as 300 steps
  jitter: 0.25, // of the colours of a picture: each channel is multiplied by 1 ± this, for shape does not depend on paint
  batchSize: 64, // Muon's own work, the same for any batch, is a third of a step
  pUncond: 0.1, // as published: the empty prompt that guidance needs
  timeSchedule: 'logitNormal' as 'logitNormal' | 'uniform',
  timeMean: 1, // logit-normal: more weight on high noise, where structure is decided
  timeStd: 1,
  learningRate: 2.5e-3,
  finalLearningRate: 0.05,
  warmupSteps: 50,
  optimizer: { name: 'muon' } as OptimizerOptions, // AdamW, the published one, is left behind at equal steps: docs/training.md
  gradClip: { maxNorm: 1 } as GradClip, // adaptive, as published
  minAestheticScore: Number.NEGATIVE_INFINITY, // assets without a score stay
  emaRate: 0.997, // a memory of 330 steps
  logEvery: 10,
  maxSteps: 10_000, // about 1.5 s each on two free cores; the model that ships stopped at 1560
  saveEvery: 100,
  validateEvery: 400,
  snapshot: { pictures: 16, guidance: 3 }, // held-out pictures that are turned into shapes at every validation
  seed: 1,
};
export type StructureFlowRecipe = typeof structureFlowRecipe;

export async function trainStructureFlow(
  recipe: StructureFlowRecipe,
  run: RecipeRun & { vae: string },
): Promise<States> {
  const { denoiser, conditioner, batchSize, seed } = recipe;
  const data = await structureFlowData({
    roots: run.data,
    vae: run.vae,
    frame: recipe.frame,
    mirror: recipe.mirror,
    views: recipe.views,
    pictureSize: conditioner.image_size,
    minAestheticScore: recipe.minAestheticScore,
    device: run.device,
    signal: run.signal,
    onEvent: run.onEvent,
  });
  const training = data.indices('train');
  const held = data.indices('validation');
  if (training.length === 0)
    throw new Error(
      `train: ${run.data} has no assets with voxels and condition views. Run \`espalier dataset build\` first.`,
    );
  const weights = scope();
  const optimizer = { ...recipe.optimizer, emaRate: recipe.emaRate };
  const graph = flowLoss(recipe, weights, batchSize);
  const times = recipe.timeSchedule === 'uniform' ? uniform : logitNormal(recipe.timeMean, recipe.timeStd);

  const feedsOf = (picked: readonly number[], rng: ReturnType<typeof torchGenerator>, train: boolean) =>
    flowFeeds(recipe, data, picked, rng, times, train);

  const buffers = structureFlowBuffers.map((name) => `denoiser.${name}`);
  return train({
    folder: run.out,
    models: ['denoiser', 'conditioner'],
    emaRate: recipe.emaRate,
    maxSteps: recipe.maxSteps,
    buffers: buffers,
    identity: {
      recipe: 'structure-flow',
      denoiser,
      conditioner,
      batchSize,
      seed,
      timeMean: recipe.timeMean,
      timeStd: recipe.timeStd,
      prediction: recipe.prediction,
      frame: recipe.frame,
      mirror: recipe.mirror,
      views: recipe.views,
      jitter: recipe.jitter,
      latentScale: [...data.scale],
    },
    fresh: () => startFrom(run.from, initialStates(weights, buffers, torchGenerator(seed), optimizer)),
    open: (states) =>
      trainingProgram(
        {
          weights,
          buffers: buffers,
          losses: [graph],
          optimizer,
          device: run.device,
        },
        states,
      ),
    batch: (step) =>
      feedsOf(
        samplesOf(step, batchSize, training.length, seed).map((i) => training[i]),
        generatorOf(seed, step),
        true,
      ),
    learningRate: (step) => learningRateAt(step, recipe),
    clipper: clipperOf(recipe.gradClip),
    logEvery: recipe.logEvery,
    saveEvery: recipe.saveEvery,
    validateEvery: recipe.validateEvery,
    validate: async (step, averaged) => {
      if (held.length === 0) return {} as Record<string, number>;
      const fresh = scope();
      const program = await compile(
        { loss: flowLoss(recipe, fresh, batchSize) },
        { state: averaged, device: run.device },
      );
      let total = 0;
      const rounds = 4;
      try {
        for (let i = 0; i < rounds; i++) {
          const rng = torchGenerator(1000 + i); // the same noise at every validation
          const picked = Array.from({ length: batchSize }, (_, j) => held[(i * batchSize + j) % held.length]);
          total += Number((await program.run(feedsOf(picked, rng, false))).loss.data[0]);
        }
      } finally {
        await program.dispose();
      }
      const picked = Array.from({ length: Math.min(recipe.snapshot.pictures, held.length) }, (_, i) => ({
        index: held[Math.floor((i * held.length) / recipe.snapshot.pictures) % held.length],
        view: (i * 7) % data.viewsOf(held[0]),
      }));
      const { sheet, ...scores } = await structureSnapshot({
        denoiser,
        conditioner,
        prediction: recipe.prediction,
        weights: averaged,
        data,
        picked,
        guidance: recipe.snapshot.guidance,
        device: run.device,
      });
      await saveSample(run.out, step, sheet);
      return { loss: total / rounds, ...scores };
    },
    clock: run.clock,
    signal: run.signal,
    onEvent: run.onEvent,
  });
}

/** The largest weight of an x0’s error: nearer to the data it is that of t = 1/6. Larger ones drown what is learned at high noise. */
const MOST = 6;

/**
 * Mean squared error of the velocity; feeds: x_t, t (0 … 1000), target, pictures, 0 where the prompt is dropped, and by
 * how much an error of the output is larger in the velocity.
 */
function flowLoss(
  { denoiser, conditioner }: StructureFlowRecipe,
  weights: ReturnType<typeof scope>,
  batch: number,
): Tensor {
  const r = denoiser.resolution;
  const dims = [batch, denoiser.in_channels, r, r, r];
  const size = conditioner.image_size;
  const tokens = patchEncoder(conditioner, weights.at('conditioner'), input('pictures', [batch, size, size, 3]));
  const cond = mul(tokens, input('kept', [batch, 1, 1])); // the empty prompt is all zeros
  const output = structureFlow(denoiser, weights.at('denoiser'), input('x', dims), input('t', [batch]), cond);
  const scale = input('scale', [batch, 1, 1, 1, 1]);
  return mseLoss(mul(output, scale), mul(input('target', dims), scale));
}

function flowFeeds(
  { denoiser, conditioner, prediction, jitter, pUncond }: StructureFlowRecipe,
  data: FlowData,
  picked: readonly number[],
  rng: ReturnType<typeof torchGenerator>,
  times: (rng: ReturnType<typeof torchGenerator>, n: number) => Float32Array,
  train: boolean,
): Record<string, Value> {
  const batch = picked.length;
  const size = denoiser.in_channels * denoiser.resolution ** 3;
  const t = times(rng, batch);
  const noise = rng.normal(batch * size);
  const x = new Float32Array(batch * size);
  const target = new Float32Array(batch * size);
  const pixels = conditioner.image_size ** 2 * 3;
  const pictures = new Float32Array(batch * pixels);
  const chance = rng.uniform(batch);
  for (const [i, index] of picked.entries()) {
    const view = rng.integer(data.viewsOf(index));
    const latent = data.latent(index, view);
    const a = 1 - t[i];
    const b = SIGMA_MIN + (1 - SIGMA_MIN) * t[i];
    for (let j = 0; j < size; j++) {
      const e = noise[i * size + j];
      x[i * size + j] = a * latent[j] + b * e;
      target[i * size + j] = prediction === 'x0' ? latent[j] : (1 - SIGMA_MIN) * e - latent[j];
    }
    const picture = data.picture(index, view);
    const gains = rng.uniform(3).map((u) => (train ? 1 + jitter * (2 * u - 1) : 1) / 255);
    for (let j = 0; j < pixels; j++) pictures[i * pixels + j] = Math.min(1, picture[j] * gains[j % 3]);
  }
  const r = denoiser.resolution;
  const dims = [batch, denoiser.in_channels, r, r, r];
  return {
    x: floats(x, dims),
    target: floats(target, dims),
    scale: floats(
      t.map((v) => (prediction === 'x0' ? Math.min(MOST, velocityPerX0(v)) : 1)),
      [batch, 1, 1, 1, 1],
    ),
    t: floats(
      t.map((v) => v * 1000),
      [batch],
    ),
    pictures: floats(pictures, [batch, conditioner.image_size, conditioner.image_size, 3]),
    kept: floats(
      chance.map((c) => (train && c < pUncond ? 0 : 1)),
      [batch, 1, 1],
    ),
  };
}
