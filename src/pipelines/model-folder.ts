import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { z } from 'zod';
import type { Prediction } from '../flow/index.ts';
import { readSafetensors, toFloat32, writeSafetensors } from '../formats/index.ts';
import { type PatchEncoderConfig, patchEncoder } from '../stages/0-condition/index.ts';
import {
  type Frame,
  type StructureDecoderConfig,
  type StructureEncoderConfig,
  type StructureFlowConfig,
  type StructureSamplerOptions,
  structureDecoder,
  structureEncoder,
  structureFlow,
  structureFlowBuffers,
} from '../stages/1-structure/index.ts';
import { input, scope, showShape } from '../tensor/index.ts';

/** A folder in TRELLIS's layout: `pipeline.json`, and `<component>.json` with `<component>.safetensors` for each network. */
export interface ModelFolder {
  folder: string;
  structureSampler: StructureSamplerOptions;
  /** frame of the shapes it makes; `args.frame` of the pipeline file, which published ones lack */
  frame: Frame;
  /** what the flow network puts out; `args.prediction` of the pipeline file, which published ones lack */
  prediction: Prediction;
  /** network by role */
  networks: Networks;
}

export interface Networks {
  image_cond_model: Network<PatchEncoderConfig>;
  sparse_structure_flow_model: Network<StructureFlowConfig>;
  sparse_structure_decoder: Network<StructureDecoderConfig>;
  sparse_structure_encoder?: Network<StructureEncoderConfig>;
}

export interface Network<C> {
  /** class name of the component file */
  name: string;
  config: C;
  weights: Record<string, Float32Array>;
  shapes: Readonly<Record<string, readonly number[]>>;
  dtypes: Readonly<Record<string, string>>;
  parameters: number;
  bytes: number;
}

const positive = z.number().int().positive();

const pipelineSchema = z.object({
  name: z.string(),
  args: z.object({
    models: z.record(z.string(), z.string()),
    frame: z.enum(['canonical', 'picture']).default('canonical'),
    prediction: z.enum(['velocity', 'x0']).default('velocity'),
    sparse_structure_sampler: z.object({
      name: z.string(),
      args: z.object({ sigma_min: z.number() }).partial().optional(),
      params: z.object({
        steps: positive,
        cfg_strength: z.number().min(0).default(0),
        cfg_interval: z.tuple([z.number(), z.number()]).default([0, 1]),
        rescale_t: z.number().positive().default(1),
      }),
    }),
  }),
});

const autoencoder = {
  latent_channels: positive,
  num_res_blocks: z.number().int().min(0),
  channels: z.array(positive).min(1),
  num_res_blocks_middle: z.number().int().min(0).optional(),
  norm_type: z.enum(['layer', 'group']).optional(),
  use_fp16: z.boolean().optional(),
};

const flowSchema = z.object({
  resolution: positive,
  in_channels: positive,
  out_channels: positive,
  model_channels: positive,
  cond_channels: positive,
  num_blocks: positive,
  num_heads: positive.optional(),
  num_head_channels: positive.optional(),
  mlp_ratio: z.number().positive().optional(),
  patch_size: positive.optional(),
  pe_mode: z.literal('ape').optional(),
  qk_rms_norm: z.boolean().optional(),
  qk_rms_norm_cross: z.boolean().optional(),
  share_mod: z.boolean().optional(),
  use_fp16: z.boolean().optional(),
});

/** Per class: how its options are read, and a graph whose building declares its weights. */
const classes = {
  PatchEncoder: {
    schema: z.object({
      image_size: positive,
      patch_size: positive,
      model_channels: positive,
      num_blocks: positive,
      num_heads: positive,
    }),
    declare: (config: PatchEncoderConfig) => {
      const p = scope();
      patchEncoder(config, p, input('pictures', [1, config.image_size, config.image_size, 3]));
      return p;
    },
  },
  SparseStructureFlowModel: {
    schema: flowSchema,
    declare: (config: StructureFlowConfig) => {
      const p = scope();
      const r = config.resolution;
      structureFlow(
        config,
        p,
        input('x', [1, config.in_channels, r, r, r]),
        input('t', [1]),
        input('cond', [1, 1, config.cond_channels]),
      );
      return p;
    },
  },
  SparseStructureDecoder: {
    schema: z.object({ out_channels: positive, ...autoencoder }),
    declare: (config: StructureDecoderConfig) => {
      const p = scope();
      structureDecoder(config, p, input('latent', [1, config.latent_channels, 4, 4, 4]));
      return p;
    },
  },
  SparseStructureEncoder: {
    schema: z.object({ in_channels: positive, ...autoencoder }),
    declare: (config: StructureEncoderConfig) => {
      const p = scope();
      const side = 2 ** (config.channels.length + 1);
      structureEncoder(config, p, input('ss', [1, config.in_channels, side, side, side]));
      return p;
    },
  },
};

type ClassName = keyof typeof classes;

/** Which class each role takes. */
const roles: { [R in keyof Networks]-?: ClassName } = {
  image_cond_model: 'PatchEncoder',
  sparse_structure_flow_model: 'SparseStructureFlowModel',
  sparse_structure_decoder: 'SparseStructureDecoder',
  sparse_structure_encoder: 'SparseStructureEncoder',
};

/**
 * Reads a model folder and checks every weight's name and shape against its network.
 * @throws Error naming the file or tensor, what was expected and what was found
 */
export async function loadModel(folder: string): Promise<ModelFolder> {
  const path = join(folder, 'pipeline.json');
  const { args } = parsed(path, pipelineSchema, await json(path, `"${folder}" is not a model folder`));
  const networks: Partial<Record<keyof Networks, Network<never>>> = {};
  for (const [role, className] of Object.entries(roles) as [keyof Networks, ClassName][]) {
    const component = args.models[role];
    if (component !== undefined) networks[role] = await loadNetwork(folder, component, className);
    else if (role !== 'sparse_structure_encoder')
      throw new Error(
        `${path}: args.models lacks "${role}", a component path such as "ckpts/…". It has: ${Object.keys(args.models).join(', ') || 'none'}.`,
      );
  }
  const { params } = args.sparse_structure_sampler;
  return {
    folder,
    structureSampler: {
      steps: params.steps,
      guidance: params.cfg_strength,
      interval: params.cfg_interval,
      rescale: params.rescale_t,
    },
    frame: args.frame,
    prediction: args.prediction,
    networks: networks as unknown as Networks,
  };
}

async function loadNetwork(folder: string, component: string, expected: ClassName): Promise<Network<never>> {
  const inside = normalize(component);
  if (inside.startsWith('..') || inside.startsWith('/'))
    throw new Error(`${folder}: the component "${component}" lies outside the model folder.`);
  const stem = join(folder, inside);
  const { name, args } = parsed(
    `${stem}.json`,
    z.object({ name: z.string(), args: z.unknown() }),
    await json(`${stem}.json`, 'the component is missing'),
  );
  if (name !== expected) throw new Error(`${stem}.json: expected a ${expected}, got "${name}".`);
  const { schema, declare } = classes[expected];
  const config = parsed(`${stem}.json`, schema as unknown as z.ZodType<never>, args);
  const file = `${stem}.safetensors`;
  const bytes = await bytesOf(file, 'the component has no weights');
  const { tensors } = readSafetensors(bytes);
  const declared = declare(config).parameters;
  const weights: Record<string, Float32Array> = {};
  const shapes: Record<string, readonly number[]> = {};
  const dtypes: Record<string, string> = {};
  let parameters = 0;
  for (const [key, p] of declared) {
    const found = tensors.get(key);
    if (!found)
      throw new Error(
        `${file}: lacks the tensor "${key}" ${showShape(p.shape)}. The file and ${stem}.json do not belong together.`,
      );
    if (showShape(found.shape) !== showShape(p.shape))
      throw new Error(`${file}: "${key}" must be ${showShape(p.shape)}, found ${showShape(found.shape)}.`);
    const values = toFloat32(found);
    if (!values.every(Number.isFinite))
      throw new Error(
        `${file}: "${key}" holds values that are not finite. The checkpoint is damaged; fetch or train it again.`,
      );
    weights[key] = values;
    shapes[key] = found.shape;
    dtypes[key] = found.dtype;
    if (!structureFlowBuffers.includes(key)) parameters += values.length;
  }
  for (const key of tensors.keys())
    if (!declared.has(key))
      throw new Error(`${file}: has the tensor "${key}", which a ${name} of this configuration does not.`);
  return { name, config, weights, shapes, dtypes, parameters, bytes: bytes.length };
}

/** A network to be saved: weights by official name. */
export interface SavedNetwork {
  component: string;
  name: ClassName;
  config: object;
  weights: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;
}

/**
 * Writes a model folder: large weights of the inner layers in half precision, as the published files have them. The
 * folder appears whole or not at all.
 */
export async function saveModel(
  folder: string,
  { sampler, frame, prediction }: { sampler: StructureSamplerOptions; frame: Frame; prediction: Prediction },
  networks: Readonly<Partial<Record<keyof Networks, SavedNetwork>>>,
): Promise<void> {
  const draft = `${folder}.${process.pid}.tmp`;
  await rm(draft, { recursive: true, force: true });
  try {
    for (const { component, name, config, weights } of Object.values(networks)) {
      const stem = join(draft, component);
      await mkdir(dirname(stem), { recursive: true });
      await writeFile(
        `${stem}.json`,
        `${JSON.stringify({ name, args: { ...config, use_fp16: name === 'PatchEncoder' ? undefined : true } }, undefined, 4)}\n`,
      );
      const stored = Object.fromEntries(
        Object.entries(weights).map(([key, { shape, data }]) => [
          key,
          { shape: [...shape], data, dtype: isTorso(name, key) ? ('F16' as const) : ('F32' as const) },
        ]),
      );
      await writeFile(`${stem}.safetensors`, writeSafetensors(stored));
    }
    const pipeline = {
      name: 'TrellisImageTo3DPipeline',
      args: {
        frame: frame === 'canonical' ? undefined : frame,
        prediction: prediction === 'velocity' ? undefined : prediction,
        models: Object.fromEntries(Object.entries(networks).map(([role, n]) => [role, n.component])),
        sparse_structure_sampler: {
          name: 'FlowEulerGuidanceIntervalSampler',
          args: { sigma_min: 1e-5 },
          params: {
            steps: sampler.steps,
            cfg_strength: sampler.guidance,
            cfg_interval: sampler.interval,
            rescale_t: sampler.rescale,
          },
        },
      },
    };
    await writeFile(join(draft, 'pipeline.json'), `${JSON.stringify(pipeline, undefined, 4)}\n`);
    await loadModel(draft); // what cannot be read back is not kept
    const old = `${folder}.${process.pid}.old`;
    const existed = await stat(folder).then(
      () => true,
      () => false,
    );
    if (existed) await rename(folder, old);
    await mkdir(dirname(folder), { recursive: true });
    await rename(draft, folder);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Linear and convolution layers inside the blocks are stored as F16, everything else as F32 (reference/models.md §2.3). */
function isTorso(name: ClassName, key: string): boolean {
  if (/norm|gamma|pos_emb/.test(key)) return false;
  return name === 'PatchEncoder' ? key.startsWith('blocks.') : /^(blocks|middle_block|adaLN_modulation)\./.test(key);
}

async function bytesOf(path: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(`${path}: ${what}; there is no such file.`);
    throw error;
  }
}

async function json(path: string, what: string): Promise<unknown> {
  const text = new TextDecoder().decode(await bytesOf(path, what));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path}: is not JSON (${(error as Error).message}).`);
  }
}

function parsed<T>(path: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`${path}: ${issue.path.join('.') || 'content'}: ${issue.message}.`);
}
