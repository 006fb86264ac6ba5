/** Stage 1 of a model folder: prompt tokens → occupancy logits. Each network is loaded when it is needed, and freed after. */
import {
  consensus,
  openStructureDecoder,
  openStructureSampler,
  structuresAtOnce,
} from '../stages/1-structure/index.ts';
import { type Generator, torchGenerator } from '../tensor/index.ts';
import type { ModelFolder } from './model-folder.ts';
import { openWeights } from './network.ts';
import { MOST_CANDIDATES, type SamplerOptions } from './pipeline-file.ts';
import { promptTokenCount } from './prompt-encoder.ts';
import type { PromptTokens } from './prompt-tokens.ts';
import { using, type WorkOptions, weightsOptions } from './work.ts';

export interface StructuresOptions extends SamplerOptions, WorkOptions {
  seed: number;
  /** structures drawn for each prompt, of which one is made (see `consensus`); 1 when not given */
  candidates?: number;
  /** tokens of the empty prompt [1, T, K]; zeros when not given, as for pictures */
  uncond?: Float32Array;
}

/** Occupancy logits [R, R, R] for each prompt of a batch; `cond` [B, T, K] flattened. */
export async function structures(
  model: ModelFolder,
  cond: Float32Array,
  options: StructuresOptions,
): Promise<Float32Array[]> {
  const { seed, uncond, candidates = 1, ...rest } = options;
  expectCandidates(candidates);
  const batch =
    cond.length / (promptTokenCount(model) * model.networks.sparse_structure_flow_model.config.cond_channels);
  expectTokens(model, cond, Number.isInteger(batch) ? Math.max(1, batch) : 1);
  const rng = torchGenerator(seed);
  const noises = Array.from({ length: candidates }, () => rng.normal(batch * latentSize(model)));
  const empty = uncond && repeated(uncond, batch);
  const latents = await sampleLatents(model, { conds: [cond], uncond: empty, mix: 'stochastic' }, batch, noises, rest);
  const logits = await decodeLatents(model, latents, rest);
  return Array.from({ length: batch }, (_, i) => consensus(noises.map((_, run) => logits[run * batch + i])));
}

/**
 * Occupancy logits [R, R, R] of `samples` structures of one prompt, each made of `candidates` (see `consensus`). All noise is
 * drawn from `rng` first, sample by sample, as in a batch. A small network samples several at once, a large one one after the
 * other, in the memory of one.
 */
export async function sampleStructures(
  model: ModelFolder,
  prompt: PromptTokens,
  { samples, candidates }: { samples: number; candidates: number },
  rng: Generator,
  options: SamplerOptions & WorkOptions,
): Promise<Float32Array[]> {
  for (const cond of prompt.conds) expectTokens(model, cond, 1);
  const { conds, uncond, mix } = prompt;
  const size = latentSize(model);
  const all = samples * candidates;
  const runs = Math.ceil(all / structuresAtOnce(model.networks.sparse_structure_flow_model.config));
  const batch = Math.ceil(all / runs);
  const noise = new Float32Array(runs * batch * size); // the last run may have places that nobody asked for
  noise.set(rng.normal(all * size));
  const each = Array.from({ length: runs }, (_, i) => noise.slice(i * batch * size, (i + 1) * batch * size));
  const prompts = { conds: conds.map((c) => repeated(c, batch)), uncond: uncond && repeated(uncond, batch), mix };
  const latents = await sampleLatents(model, prompts, batch, each, options);
  const logits = await decodeLatents(model, latents.slice(0, all), options);
  return Array.from({ length: samples }, (_, i) => consensus(logits.slice(i * candidates, (i + 1) * candidates)));
}

/** Latents of one shape [in, R, R, R] each: one run per noise [batch, in, R, R, R]. */
async function sampleLatents(
  model: ModelFolder,
  { conds, uncond, mix }: PromptTokens,
  batch: number,
  noises: readonly Float32Array[],
  { device = 'cpu', signal, onEvent, precision, ...sampler }: SamplerOptions & WorkOptions,
): Promise<Float32Array[]> {
  const { sparse_structure_flow_model: flow } = model.networks;
  const size = latentSize(model);
  const opening = openStructureSampler(
    flow.config,
    await openWeights(flow, { precision, signal, onEvent }),
    { batch, tokens: promptTokenCount(model), prediction: model.prediction },
    device,
  );
  return using(opening, async (opened) => {
    const latents: Float32Array[] = [];
    for (const [run, noise] of noises.entries()) {
      const onStep = (step: number, of: number) =>
        onEvent?.({ kind: 'step', stage: 'structure', step: run * of + step, of: noises.length * of });
      const x = await opened.sample(noise, conds, sampler, { uncond, mix, signal, onStep });
      if (!x.every(Number.isFinite))
        throw new Error(
          'structure: the sampled latent is not finite. Lower --guidance, or check the checkpoint with `espalier info`.',
        );
      for (let i = 0; i < batch; i++) latents.push(x.slice(i * size, (i + 1) * size));
    }
    return latents;
  });
}

async function decodeLatents(
  model: ModelFolder,
  latents: readonly Float32Array[],
  work: WorkOptions,
): Promise<Float32Array[]> {
  const { sparse_structure_flow_model: flow, sparse_structure_decoder: decoder } = model.networks;
  const opening = openStructureDecoder(
    decoder.config,
    await openWeights(decoder, weightsOptions(work)),
    { batch: 1, resolution: flow.config.resolution },
    work.device,
  );
  return using(opening, async (opened) => {
    const logits: Float32Array[] = [];
    for (const latent of latents) {
      work.signal?.throwIfAborted();
      logits.push(await opened.decode(latent));
    }
    return logits;
  });
}

/** @throws RangeError when no structure can be made of so many candidates */
export function expectCandidates(candidates: number): void {
  if (!Number.isInteger(candidates) || candidates < 1 || candidates > MOST_CANDIDATES)
    throw new RangeError(`candidates must be a whole number from 1 to ${MOST_CANDIDATES}, got ${candidates}.`);
}

function expectTokens(model: ModelFolder, cond: Float32Array, batch: number): void {
  const [tokens, channels] = [promptTokenCount(model), model.networks.sparse_structure_flow_model.config.cond_channels];
  if (cond.length !== batch * tokens * channels)
    throw new Error(
      `structure: cond must be [B, ${tokens}, ${channels}], got ${cond.length} values. The encoder and the flow of ${model.folder} do not belong together.`,
    );
}

function latentSize(model: ModelFolder): number {
  const { in_channels, resolution } = model.networks.sparse_structure_flow_model.config;
  return in_channels * resolution ** 3;
}

function repeated(row: Float32Array, times: number): Float32Array {
  const all = new Float32Array(row.length * times);
  for (let i = 0; i < times; i++) all.set(row, i * row.length);
  return all;
}
