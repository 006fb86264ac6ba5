import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { condViews, VALIDATION_SHARE } from '../dataset/index.ts';
import { decodePicture } from '../formats/index.ts';
import {
  agreed,
  colorsOf,
  type ModelFolder,
  type OnEvent,
  openWeights,
  outlineOf,
  pictureSizeOf,
  pitchesOf,
  promptTokens,
  seenFrom,
  structures,
  surfaceSeen,
  viewCameraOf,
} from '../pipelines/index.ts';
import type { OrbitView } from '../render/index.ts';
import type { SurfaceMesh } from '../representations/index.ts';
import type { RgbaPicture } from '../stages/0-condition/index.ts';
import {
  compareOccupancies,
  type Frame,
  occupancyIou,
  openStructureDecoder,
  pitchOf,
  quarterTurned,
  quarterTurnsToFront,
  structureEncoder,
} from '../stages/1-structure/index.ts';
import { compile, floats, input, scope, torchGenerator } from '../tensor/index.ts';
import {
  cropOccupancy,
  preparedViews,
  type StructureExample,
  type StructureSample,
  structureSamples,
} from '../training/index.ts';
import { meanShape } from './mean-shape.ts';
import { nearestPicture } from './nearest-picture.ts';

export interface EvaluateStructureOptions {
  /** take only the first n validation assets, in order of their hashes */
  assets?: number;
  /** pictures of each asset, drawn by the seed; all there are when it has fewer */
  views?: number;
  seed?: number;
  steps?: number;
  guidance?: number;
  /** above 1 takes more steps near noise */
  rescale?: number;
  /** structures drawn for each picture, of which one is made; the model's own number when not given */
  candidates?: number;
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
  /** how assets were held out */
  split: string;
  /** frame of truth, result and baselines alike */
  frame: Frame;
  /** pictures evaluated, of all assets together */
  pictures: number;
  seed: number;
  sampler: { steps: number; guidance: number; rescale: number; candidates: number };
  /** degrees between the camera's pitch and what picture and shape tell of it, where shapes stand as it sees them */
  pitchError?: { median: number; mean: number };
  /** IoU at 64³ of occupancy → latent mean → logits > 0; absent when the model has no encoder */
  autoencoderIou?: number;
  model: StructureScore;
  nearestTrainingAsset: StructureScore;
  meanShape: StructureScore;
  ratioToNearest: StructureScore;
  ratioToMeanShape: StructureScore;
  /** model / the better baseline */
  ratioToBestBaseline: StructureScore;
  /** one picture's share of a batch, prompt to logits */
  secondsPerAsset: number;
  seconds: { readPictures: number; structure: number; baselines: number; autoencoder: number };
}

const RESOLUTION = 64;
const BATCH = 6;

/**
 * Stage 1 on held-out assets: each is seen in one or more of its condition views, drawn by the seed, and the shape that comes out is
 * compared with the true one, beside two baselines on the same pictures: the training asset with the nearest picture, and
 * the mean shape.
 * @returns figures, and the first assets as examples to look at, 16 at most
 */
export async function evaluateStructure(
  model: ModelFolder,
  roots: string,
  options: EvaluateStructureOptions = {},
): Promise<{ evaluation: StructureEvaluation; examples: StructureExample[] }> {
  const { assets = Number.POSITIVE_INFINITY, views = 1, seed = 0, signal, onEvent } = options;
  const size = pictureSizeOf(model);
  const { frame } = model;
  const samples = await structureSamples(roots, { cond: true, frame });
  const shapeOf = (sample: StructureSample, view: number) => sample.turned?.[view] ?? sample.coords;
  const training = samples.filter((s) => s.split === 'train');
  const held = samples
    .filter((s) => s.split === 'validation')
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
    .slice(0, assets);
  if (held.length === 0 || training.length === 0)
    throw new Error(
      `eval: ${roots} has ${held.length} validation and ${training.length} training assets with voxels and views; both are needed. Build more with \`espalier dataset build\`.`,
    );

  const clock = lap();
  const gallery: Uint8Array[] = [];
  const owners: Uint8Array[] = []; // the shape that each picture shows
  for (const [i, sample] of training.entries()) {
    signal?.throwIfAborted();
    for (const [view, picture] of (await preparedViews(sample.views as string, size)).entries()) {
      gallery.push(picture);
      owners.push(shapeOf(sample, view));
    }
    onEvent?.({ kind: 'step', stage: 'read training pictures', step: i + 1, of: training.length });
  }
  const queries: { asset: number; view: number; picture: Uint8Array }[] = [];
  for (const [asset, sample] of held.entries()) {
    const all = await preparedViews(sample.views as string, size);
    for (const view of draw(all.length, views, seed + asset)) queries.push({ asset, view, picture: all[view] });
  }
  if (queries.length === 0 || gallery.length === 0)
    throw new Error(
      `eval: the folders renders_cond/* of ${roots} hold no pictures. Render them with \`espalier dataset build\`.`,
    );
  const readPictures = clock();

  const sampler = { ...model.structureSampler };
  if (options.steps !== undefined) sampler.steps = options.steps;
  if (options.guidance !== undefined) sampler.guidance = options.guidance;
  if (options.rescale !== undefined) sampler.rescale = options.rescale;
  const { candidates = model.candidates } = options;
  const results: Uint8Array[] = [];
  const surfaces = new Map<number, () => SurfaceMesh>(); // of the first result of each asset that is shown
  const pitchErrors: number[] = [];
  for (let i = 0; i < queries.length; i += BATCH) {
    signal?.throwIfAborted();
    const part = queries.slice(i, i + BATCH);
    const tokens = await promptTokens(
      model,
      part.map((q) => q.picture),
    );
    const grids = await structures(model, tokens, { ...sampler, candidates, seed: seed + i, signal });
    const width = tokens.length / part.length;
    const conds = part.map((_, k) => tokens.slice(k * width, (k + 1) * width));
    const pitches = frame === 'view' ? await pitchesOf(model, conds, { signal }) : [];
    for (const [k, grid] of grids.entries()) {
      const { asset, view } = part[k];
      let logits = grid;
      const show = (surface: () => SurfaceMesh) =>
        asset < EXAMPLES && !surfaces.has(asset) && surfaces.set(asset, surface);
      if (frame !== 'view') show(() => surfaceSeen(grid));
      else {
        const cutOut = await condPicture(held[asset], view);
        const seen = { outline: outlineOf(cutOut), pitch: pitches[k] };
        const camera = viewCameraOf(grid, seen);
        const ours = agreed(grid, seen, camera);
        show(() => surfaceSeen(ours, { ...seen, picture: colorsOf(cutOut) }, camera));
        logits = ours;
        const { eye } = (await condViews(held[asset].root, held[asset].sha256))[view];
        pitchErrors.push((Math.abs(seenFrom(logits, seen) - pitchOf(eye)) * 180) / Math.PI);
      }
      results.push(Uint8Array.from(logits, (v) => (v > 0 ? 1 : 0)));
    }
    onEvent?.({ kind: 'step', stage: 'structure', step: results.length, of: queries.length });
  }
  const structure = clock();

  const truths = queries.map(({ asset, view }) => gridOf(shapeOf(held[asset], view)));
  const neighbours: Uint8Array[] = [];
  for (const { picture } of queries) {
    await new Promise(setImmediate); // lets Ctrl-C through
    signal?.throwIfAborted();
    neighbours.push(gridOf(owners[nearestPicture(picture, gallery)]));
    onEvent?.({ kind: 'step', stage: 'baselines', step: neighbours.length, of: queries.length });
  }
  const average = meanShape(frame === 'canonical' ? training.map((s) => s.coords) : owners);
  const scores = {
    model: score(results, truths),
    nearestTrainingAsset: score(neighbours, truths),
    meanShape: score(
      truths.map(() => average),
      truths,
    ),
  };
  const baselines = clock();
  const iou = await autoencoderIou(model, held, onEvent, signal);
  const toNearest = ratio(scores.model, scores.nearestTrainingAsset);
  const toMean = ratio(scores.model, scores.meanShape);
  const evaluation: StructureEvaluation = {
    validationAssets: held.length,
    trainingAssets: training.length,
    split: `${VALIDATION_SHARE * 100} % held out by the hash of the asset's group`,
    frame,
    pictures: queries.length,
    seed,
    sampler: { steps: sampler.steps, guidance: sampler.guidance, rescale: sampler.rescale, candidates },
    pitchError: pitchErrors.length > 0 ? spreadOf(pitchErrors) : undefined,
    autoencoderIou: iou,
    ...scores,
    ratioToNearest: toNearest,
    ratioToMeanShape: toMean,
    ratioToBestBaseline: {
      fScore1: Math.min(toNearest.fScore1, toMean.fScore1),
      fScore2: Math.min(toNearest.fScore2, toMean.fScore2),
    },
    secondsPerAsset: structure / queries.length,
    seconds: { readPictures, structure, baselines, autoencoder: clock() },
  };
  const examples: StructureExample[] = [];
  for (const [asset, sample] of held.slice(0, EXAMPLES).entries()) {
    const i = queries.findIndex((q) => q.asset === asset);
    if (i < 0) continue;
    const { picture, view } = queries[i];
    const beside = await viewFromBeside(sample, view, frame);
    const mesh = results[i].includes(1) ? surfaces.get(asset) : undefined;
    examples.push({ view: beside, picture, truth: truths[i], result: results[i], mesh });
  }
  return { evaluation, examples };
}

/** Assets, the first ones, that are shown. */
const EXAMPLES = 16;

/** `wanted` different numbers below `count`, or all. */
function draw(count: number, wanted: number, seed: number): number[] {
  const generator = torchGenerator(seed);
  const drawn = new Set<number>();
  while (drawn.size < Math.min(count, wanted)) drawn.add(generator.integer(count));
  return [...drawn];
}

const ratio = (a: StructureScore, b: StructureScore): StructureScore => ({
  fScore1: a.fScore1 / b.fScore1,
  fScore2: a.fScore2 / b.fScore2,
});

function spreadOf(values: readonly number[]): { median: number; mean: number } {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], mean: values.reduce((a, b) => a + b) / values.length };
}

/** A condition view as it was rendered. */
export async function condPicture({ views }: StructureSample, view: number): Promise<RgbaPicture> {
  const files = (await readdir(views as string)).filter((name) => /^\d+\.png$/.test(name)).sort();
  return decodePicture(await readFile(join(views as string, files[view])));
}

/** Seconds since the last call. */
function lap(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    return seconds;
  };
}

/** From the camera of a picture to where its shape is looked at from, radians: from the camera itself nobody sees how deep a shape is. */
const ASIDE = { yaw: -0.6, pitch: 0.35 };

/** Obliquely beside the camera of a condition view, turned as the shape is that it sees. */
async function viewFromBeside({ root, sha256 }: StructureSample, view: number, frame: Frame): Promise<OrbitView> {
  const camera = (await condViews(root, sha256))[view];
  if (!camera)
    throw new Error(
      `eval: asset ${sha256} of ${root} has no camera for view ${view} in its transforms.json. Render the views again.`,
    );
  const { eye, fovRadians } = camera;
  const [x, y, z] = frame === 'quadrant' ? quarterTurned(eye, quarterTurnsToFront(eye)) : eye;
  const radius = Math.hypot(x, y, z);
  const yaw = frame === 'picture' || frame === 'view' ? Math.PI : Math.atan2(x, y);
  const pitch = frame === 'view' ? 0 : Math.asin(z / radius);
  return { yaw: yaw + ASIDE.yaw, pitch: Math.min(1.4, pitch + ASIDE.pitch), radius, fovRadians };
}

const gridOf = (coords: Uint8Array): Uint8Array => Uint8Array.from(cropOccupancy(coords, RESOLUTION));

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
  const program = await compile({ mean }, await openWeights(encoder));
  const runner = await openStructureDecoder(decoder.config, await openWeights(decoder), { batch: 1, resolution: r });
  let total = 0;
  try {
    for (const [i, sample] of held.entries()) {
      signal?.throwIfAborted();
      const truth = gridOf(sample.coords);
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
