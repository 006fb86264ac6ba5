import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors } from '../src/formats/index.ts';
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
}

/** Tiny networks in the form of the published models: every field that those have is there. */
export async function saveOfficialFolder(
  folder: string,
  { takes, models = {}, encoder, withEncoder = true }: OfficialFolder,
): Promise<void> {
  const picture = takes === 'image';
  const name = encoder ?? (picture ? 'dinov2_vitl14_reg' : 'openai/clip-vit-large-patch14');
  await saveToyModel(folder, picture ? 60 : 64);
  const { args } = JSON.parse(readFileSync(join(folder, 'pipeline.json'), 'utf8'));
  const { image_cond_model: _, ...toys } = args.models;
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
