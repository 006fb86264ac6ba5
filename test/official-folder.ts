import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors, toFloat32, writeSafetensors } from '../src/formats/index.ts';
import { type ClassName, type NetworkClass, networkClasses } from '../src/pipelines/network-classes.ts';
import { initialize, torchGenerator } from '../src/tensor/index.ts';
import { golden } from './golden.ts';
import { saveToyModel } from './toy-model.ts';

const sampler = (cfg_strength: number, cfg_interval: number[]) => ({
  name: 'FlowEulerGuidanceIntervalSampler',
  args: { sigma_min: 1e-5 },
  params: { steps: 3, cfg_strength, cfg_interval, rescale_t: 3 },
});

/** The settings of a published `pipeline.json`, which name the prompt encoder beside `models`. */
export interface OfficialFolder {
  takes: 'image' | 'text';
  /** component paths that replace those of the toy networks, or add roles */
  models?: Record<string, string>;
  /** 'dinov2_vitl14_reg' or 'openai/clip-vit-large-patch14', unless given */
  encoder?: string;
  /** the prompt encoder in a folder of its name, as a snapshot of its repository; false leaves it out */
  withEncoder?: boolean;
  /** networks of stages two and three; the structure is then the frame of the grid's edges, 752 voxels, whatever the prompt */
  withLatent?: boolean;
}

/** Tiny networks in the form of the published models: every field that those have is there. */
export async function saveOfficialFolder(
  folder: string,
  { takes, models = {}, encoder, withEncoder = true, withLatent = false }: OfficialFolder,
): Promise<void> {
  const picture = takes === 'image';
  const name = encoder ?? (picture ? 'dinov2_vitl14_reg' : 'openai/clip-vit-large-patch14');
  await saveToyModel(folder, picture ? 60 : 64);
  const { args } = JSON.parse(readFileSync(join(folder, 'pipeline.json'), 'utf8'));
  const { image_cond_model: _, ...toys } = args.models;
  if (withLatent) {
    leaveOnlyEdges(join(folder, `${toys.sparse_structure_decoder}.safetensors`));
    Object.assign(toys, saveLatentNetworks(folder, picture ? 60 : 64));
  }
  writeFileSync(
    join(folder, 'pipeline.json'),
    JSON.stringify({
      name: picture ? 'TrellisImageTo3DPipeline' : 'TrellisTextTo3DPipeline',
      args: {
        models: { ...toys, unheard_of: 'ckpts/unheard_of', ...models },
        sparse_structure_sampler: sampler(5, [0.5, 1]),
        slat_sampler: sampler(7.5, [0.5, 0.95]),
        slat_normalization: { mean: [-2.1, 0, 0.1, 0, 0, 0, 0, 0], std: [2.3, 2, 2, 2, 2, 2, 2, 2] },
        [picture ? 'image_cond_model' : 'text_cond_model']: name,
      },
    }),
  );
  if (withEncoder) savePromptEncoder(join(folder, name), takes);
}

/** The decoder's logits become almost constant, but for the padding: above 0 where three or more faces of the grid are near. */
export function leaveOnlyEdges(path: string): void {
  const tensors = Object.fromEntries(
    [...readSafetensors(readFileSync(path)).tensors].map(([key, t]) => [
      key,
      { shape: t.shape, data: toFloat32(t).slice() },
    ]),
  );
  const set = (key: string, value: number) => tensors[key].data.fill(value);
  set('out_layer.0.weight', 0.02); // what is left of the latent
  set('out_layer.0.bias', 1);
  set('out_layer.2.weight', -1);
  // Each of the 4 channels brings silu(1) = 0.73 from each neighbor inside: 27 of them, 18 at a face, 12 at an edge.
  set('out_layer.2.bias', 15 * 4 * 0.7311);
  writeFileSync(path, writeSafetensors(tensors));
}

const body = { resolution: 64, latent_channels: 8, num_blocks: 1, num_heads: 2, mlp_ratio: 2, use_fp16: true };

/** Tiny networks of stages two and three with random weights. Returns the roles' components. */
function saveLatentNetworks(folder: string, cond_channels: number): Record<string, string> {
  const rng = torchGenerator(11);
  const save = (component: string, name: ClassName, args: object): string => {
    const path = join(folder, 'ckpts', component);
    writeFileSync(`${path}.json`, JSON.stringify({ name, args }));
    const { read, declare, torso } = networkClasses[name] as unknown as NetworkClass<object>;
    const config = read(args, new Set());
    if (!config.success) throw config.error;
    const weights = Object.fromEntries(
      [...declare(config.data).parameters].map(
        ([
          key,
          {
            shape,
            attributes: { init },
          },
        ]) => {
          const data = initialize(init.kind === 'zeros' ? { kind: 'normal', std: 0.02 } : init, shape, rng);
          return [
            key,
            { shape: shape as number[], data, dtype: torso.test(key) ? ('F16' as const) : ('F32' as const) },
          ];
        },
      ),
    );
    writeFileSync(`${path}.safetensors`, writeSafetensors(weights));
    return `ckpts/${component}`;
  };
  return {
    slat_flow_model: save('slat_flow', 'SLatFlowModel', {
      resolution: 64,
      in_channels: 8,
      out_channels: 8,
      model_channels: 32,
      cond_channels,
      num_blocks: 1,
      num_heads: 2,
      mlp_ratio: 2,
      patch_size: 2,
      num_io_res_blocks: 1,
      io_block_channels: [16],
      qk_rms_norm: true,
      use_fp16: true,
    }),
    slat_decoder_gs: save('slat_gs', 'SLatGaussianDecoder', {
      ...body,
      model_channels: 32,
      representation_config: {
        lr: { _xyz: 1, _features_dc: 1, _opacity: 1, _scaling: 1, _rotation: 0.1 },
        perturb_offset: true,
        voxel_size: 1.5,
        num_gaussians: 4,
        '2d_filter_kernel_size': 0.1,
        '3d_filter_kernel_size': 9e-4,
        scaling_bias: 4e-3,
        opacity_bias: 0.1,
        scaling_activation: 'softplus',
      },
    }),
    slat_decoder_rf: save('slat_rf', 'SLatRadianceFieldDecoder', {
      ...body,
      model_channels: 32,
      representation_config: { rank: 2, dim: 4 },
    }),
    slat_decoder_mesh: save('slat_mesh', 'SLatMeshDecoder', {
      ...body,
      model_channels: 256, // the smallest whose eighth has 32 groups
      representation_config: { use_color: true },
    }),
    slat_encoder: save('slat_encoder', 'SLatEncoder', { ...body, in_channels: 16, model_channels: 32 }),
  };
}

/** A snapshot of a prompt encoder's repository: configuration, weights, tokenizer. */
export function savePromptEncoder(folder: string, takes: 'image' | 'text'): void {
  mkdirSync(folder, { recursive: true });
  const file = golden(takes === 'image' ? 'dinov2_reg_hf' : 'clip_text_hf');
  const weights = file.below('model.');
  const write = (config: object) => writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  if (takes === 'image') {
    const { img_size, patch_size, embed_dim, depth, num_heads, num_register_tokens } = file.config;
    write({
      model_type: 'dinov2_with_registers',
      image_size: img_size,
      patch_size,
      hidden_size: embed_dim,
      num_hidden_layers: depth,
      num_attention_heads: num_heads,
      num_register_tokens,
      use_swiglu_ffn: false,
    });
  } else {
    // The golden network knows 300 pieces; the tokenizer's ids go up to 49407.
    const words = weights['text_model.embeddings.token_embedding.weight'];
    const data = Float32Array.from({ length: 49408 * 64 }, (_, i) => words.data[i % words.data.length]);
    weights['text_model.embeddings.token_embedding.weight'] = { shape: [49408, 64], data };
    write({ model_type: 'clip', text_config: { ...file.config, vocab_size: 49408 }, vision_config: {} });
    for (const name of ['vocab.json', 'merges.txt'])
      copyFileSync(new URL(`./golden/clip_pieces/${name}`, import.meta.url), join(folder, name));
    Object.assign(weights, { logit_scale: { shape: [], data: new Float32Array(1) } });
  }
  writeFileSync(join(folder, 'model.safetensors'), writeSafetensors(weights));
}
