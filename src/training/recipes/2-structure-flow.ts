/**
 * The flow of the sparse structure: picture → latent on 16³ × 8, with the small picture encoder trained along.
 *
 *   espalier train structure-flow --data datasets/mini --vae runs/structure-vae --out runs/structure-flow
 *
 * The published model has 555 M parameters at 4096 tokens behind DINOv2; this one has 14 M at 64 tokens (patches of 4³)
 * behind an encoder of 2 M. Shapes stand as the camera of their picture sees them, so that the network need neither guess which side of
 * an object is its front nor from how high it is seen, and every view is a shape of its own.
 */
import type { Prediction } from '../../flow/index.ts';
import { patchEncoder, pitchHead } from '../../stages/0-condition/index.ts';
import {
  type Frame,
  PITCH_BINS,
  type StructureFlowConfig,
  structureFlow,
  structureFlowBuffers,
} from '../../stages/1-structure/index.ts';
import { add, compile, input, log, mean, mul, neg, scope, type Tensor, torchGenerator } from '../../tensor/index.ts';
import { clipperOf, type GradClip } from '../adaptive-clipper.ts';
import { flowBatches } from '../flow-batches.ts';
import { flowFeeds } from '../flow-feeds.ts';
import { learningRateAt } from '../learning-rate.ts';
import { train } from '../loop.ts';
import { mseLoss } from '../losses.ts';
import type { OptimizerOptions } from '../optimizer.ts';
import { saveSample } from '../save-sample.ts';
import { startFrom } from '../start-from.ts';
import { structureFlowData } from '../structure-flow-data.ts';
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
  } as StructureFlowConfig,
  conditioner: { image_size: 64, patch_size: 8, model_channels: 192, num_blocks: 4, num_heads: 6 },
  prediction: 'x0' as Prediction, // the velocity's noise would fill every channel of so large a patch
  pixelAligned: true, // in the view's frame each token reads the patches it is seen in: bench/results/training-choices.md
  frame: 'view' as Frame, // the published models learn the canonical one; compared in bench/results/training-choices.md
  lambdaPitch: 0.05, // in the view's frame a head learns the camera's pitch, by which a finished shape is set upright
  mirror: true, // every second view: twice as many different shapes at the price of none
  views: 12, // of each asset, of the 24 there are: encoding every turned shape takes as long as 300 steps
  jitter: 0.25, // of the colours of a picture: each channel is multiplied by 1 ± this, for shape does not depend on paint
  batchSize: 64, // Muon's own work, the same for any batch, is a third of a step
  pUncond: 0.1, // as published: the empty prompt that guidance needs
  timeSchedule: 'logitNormal' as 'logitNormal' | 'uniform',
  timeMean: 1.8, // logit-normal, half of them above 0.86, for what a shape is is decided there: docs/training.md; 1 as published
  timeStd: 1.2,
  learningRate: 2.5e-3,
  finalLearningRate: 0.05,
  warmupSteps: 50,
  optimizer: { name: 'muon' } as OptimizerOptions, // AdamW, the published one, is left behind at equal steps: docs/training.md
  gradClip: { maxNorm: 1 } as GradClip, // adaptive, as published
  minAestheticScore: Number.NEGATIVE_INFINITY, // assets without a score stay
  emaRate: 0.997, // a memory of 330 steps
  logEvery: 10,
  maxSteps: 10_000, // about 3.5 s each on two free cores; how the model that ships was trained is in its card
  saveEvery: 100,
  validateEvery: 400,
  snapshot: { pictures: 16, guidance: 3 }, // held-out pictures that are turned into shapes at every validation
  seed: 1,
};
export type StructureFlowRecipe = typeof structureFlowRecipe;

export async function trainStructureFlow(
  given: StructureFlowRecipe,
  run: RecipeRun & { vae: string },
): Promise<States> {
  const recipe = { ...given, denoiser: denoiserOf(given) };
  const { denoiser, conditioner, frame, batchSize, seed } = recipe;
  const data = await structureFlowData({
    roots: run.data,
    vae: run.vae,
    frame,
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
  const batches = flowBatches({ recipe, table: data.table, assets: training });
  const buffers = structureFlowBuffers.map((name) => `denoiser.${name}`);
  const running = train({
    folder: run.out,
    models: frame === 'view' ? ['denoiser', 'conditioner', 'pitchHead'] : ['denoiser', 'conditioner'],
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
      frame,
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
          losses: [graph.loss],
          terms: graph.terms,
          optimizer,
          device: run.device,
        },
        states,
      ),
    batch: (step) => batches.batch(step),
    learningRate: (step) => learningRateAt(step, recipe),
    clipper: clipperOf(recipe.gradClip),
    logEvery: recipe.logEvery,
    saveEvery: recipe.saveEvery,
    validateEvery: recipe.validateEvery,
    validate: async (step, averaged) => {
      if (held.length === 0) return {} as Record<string, number>;
      const { terms } = flowLoss(recipe, scope(), batchSize);
      const program = await compile(terms, { state: averaged, device: run.device });
      const losses = Object.fromEntries(Object.keys(terms).map((name) => [name, 0]));
      const rounds = 4;
      try {
        for (let i = 0; i < rounds; i++) {
          const rng = torchGenerator(1000 + i); // the same noise at every validation
          const picked = Array.from({ length: batchSize }, (_, j) => held[(i * batchSize + j) % held.length]);
          const out = await program.run(flowFeeds(recipe, data.table, picked, rng, false));
          for (const name of Object.keys(losses)) losses[name] += Number(out[name].data[0]) / rounds;
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
      return { ...losses, ...scores };
    },
    clock: run.clock,
    signal: run.signal,
    onEvent: run.onEvent,
  });
  return running.finally(() => batches.dispose());
}

function denoiserOf({ denoiser, conditioner, frame, pixelAligned }: StructureFlowRecipe): StructureFlowConfig {
  if (frame !== 'view' || !pixelAligned) return denoiser;
  return { ...denoiser, pixel_aligned_grid: conditioner.image_size / conditioner.patch_size };
}

/**
 * Mean squared error of the velocity, and in the view's frame the cross-entropy of the camera's pitch; feeds: those of `flowFeeds`.
 */
function flowLoss(
  { denoiser, conditioner, frame, lambdaPitch }: StructureFlowRecipe,
  weights: ReturnType<typeof scope>,
  batch: number,
): { loss: Tensor; terms: Record<string, Tensor> } {
  const r = denoiser.resolution;
  const dims = [batch, denoiser.in_channels, r, r, r];
  const size = conditioner.image_size;
  const tokens = patchEncoder(conditioner, weights.at('conditioner'), input('pictures', [batch, size, size, 3]));
  const cond = mul(tokens, input('kept', [batch, 1, 1])); // the empty prompt is all zeros
  const output = structureFlow(denoiser, weights.at('denoiser'), input('x', dims), input('t', [batch]), cond);
  const scale = input('scale', [batch, 1, 1, 1, 1]);
  const velocity = mseLoss(mul(output, scale), mul(input('target', dims), scale));
  if (frame !== 'view') return { loss: velocity, terms: { velocity } };
  const head = { cond_channels: conditioner.model_channels, num_bins: PITCH_BINS };
  const guessed = pitchHead(head, weights.at('pitchHead'), tokens);
  const pitch = neg(mul(mean(mul(input('pitchTarget', [batch, PITCH_BINS]), log(add(guessed, 1e-6)))), PITCH_BINS));
  return { loss: add(velocity, mul(pitch, lambdaPitch)), terms: { velocity, pitch } };
}
