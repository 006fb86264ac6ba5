/** Stage 2 of a model folder: voxels and prompt tokens → structured latents. The flow is loaded here, and freed after. */

import { voxelsOfObjects } from '../sparse/index.ts';
import { denormalizeLatent, openLatentSampler } from '../stages/2-latent/index.ts';
import type { Generator } from '../tensor/index.ts';
import type { ModelFolder } from './model-folder.ts';
import { type NetworkOf, openWeights } from './network.ts';
import type { SamplerOptions } from './pipeline-file.ts';
import { promptTokenCount } from './prompt-encoder.ts';
import type { PromptTokens } from './prompt-tokens.ts';
import { checkLatent } from './self-checks.ts';
import { using, type WorkOptions } from './work.ts';

/** What is where: a latent at each occupied voxel, in the scale of the encoder and the decoders. */
export interface StructuredLatent {
  /** int32 [N, 3] */
  readonly coords: Int32Array;
  /** [N, 8] */
  readonly feats: Float32Array;
}

/** What a model has for its second stage. */
export interface LatentStage {
  readonly flow: NetworkOf<'SLatFlowModel'>;
  readonly sampler: SamplerOptions;
  readonly normalization: NonNullable<ModelFolder['latentNormalization']>;
}

/** @throws Error saying what the model lacks */
export function latentStageOf(model: ModelFolder): LatentStage {
  const { latentSampler: sampler, latentNormalization: normalization, networks, folder } = model;
  const flow = networks.slat_flow_model;
  if (!flow)
    throw new Error(
      `${folder} has no "slat_flow_model": it makes shapes alone, without Gaussians, radiance field or colors. Take a model with both stages, such as microsoft/TRELLIS-image-large.`,
    );
  if (!sampler || !normalization)
    throw new Error(
      `${folder}: pipeline.json lacks args.${sampler ? 'slat_normalization' : 'slat_sampler'}, which its slat_flow_model needs. Copy it from the model that the flow is from.`,
    );
  if (normalization.mean.length !== flow.config.out_channels)
    throw new Error(
      `${folder}: args.slat_normalization must have ${flow.config.out_channels} channels like slat_flow_model, got ${normalization.mean.length}.`,
    );
  return { flow, sampler, normalization };
}

/**
 * A latent for each object's coords [N, 3], whose order is that of the noise's rows. All noise is drawn from `rng` first,
 * as in a batch; then one is sampled after the other, in the memory of one.
 */
export async function sampleLatents(
  model: ModelFolder,
  shapes: readonly Int32Array[],
  { conds, uncond, mix }: PromptTokens,
  rng: Generator,
  { device = 'cpu', precision, signal, onEvent, ...sampler }: SamplerOptions & WorkOptions,
): Promise<StructuredLatent[]> {
  const { flow, normalization } = latentStageOf(model);
  const { in_channels: channels, cond_channels, resolution } = flow.config;
  const tokens = promptTokenCount(model);
  for (const cond of conds)
    if (cond.length !== tokens * cond_channels)
      throw new Error(
        `latent: the prompt must be [${tokens}, ${cond_channels}], got ${cond.length} values. The encoder and the slat_flow_model of ${model.folder} do not belong together.`,
      );
  const rows = shapes.map((coords) => coords.length / 3);
  const noise = rng.normal(channels * rows.reduce((a, b) => a + b, 0));
  const opening = openLatentSampler(
    flow.config,
    await openWeights(flow, { precision, signal, onEvent }),
    { objects: 1, tokens },
    device,
  );
  return using(opening, async (opened) => {
    const latents: StructuredLatent[] = [];
    let at = 0;
    for (const [run, coords] of shapes.entries()) {
      signal?.throwIfAborted();
      const own = noise.slice(at, at + channels * rows[run]);
      at += own.length;
      const onStep = (step: number, of: number) =>
        onEvent?.({ kind: 'step', stage: 'latent', step: run * of + step, of: shapes.length * of });
      const voxels = voxelsOfObjects([coords], resolution);
      const sample = await opened.sample(voxels, own, { cond: conds, uncond, mix }, sampler, { signal, onStep });
      checkLatent(sample, flow.config.out_channels);
      latents.push({ coords, feats: denormalizeLatent(sample, normalization) });
    }
    return latents;
  });
}
