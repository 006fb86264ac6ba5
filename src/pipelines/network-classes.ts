/**
 * The networks that a model folder may name, one row each: how the options in its component file are read, and a graph
 * whose building declares its weights. A new network is a row here.
 */
import { z } from 'zod';
import { type SparseGrid, sparseGrid } from '../sparse/index.ts';
import {
  type ClipTextConfig,
  clipTextUnused,
  type Dinov2Config,
  dinov2Unused,
  type PatchEncoderConfig,
  type PitchHeadConfig,
  pitchHead,
  promptEncoderGraph,
} from '../stages/0-condition/index.ts';
import {
  PITCH_BINS,
  type StructureDecoderConfig,
  type StructureEncoderConfig,
  type StructureFlowConfig,
  structureDecoder,
  structureEncoder,
  structureFlow,
  structureFlowBuffers,
} from '../stages/1-structure/index.ts';
import {
  type LatentEncoderConfig,
  type LatentFlowConfig,
  latentEncoder,
  latentFlow,
} from '../stages/2-latent/index.ts';
import {
  type GaussianDecoderConfig,
  gaussianDecoder,
  gaussianDecoderBuffers,
  type MeshDecoderConfig,
  meshDecoder,
  type RadianceFieldDecoderConfig,
  radianceFieldDecoder,
} from '../stages/3-decode/index.ts';
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

/** Of a stored position embedding, the largest published one has 5 million; and of other numbers that a network is built with. */
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

/** The options that the encoder and the decoders of the structured latent have. */
const latentBody = {
  resolution: side,
  latent_channels: channels,
  model_channels: channels,
  num_blocks: count,
  num_heads: count.optional(),
  num_head_channels: channels.optional(),
  mlp_ratio: ratio.optional(),
  attn_mode: z.enum(['swin', 'full']).optional(),
  window_size: side.optional(),
  pe_mode: z.literal('ape').optional(),
  qk_rms_norm: z.boolean().optional(),
  use_fp16: z.boolean().optional(),
};

const positive = z.number().positive().max(1000);

const reads =
  <C>(schema: z.ZodType<C>) =>
  (options: unknown) =>
    schema.safeParse(options);

/** A row, checked as one. */
const row = <C>(one: NetworkClass<C>): NetworkClass<C> => one;

/** A scope in which a network over active voxels has declared its weights. */
function declaredOnVoxels(build: (p: Scope, grid: SparseGrid) => unknown): Scope {
  const [p, grid] = [scope(), sparseGrid()];
  build(p, grid);
  return p;
}

const latent = (grid: SparseGrid, width: number) => input('latent', [grid.rows, width]);

const notNormsNorPositions = '(?!.*(norm|gamma|pos_emb))';

const latentTorso = new RegExp(`^${notNormsNorPositions}blocks\\.`);

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
  PitchHead: row({
    read: reads<PitchHeadConfig>(z.object({ cond_channels: channels, num_bins: z.literal(PITCH_BINS) })),
    declare: (config: PitchHeadConfig) => {
      const p = scope();
      pitchHead(config, p, input('tokens', [1, 1, config.cond_channels]));
      return p;
    },
    torso: /^$/,
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
        .object({ ...flowOptions, pixel_aligned_grid: side.optional() })
        .refine((c) => (c.resolution / (c.patch_size ?? 2)) ** 3 * c.model_channels <= MOST_POSITIONS, {
          message: `the position embedding would have more than ${MOST_POSITIONS} values`,
        })
        .refine(
          ({ pixel_aligned_grid: g = 0, ...c }) =>
            (c.resolution / (c.patch_size ?? 2) + g) ** 2 * g ** 2 <= MOST_POSITIONS,
          {
            message: `the weights of patches over tokens would be more than ${MOST_POSITIONS}`,
          },
        ),
    ),
    declare: (config: StructureFlowConfig) => {
      const p = scope();
      const r = config.resolution;
      structureFlow(
        config,
        p,
        input('x', [1, config.in_channels, r, r, r]),
        input('t', [1]),
        input('cond', [1, config.pixel_aligned_grid ? config.pixel_aligned_grid ** 2 : 1, config.cond_channels]),
      );
      return p;
    },
    torso: new RegExp(`^${notNormsNorPositions}(blocks|adaLN_modulation|aligned_layer)\\.`),
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
  SLatFlowModel: row({
    read: reads<LatentFlowConfig>(
      z.object({
        ...flowOptions,
        qk_rms_norm_cross: z.literal(false).optional(),
        num_io_res_blocks: z.number().int().min(1).max(64).optional(),
        io_block_channels: z.array(channels).length(1).nullable().optional(),
        use_skip_connection: z.boolean().optional(),
      }),
    ),
    declare: (config: LatentFlowConfig) =>
      declaredOnVoxels((p, grid) =>
        latentFlow(
          config,
          p,
          grid,
          input('x', [grid.rows, config.in_channels]),
          input('t', [1]),
          input('cond', [1, 1, config.cond_channels]),
        ),
      ),
    torso: /^(input_blocks|blocks|out_blocks)\.(?!.*(norm\d|gamma))/,
  }),
  SLatEncoder: row({
    read: reads<LatentEncoderConfig>(z.object({ in_channels: channels, ...latentBody })),
    declare: (config: LatentEncoderConfig) =>
      declaredOnVoxels((p, grid) => latentEncoder(config, p, grid, input('feats', [grid.rows, config.in_channels]))),
    torso: latentTorso,
  }),
  SLatGaussianDecoder: row({
    read: reads<GaussianDecoderConfig>(
      z.object({
        ...latentBody,
        representation_config: z.object({
          lr: z.object({
            _xyz: positive,
            _features_dc: positive,
            _opacity: positive,
            _scaling: positive,
            _rotation: positive,
          }),
          perturb_offset: z.boolean(),
          voxel_size: z.number().min(1, 'must be 1 or more, so that Gaussians reach all of their voxel').max(64),
          num_gaussians: count,
          '2d_filter_kernel_size': z.number().min(0).max(64),
          '3d_filter_kernel_size': z.number().min(0).max(1),
          scaling_bias: z.number().positive().max(1),
          opacity_bias: z.number().gt(0).lt(1),
          scaling_activation: z.literal('softplus'),
        }),
      }),
    ),
    declare: (config: GaussianDecoderConfig) =>
      declaredOnVoxels((p, grid) => gaussianDecoder(config, p, grid, latent(grid, config.latent_channels))),
    torso: latentTorso,
    buffers: gaussianDecoderBuffers,
  }),
  SLatRadianceFieldDecoder: row({
    read: reads<RadianceFieldDecoderConfig>(
      z.object({
        ...latentBody,
        representation_config: z.object({ rank: count, dim: z.number().int().min(2).max(256) }),
      }),
    ),
    declare: (config: RadianceFieldDecoderConfig) =>
      declaredOnVoxels((p, grid) => radianceFieldDecoder(config, p, grid, latent(grid, config.latent_channels))),
    torso: latentTorso,
  }),
  SLatMeshDecoder: row({
    read: reads<MeshDecoderConfig>(
      z.object({
        ...latentBody,
        representation_config: z.object({ use_color: z.boolean().default(false) }),
      }),
    ),
    declare: (config: MeshDecoderConfig) =>
      declaredOnVoxels((p, grid) => meshDecoder(config, p, grid, latent(grid, config.latent_channels))),
    // `act_layers.0` and `out_layers.1` of the subdivision blocks are norms
    torso: /^(blocks|upsample)\.(?!.*(gamma|act_layers|out_layers\.1\.))/,
  }),
};

export type ClassName = keyof typeof networkClasses;

/** The configuration of a class. */
export type ConfigOf<N extends ClassName> = (typeof networkClasses)[N] extends NetworkClass<infer C> ? C : never;

/** What each role of a `pipeline.json` may be filled with. */
export const roleClasses = {
  image_cond_model: ['PatchEncoder', 'DinoVisionTransformer'],
  text_cond_model: ['CLIPTextModel'],
  camera_pitch_model: ['PitchHead'],
  sparse_structure_flow_model: ['SparseStructureFlowModel'],
  sparse_structure_decoder: ['SparseStructureDecoder'],
  sparse_structure_encoder: ['SparseStructureEncoder'],
  slat_flow_model: ['SLatFlowModel'],
  slat_decoder_gs: ['SLatGaussianDecoder'],
  slat_decoder_rf: ['SLatRadianceFieldDecoder'],
  slat_decoder_mesh: ['SLatMeshDecoder'],
  slat_encoder: ['SLatEncoder'],
} as const satisfies Record<string, readonly ClassName[]>;

export type Role = keyof typeof roleClasses;

/** The class named in a component file: the variants that manage memory while training are the same networks. */
export const plainClassName = (name: string): string => name.replace(/^Elastic/, '');
