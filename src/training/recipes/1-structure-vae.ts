/**
 * The sparse structure's autoencoder, 64³ occupancy ⇄ 16³ × 8 latent.
 *
 *   espalier train structure-vae --data datasets/mini --out runs/structure-vae
 *
 * The published setting is channels [32, 128, 512] on whole grids; this one is small enough for two CPU cores: no
 * residual blocks at the fine resolutions, and crops of 32³ around the surface. The network is fully convolutional, so
 * what it learns on crops holds on whole grids. And its latents are coarse first: docs/training.md.
 */

import {
  type Frame,
  occupancyIou,
  samplePosterior,
  structureDecoder,
  structureEncoder,
} from '../../stages/1-structure/index.ts';
import {
  add,
  compile,
  floats,
  input,
  max,
  mean,
  mul,
  reshape,
  scope,
  sqrt,
  sub,
  type Tensor,
  torchGenerator,
  type Value,
} from '../../tensor/index.ts';
import { clipperOf, type GradClip } from '../adaptive-clipper.ts';
import { cropOccupancy, type Grid, symmetry } from '../augment.ts';
import { exampleSheet, type StructureExample } from '../example-sheet.ts';
import { learningRateAt } from '../learning-rate.ts';
import { type TrainEvent, train } from '../loop.ts';
import { klLoss, type OccupancyLoss, occupancyLoss } from '../losses.ts';
import type { OptimizerOptions } from '../optimizer.ts';
import { generatorOf, samplesOf } from '../order.ts';
import { saveSample } from '../save-sample.ts';
import { startFrom } from '../start-from.ts';
import { type StructureSample, structureSamples } from '../structure-data.ts';
import { initialStates, type States, trainingProgram } from '../training-program.ts';

export const structureVaeRecipe = {
  encoder: { in_channels: 1, latent_channels: 8, num_res_blocks: 0, num_res_blocks_middle: 1, channels: [8, 32, 96] },
  decoder: { out_channels: 1, latent_channels: 8, num_res_blocks: 1, num_res_blocks_middle: 1, channels: [96, 32, 16] },
  trainEncoder: true, // false: only the decoder learns, and a flow trained on the encoder's latents stays valid
  coarseLevels: 2, // how often latent and shape are halved once more: what is coarse then lies in the low frequencies of a latent
  lambdaCoarse: 0.5, // weight of the reconstruction at each of these levels
  latentNoise: 0.6, // largest deviation, in units of a channel's own, of noise that the decoder learns to forgive a flow
  lossType: 'dice' as OccupancyLoss, // the published one
  lambdaKl: 1e-3,
  turnedShare: 0.9, // of the samples, turned to one of their condition views: what a flow in that frame meets
  frame: 'view' as Frame, // of the samples that are turned
  crop: 32, // voxels per side of a training sample; 64 is the whole grid
  batchSize: 4, // as good after 2000 crops as 8 after 4000: docs/training.md
  learningRate: 1e-2, // a hundred times the published one, for a model 30 times smaller and Muon
  finalLearningRate: 0.02, // share of the learning rate left at the end of the cosine; 1 keeps it constant
  warmupSteps: 50,
  optimizer: { name: 'muon' } as OptimizerOptions, // half the steps of AdamW, the published one
  gradClip: { maxNorm: 1 } as GradClip, // adaptive, as published
  minAestheticScore: Number.NEGATIVE_INFINITY, // assets without a score stay
  emaRate: 0.995, // a memory of 200 steps: runs are short
  logEvery: 10,
  maxSteps: 4000, // about 1 s each on two free cores; the model that ships stopped at 1800
  saveEvery: 250,
  validateEvery: 500,
  validationAssets: 16,
  seed: 1,
};
export type StructureVaeRecipe = typeof structureVaeRecipe;

export interface RecipeRun {
  data: string;
  out: string;
  /** model folder or run to start from, instead of fresh weights */
  from?: string;
  device?: 'cpu' | 'webgpu' | 'cuda' | 'auto';
  clock: () => number;
  signal?: AbortSignal;
  onEvent?: (event: TrainEvent) => void;
}

export async function trainStructureVae(recipe: StructureVaeRecipe, run: RecipeRun): Promise<States> {
  const { crop, batchSize, encoder, decoder, lambdaKl, seed } = recipe;
  const samples = await structureSamples(run.data, {
    cond: false,
    frame: recipe.turnedShare > 0 ? recipe.frame : 'canonical',
    minAestheticScore: recipe.minAestheticScore,
  });
  const training = samples.filter((s) => s.split === 'train');
  const held = samples.filter((s) => s.split === 'validation').slice(0, recipe.validationAssets);
  if (training.length === 0)
    throw new Error(`train: ${run.data} has no voxelized assets to train on. Run \`espalier dataset build\` first.`);

  if (!(Number.isInteger(recipe.coarseLevels) && recipe.coarseLevels >= 0))
    throw new Error(`train: coarseLevels must be a whole number from 0 on, got ${recipe.coarseLevels}.`);
  if (!(recipe.latentNoise >= 0)) throw new Error(`train: latentNoise must be 0 or more, got ${recipe.latentNoise}.`);
  const coarsest = 2 ** (encoder.channels.length - 1 + recipe.coarseLevels);
  if (crop % coarsest !== 0)
    throw new Error(
      `train: crop must be a multiple of ${coarsest}, so often is it halved by the encoder and ${recipe.coarseLevels} coarse levels; got ${crop}. Change crop or coarseLevels.`,
    );
  const weights = scope();
  const optimizer = { ...recipe.optimizer, emaRate: recipe.emaRate };
  const side = crop / 2 ** (encoder.channels.length - 1);
  const ss = input('ss', [batchSize, 1, crop, crop, crop]);
  const noise = input('noise', [batchSize, encoder.latent_channels, side, side, side]);
  const posterior = structureEncoder(encoder, weights.at('encoder'), ss);
  const sample = samplePosterior(posterior.mean, posterior.logvar, noise);
  const unit = deviation(sample);
  const levels = Array.from({ length: recipe.coarseLevels + 1 }, (_, level) => {
    const latent = blockMeans(sample, 2 ** level);
    const isDisturbed = recipe.latentNoise > 0;
    const met = isDisturbed ? add(latent, mul(input(`disturbance${level}`, latent.shape), unit)) : latent;
    const logits = structureDecoder(decoder, weights.at('decoder'), met);
    return occupancyLoss(recipe.lossType, logits, blockMaxima(ss, 2 ** level));
  });
  const [reconstruction, ...coarse] = levels;
  const kl = klLoss(posterior.mean, posterior.logvar);
  const loss = [...coarse.map((c) => mul(c, recipe.lambdaCoarse)), mul(kl, lambdaKl)].reduce(add, reconstruction);
  const terms = { reconstruction, ...Object.fromEntries(coarse.map((c, i) => [`coarse${i + 1}`, c])), kl };

  if (!recipe.trainEncoder && run.from === undefined)
    throw new Error(
      'train: trainEncoder is false, but there is no encoder to keep. Give the model that has it with --from.',
    );
  const frozen = recipe.trainEncoder
    ? []
    : [...weights.parameters.keys()].filter((name) => name.startsWith('encoder.'));

  const batch = (step: number): Record<string, Value> => {
    const rng = generatorOf(seed, step);
    const grids = new Float32Array(batchSize * crop ** 3);
    for (const [i, index] of samplesOf(step, batchSize, training.length, seed).entries()) {
      const { coords, turned = [] } = training[index];
      const isTurned = rng.uniform(1)[0] < recipe.turnedShare && turned.length > 0;
      const grid = cropOccupancy(isTurned ? turned[rng.integer(turned.length)] : coords, crop, rng);
      grids.set(symmetry(grid, crop, rng.integer(48)), i * crop ** 3);
    }
    const size = encoder.latent_channels * side ** 3;
    const feeds = {
      ss: floats(grids, ss.shape as number[]),
      noise: floats(rng.normal(batchSize * size), noise.shape as number[]),
    };
    if (recipe.latentNoise === 0) return feeds;
    const strengths = rng.uniform(batchSize).map((u) => u * recipe.latentNoise); // one for each sample
    const disturbances = levels.map((_, level): [string, Value] => {
      const of = size / 8 ** level;
      const values = rng.normal(batchSize * of).map((e, i) => e * strengths[Math.floor(i / of)]);
      const r = side / 2 ** level;
      return [`disturbance${level}`, floats(values, [batchSize, encoder.latent_channels, r, r, r])];
    });
    return { ...feeds, ...Object.fromEntries(disturbances) };
  };

  return train({
    folder: run.out,
    models: ['encoder', 'decoder'],
    emaRate: recipe.emaRate,
    maxSteps: recipe.maxSteps,
    buffers: frozen,
    identity: {
      recipe: 'structure-vae',
      trainEncoder: recipe.trainEncoder,
      encoder,
      decoder,
      lossType: recipe.lossType,
      lambdaKl,
      coarseLevels: recipe.coarseLevels,
      lambdaCoarse: recipe.lambdaCoarse,
      turnedShare: recipe.turnedShare,
      frame: recipe.frame,
      latentNoise: recipe.latentNoise,
      crop,
      batchSize,
      seed,
    },
    fresh: () => startFrom(run.from, initialStates(weights, frozen, torchGenerator(seed), optimizer)),
    open: (states) =>
      trainingProgram(
        {
          weights,
          buffers: frozen,
          losses: [loss],
          terms,
          optimizer,
          device: run.device,
        },
        states,
      ),
    batch,
    learningRate: (step) => learningRateAt(step, recipe),
    clipper: clipperOf(recipe.gradClip),
    logEvery: recipe.logEvery,
    saveEvery: recipe.saveEvery,
    validateEvery: recipe.validateEvery,
    validate: async (step, averaged) => {
      const { iou, examples } = await reconstructions(recipe, averaged, held);
      if (examples.length > 0) await saveSample(run.out, step, await exampleSheet(examples));
      return { iou };
    },
    clock: run.clock,
    signal: run.signal,
    onEvent: run.onEvent,
  });
}

/** Of each channel of a latent [B, c, r, r, r] over the batch, [1, c, 1, 1, 1]. */
function deviation(latent: Tensor): Tensor {
  const axes = [0, 2, 3, 4];
  const centered = sub(latent, mean(latent, { axes, keepDims: true }));
  return sqrt(add(mean(mul(centered, centered), { axes, keepDims: true }), 1e-12));
}

/** Means of blocks of `of`³ cells, [B, c, R, R, R] → [B, c, R/of, R/of, R/of]. */
const blockMeans = (x: Tensor, of: number): Tensor => (of === 1 ? x : mean(blocks(x, of), { axes: IN_BLOCK }));

/** Whether any voxel of a block of `of`³ is occupied, as a shape is voxelized on a coarser grid. */
const blockMaxima = (x: Tensor, of: number): Tensor => (of === 1 ? x : max(blocks(x, of), { axes: IN_BLOCK }));

const IN_BLOCK = [3, 5, 7];
function blocks(x: Tensor, of: number): Tensor {
  const [batch, channels, side] = x.shape as number[];
  const n = side / of;
  return reshape(x, [batch, channels, n, of, n, of, n, of]);
}

/** From obliquely above. */
const VIEW = { yaw: Math.PI - 0.5, pitch: 0.4, radius: 2.6, fovRadians: 0.65 };

/** Occupancy → posterior mean → logits > 0 at 64³: the mean IoU, and truth beside result. */
export async function reconstructions(
  { encoder, decoder }: Pick<StructureVaeRecipe, 'encoder' | 'decoder'>,
  states: States,
  held: readonly StructureSample[],
): Promise<{ iou: number; examples: StructureExample[] }> {
  const weights = scope();
  const ss = input('ss', [1, 1, 64, 64, 64]);
  const { mean } = structureEncoder(encoder, weights.at('encoder'), ss);
  const program = await compile({ logits: structureDecoder(decoder, weights.at('decoder'), mean) }, { state: states });
  let total = 0;
  const examples: StructureExample[] = [];
  try {
    for (const sample of held) {
      const truth: Grid = cropOccupancy(sample.coords, 64);
      const { logits } = await program.run({ ss: floats(truth, [1, 1, 64, 64, 64]) });
      const result = Uint8Array.from(logits.data as Float32Array, (l) => (l > 0 ? 1 : 0));
      total += occupancyIou(result, Uint8Array.from(truth));
      examples.push({ view: VIEW, truth: Uint8Array.from(truth), result });
    }
  } finally {
    await program.dispose();
  }
  return { iou: total / Math.max(1, held.length), examples };
}
