/**
 * The networks that a model folder may name, one row each: how the options in its component file are read, and a graph
 * whose building declares its weights. A new network is a row here.
 */
import { z } from 'zod';
import {
  type ClipTextConfig,
  clipTextUnused,
  type Dinov2Config,
  dinov2Unused,
  type PatchEncoderConfig,
  promptEncoderGraph,
} from '../stages/0-condition/index.ts';
import {
  type StructureDecoderConfig,
  type StructureEncoderConfig,
  type StructureFlowConfig,
  structureDecoder,
  structureEncoder,
  structureFlow,
  structureFlowBuffers,
} from '../stages/1-structure/index.ts';
import { input, type Scope, scope } from '../tensor/index.ts';

export interface NetworkClass<C> {
  /** the options of a component file → the configuration; `keys` are the tensors of its weight file */
  read(options: unknown, keys: ReadonlySet<string>): z.ZodSafeParseResult<C>;
  /** a scope in which the network has declared its weights */
  declare(config: C): Scope;
  /** weights of inner layers, which are saved in half precision, as the published files have them (reference/models.md §2.3) */
  torso: RegExp;
  /** weights that are stored and not trained */
  buffers?: readonly string[];
  /** tensors that a file may hold besides */
  unused?: RegExp;
}

// Bounds far above every published network: a crafted configuration must not make the reader allocate.
const count = z.number().int().positive().max(1024);
const channels = z.number().int().positive().max(65_536);
const side = z.number().int().positive().max(256);
const pixels = z.number().int().positive().max(4096);
const ratio = z.number().positive().max(64);

/** Of a stored position embedding; the largest published one has 5 million. */
const MOST_POSITIONS = 2 ** 26;

const autoencoder = {
  latent_channels: channels,
  num_res_blocks: z.number().int().min(0).max(64),
  channels: z.array(channels).min(1).max(6),
  num_res_blocks_middle: z.number().int().min(0).max(64).optional(),
  norm_type: z.enum(['layer', 'group']).optional(),
  use_fp16: z.boolean().optional(),
};

/** The options that both flow networks have. */
export const flowOptions = {
  resolution: side,
  in_channels: channels,
  out_channels: channels,
  model_channels: channels,
  cond_channels: channels,
  num_blocks: count,
  num_heads: count.optional(),
  num_head_channels: channels.optional(),
  mlp_ratio: ratio.optional(),
  patch_size: side.optional(),
  pe_mode: z.literal('ape').optional(),
  qk_rms_norm: z.boolean().optional(),
  qk_rms_norm_cross: z.boolean().optional(),
  share_mod: z.boolean().optional(),
  use_fp16: z.boolean().optional(),
};

const reads =
  <C>(schema: z.ZodType<C>) =>
  (options: unknown) =>
    schema.safeParse(options);

/** A row, checked as one. */
const row = <C>(one: NetworkClass<C>): NetworkClass<C> => one;

const notNormsNorPositions = '(?!.*(norm|gamma|pos_emb))';

export const networkClasses = {
  PatchEncoder: row({
    read: reads<PatchEncoderConfig>(
      z.object({
        image_size: pixels,
        patch_size: pixels,
        model_channels: channels,
        num_blocks: count,
        num_heads: count,
      }),
    ),
    declare: (config: PatchEncoderConfig) => {
      const p = scope();
      promptEncoderGraph({ name: 'PatchEncoder', config }, p);
      return p;
    },
    torso: new RegExp(`^${notNormsNorPositions}blocks\\.`),
  }),
  DinoVisionTransformer: row({
    read: (options: unknown, keys: ReadonlySet<string>) =>
      z
        .object({
          img_size: pixels.default(518),
          patch_size: pixels.default(14),
          embed_dim: channels,
          depth: count,
          num_heads: count,
          mlp_ratio: ratio.default(4),
          num_register_tokens: z.number().int().min(0).max(64),
          ffn_layer: z.literal('mlp').optional(),
        })
        .transform(
          ({ img_size, ffn_layer: _, ...rest }): Dinov2Config => ({
            ...rest,
            image_size: img_size,
            naming: keys.has('cls_token') ? 'hub' : 'huggingface',
          }),
        )
        .safeParse(options),
    declare: (config: Dinov2Config) => {
      const p = scope();
      promptEncoderGraph({ name: 'DinoVisionTransformer', config }, p);
      return p;
    },
    torso: /^$/,
    unused: dinov2Unused,
  }),
  CLIPTextModel: row({
    read: (options: unknown, keys: ReadonlySet<string>) =>
      z
        .object({
          vocab_size: z.number().int().positive().max(1_000_000).default(49408),
          max_position_embeddings: z.number().int().min(3).max(1024).default(77),
          hidden_size: channels.default(512),
          num_hidden_layers: count.default(12),
          num_attention_heads: count.default(8),
          intermediate_size: channels.default(2048),
          hidden_act: z.literal('quick_gelu').default('quick_gelu'),
          layer_norm_eps: z.literal(1e-5).default(1e-5),
        })
        .transform(
          (c): ClipTextConfig => ({
            vocab_size: c.vocab_size,
            max_positions: c.max_position_embeddings,
            width: c.hidden_size,
            layers: c.num_hidden_layers,
            heads: c.num_attention_heads,
            mlp_width: c.intermediate_size,
            naming: keys.has('positional_embedding') ? 'openai' : 'huggingface',
          }),
        )
        .safeParse(options),
    declare: (config: ClipTextConfig) => {
      const p = scope();
      promptEncoderGraph({ name: 'CLIPTextModel', config }, p);
      return p;
    },
    torso: /^$/,
    unused: clipTextUnused,
  }),
  SparseStructureFlowModel: row({
    read: reads<StructureFlowConfig>(
      z
        .object(flowOptions)
        .refine((c) => (c.resolution / (c.patch_size ?? 2)) ** 3 * c.model_channels <= MOST_POSITIONS, {
          message: `the position embedding would have more than ${MOST_POSITIONS} values`,
        }),
    ),
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
    torso: new RegExp(`^${notNormsNorPositions}(blocks|adaLN_modulation)\\.`),
    buffers: structureFlowBuffers,
  }),
  SparseStructureDecoder: row({
    read: reads<StructureDecoderConfig>(z.object({ out_channels: channels, ...autoencoder })),
    declare: (config: StructureDecoderConfig) => {
      const p = scope();
      structureDecoder(config, p, input('latent', [1, config.latent_channels, 4, 4, 4]));
      return p;
    },
    torso: new RegExp(`^${notNormsNorPositions}(blocks|middle_block)\\.`),
  }),
  SparseStructureEncoder: row({
    read: reads<StructureEncoderConfig>(z.object({ in_channels: channels, ...autoencoder })),
    declare: (config: StructureEncoderConfig) => {
      const p = scope();
      const r = 2 ** (config.channels.length + 1);
      structureEncoder(config, p, input('ss', [1, config.in_channels, r, r, r]));
      return p;
    },
    torso: new RegExp(`^${notNormsNorPositions}(blocks|middle_block)\\.`),
  }),
};

export type ClassName = keyof typeof networkClasses;

/** The configuration of a class. */
export type ConfigOf<N extends ClassName> = (typeof networkClasses)[N] extends NetworkClass<infer C> ? C : never;

/** What each role of a `pipeline.json` may be filled with. The classes of stage 2 are those of the official files. */
export const roleClasses = {
  image_cond_model: ['PatchEncoder', 'DinoVisionTransformer'],
  text_cond_model: ['CLIPTextModel'],
  sparse_structure_flow_model: ['SparseStructureFlowModel'],
  sparse_structure_decoder: ['SparseStructureDecoder'],
  sparse_structure_encoder: ['SparseStructureEncoder'],
  slat_flow_model: ['SLatFlowModel'],
  slat_decoder_gs: ['SLatGaussianDecoder'],
  slat_decoder_rf: ['SLatRadianceFieldDecoder'],
  slat_decoder_mesh: ['SLatMeshDecoder'],
  slat_encoder: ['SLatEncoder'],
} as const satisfies Record<string, readonly string[]>;

export type Role = keyof typeof roleClasses;

/** The class named in a component file: the variants that manage memory while training are the same networks. */
export const plainClassName = (name: string): string => name.replace(/^Elastic/, '');

export const isClassName = (name: string): name is ClassName => Object.hasOwn(networkClasses, name);
