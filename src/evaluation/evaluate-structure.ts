import { type ModelFolder, type OnEvent, promptTokens, structures } from '../pipelines/index.ts';
import {
  compareOccupancies,
  occupancyIou,
  openStructureDecoder,
  structureEncoder,
} from '../stages/1-structure/index.ts';
import { compile, floats, input, scope, torchGenerator } from '../tensor/index.ts';
import { cropOccupancy, preparedViews, type StructureSample, structureSamples } from '../training/index.ts';
import { meanShape } from './mean-shape.ts';
import { nearestPicture } from './nearest-picture.ts';

export interface EvaluateStructureOptions {
  /** take only the first n validation assets, in order of their hashes */
  assets?: number;
  seed?: number;
  steps?: number;
  guidance?: number;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/** Means over assets. */
export interface StructureScore {
  /** F-score at one and at two voxels */
  fScore1: number;
  fScore2: number;
}

export interface StructureEvaluation {
  validationAssets: number;
  trainingAssets: number;
  seed: number;
  sampler: { steps: number; guidance: number };
  /** IoU at 64³ of occupancy → latent mean → logits > 0; absent when the model has no encoder */
  autoencoderIou?: number;
  model: StructureScore;
  nearestTrainingAsset: StructureScore;
  meanShape: StructureScore;
  /** model / the better baseline */
  ratioToBestBaseline: StructureScore;
  secondsPerAsset: number;
}

export interface StructureExample {
  sha256: string;
  /** prepared picture, RGB bytes [S, S, 3] */
  picture: Uint8Array;
  truth: Uint8Array;
  result: Uint8Array;
}

const RESOLUTION = 64;
const BATCH = 6;

/**
 * Stage 1 on held-out assets: each is seen in one of its condition views, drawn by the seed, and the shape that comes out is
 * compared with the true one, beside two baselines on the same pictures: the training asset with the nearest picture, and
 * the mean shape.
 */
export async function evaluateStructure(
  model: ModelFolder,
  roots: string,
  options: EvaluateStructureOptions = {},
): Promise<{ evaluation: StructureEvaluation; examples: StructureExample[] }> {
  const { assets = Number.POSITIVE_INFINITY, seed = 0, signal, onEvent } = options;
  const size = model.networks.image_cond_model.config.image_size;
  const samples = await structureSamples(roots, { cond: true });
  const training = samples.filter((s) => s.split === 'train');
  const held = samples
    .filter((s) => s.split === 'validation')
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
    .slice(0, assets);
  if (held.length === 0 || training.length === 0)
    throw new Error(
      `eval: ${roots} has ${held.length} validation and ${training.length} training assets with voxels and views; both are needed. Build more with \`espalier dataset build\`.`,
    );

  const gallery: Uint8Array[] = [];
  const owners: number[] = [];
  for (const [i, sample] of training.entries()) {
    signal?.throwIfAborted();
    for (const view of await preparedViews(sample.views as string, size)) {
      gallery.push(view);
      owners.push(i);
    }
    onEvent?.({ kind: 'step', stage: 'read training pictures', step: i + 1, of: training.length });
  }
  const pictures: Uint8Array[] = [];
  for (const [i, sample] of held.entries()) {
    const views = await preparedViews(sample.views as string, size);
    pictures.push(views[torchGenerator(seed + i).integer(views.length)]);
  }

  const sampler = { ...model.structureSampler };
  if (options.steps !== undefined) sampler.steps = options.steps;
  if (options.guidance !== undefined) sampler.guidance = options.guidance;
  const start = performance.now();
  const results: Uint8Array[] = [];
  for (let i = 0; i < held.length; i += BATCH) {
    const part = pictures.slice(i, i + BATCH);
    const logits = await structures(model, await promptTokens(model, part), { ...sampler, seed: seed + i, signal });
    for (const l of logits) results.push(Uint8Array.from(l, (v) => (v > 0 ? 1 : 0)));
    onEvent?.({ kind: 'step', stage: 'structure', step: results.length, of: held.length });
  }
  const secondsPerAsset = (performance.now() - start) / 1000 / held.length;

  const truths = held.map(gridOf);
  const mean = meanShape(training.map((s) => s.coords));
  const model_ = score(results, truths);
  const nearest = score(
    pictures.map((p) => gridOf(training[owners[nearestPicture(p, gallery)]])),
    truths,
  );
  const average = score(
    truths.map(() => mean),
    truths,
  );
  const evaluation: StructureEvaluation = {
    validationAssets: held.length,
    trainingAssets: training.length,
    seed,
    sampler: { steps: sampler.steps, guidance: sampler.guidance },
    autoencoderIou: await autoencoderIou(model, held, onEvent, signal),
    model: model_,
    nearestTrainingAsset: nearest,
    meanShape: average,
    ratioToBestBaseline: {
      fScore1: model_.fScore1 / Math.max(nearest.fScore1, average.fScore1),
      fScore2: model_.fScore2 / Math.max(nearest.fScore2, average.fScore2),
    },
    secondsPerAsset,
  };
  const examples = held.map((s, i) => ({
    sha256: s.sha256,
    picture: pictures[i],
    truth: truths[i],
    result: results[i],
  }));
  return { evaluation, examples };
}

const gridOf = (sample: StructureSample): Uint8Array => Uint8Array.from(cropOccupancy(sample.coords, RESOLUTION));

/** An empty result scores 0. */
function score(results: readonly Uint8Array[], truths: readonly Uint8Array[]): StructureScore {
  let [one, two] = [0, 0];
  for (const [i, result] of results.entries()) {
    if (!result.includes(1)) continue;
    const { scores } = compareOccupancies(result, truths[i], RESOLUTION, [1, 2]);
    one += scores[0].fScore;
    two += scores[1].fScore;
  }
  return { fScore1: one / results.length, fScore2: two / results.length };
}

async function autoencoderIou(
  model: ModelFolder,
  held: readonly StructureSample[],
  onEvent?: OnEvent,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const { sparse_structure_encoder: encoder, sparse_structure_decoder: decoder } = model.networks;
  if (!encoder) return undefined;
  const r = RESOLUTION / 2 ** (encoder.config.channels.length - 1);
  const dims = [1, 1, RESOLUTION, RESOLUTION, RESOLUTION];
  const { mean } = structureEncoder(encoder.config, scope(), input('ss', dims));
  const program = await compile({ mean }, { state: encoder.weights });
  const runner = await openStructureDecoder(decoder.config, { state: decoder.weights }, { batch: 1, resolution: r });
  let total = 0;
  try {
    for (const [i, sample] of held.entries()) {
      signal?.throwIfAborted();
      const truth = gridOf(sample);
      const latent = (await program.run({ ss: floats(Float32Array.from(truth), dims) })).mean.data as Float32Array;
      const logits = await runner.decode(latent);
      total += occupancyIou(
        Uint8Array.from(logits, (v) => (v > 0 ? 1 : 0)),
        truth,
      );
      onEvent?.({ kind: 'step', stage: 'autoencoder', step: i + 1, of: held.length });
    }
  } finally {
    await program.dispose();
    await runner.dispose();
  }
  return total / held.length;
}
