import { z } from 'zod';
import type { Prediction } from '../flow/index.ts';
import { FRAMES, type Frame, type StructureSamplerOptions } from '../stages/1-structure/index.ts';
import { parsed } from './json-file.ts';

/** What a `pipeline.json` says, in our words. */
export interface PipelineFile {
  takes: 'image' | 'text';
  /** frame of the shapes it makes; `args.frame` of the pipeline file, which published ones lack */
  frame: Frame;
  /** what the flow network puts out; `args.prediction` of the pipeline file, which published ones lack */
  prediction: Prediction;
  /** component path by role */
  models: Readonly<Record<string, string>>;
  /** the prompt encoder, when it is named beside `models`: 'dinov2_vitl14_reg', or a Hub id */
  promptEncoder?: string;
  /** structures drawn for each asset, of which one is made; `args.candidates` of the pipeline file, 1 in published ones */
  candidates: number;
  structureSampler: SamplerOptions;
  latentSampler?: SamplerOptions;
  /** per channel of the structured latent: what a sample is multiplied with, and what is added then */
  latentNormalization?: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

/** How a stage is sampled, unless the caller wants otherwise. */
export type SamplerOptions = StructureSamplerOptions;

const samplerSchema = z
  .object({
    name: z.enum(['FlowEulerSampler', 'FlowEulerCfgSampler', 'FlowEulerGuidanceIntervalSampler']),
    args: z.object({ sigma_min: z.number() }).partial().optional(),
    // defaults: those of the reference's samplers (reference/pipelines.md §3)
    params: z
      .object({
        steps: z.number().int().positive().max(10_000).default(50),
        cfg_strength: z.number().min(0).optional(),
        cfg_interval: z.tuple([z.number(), z.number()]).default([0, 1]),
        rescale_t: z.number().positive().default(1),
      })
      .prefault({}),
  })
  .transform(
    ({ name, params }): SamplerOptions => ({
      steps: params.steps,
      guidance: name === 'FlowEulerSampler' ? 0 : (params.cfg_strength ?? 3),
      interval: name === 'FlowEulerGuidanceIntervalSampler' ? params.cfg_interval : [0, 1],
      rescale: params.rescale_t,
    }),
  );

export const MOST_CANDIDATES = 100;

const perChannel = z.array(z.number()).min(1).max(1024);

const pipelineSchema = z.object({
  name: z.enum(['TrellisImageTo3DPipeline', 'TrellisTextTo3DPipeline']),
  args: z.object({
    models: z.record(z.string(), z.string()),
    frame: z.enum(FRAMES).default('canonical'),
    prediction: z.enum(['velocity', 'x0']).default('velocity'),
    candidates: z.number().int().min(1).max(MOST_CANDIDATES).default(1),
    image_cond_model: z.string().min(1).optional(),
    text_cond_model: z.string().min(1).optional(),
    sparse_structure_sampler: samplerSchema,
    slat_sampler: samplerSchema.optional(),
    slat_normalization: z
      .object({ mean: perChannel, std: perChannel })
      .refine(({ mean, std }) => mean.length === std.length, 'mean and std must be equally long')
      .optional(),
  }),
});

/** The encoder of the published text models; some revisions of their `pipeline.json` leave it out. */
const PUBLISHED_TEXT_ENCODER = 'openai/clip-vit-large-patch14';

/** @throws Error naming the file and the field that is not what it should be */
export function readPipelineFile(path: string, content: unknown): PipelineFile {
  const { name, args } = parsed(path, pipelineSchema, content);
  if (args.frame === 'view' && args.models.slat_flow_model !== undefined)
    throw new Error(
      `${path}: args.frame is "view", in which stage two has no frame of its own yet, and args.models has a slat_flow_model. Use another frame, or leave stage two out.`,
    );
  const takes = name === 'TrellisTextTo3DPipeline' ? 'text' : 'image';
  const named = takes === 'text' ? args.text_cond_model : args.image_cond_model;
  const withoutOne = takes === 'text' && !('text_cond_model' in args.models) ? PUBLISHED_TEXT_ENCODER : undefined;
  return {
    takes,
    frame: args.frame,
    prediction: args.prediction,
    candidates: args.candidates,
    models: args.models,
    promptEncoder: named ?? withoutOne,
    structureSampler: args.sparse_structure_sampler,
    latentSampler: args.slat_sampler,
    latentNormalization: args.slat_normalization,
  };
}
