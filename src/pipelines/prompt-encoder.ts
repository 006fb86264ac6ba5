/** The network that reads prompts: where its files are, what they say, and opening it. */
import { z } from 'zod';
import {
  type ClipTokenizer,
  type Conditioner,
  clipTokenizer,
  clipTokenizerFromJson,
  openConditioner,
  type PromptEncoder,
  tokensPerPrompt,
} from '../stages/0-condition/index.ts';
import type { Device } from '../tensor/index.ts';
import { type HubOptions, hubRepository, isHubId } from './hub/index.ts';
import { parsed, readJson, readText } from './json-file.ts';
import type { ModelFolder } from './model-folder.ts';
import type { ModelSource } from './model-source.ts';
import { checkedNetwork, type NetworkOf, openWeights, type WeightsOptions } from './network.ts';
import type { ClassName } from './network-classes.ts';

export type PictureEncoderNetwork = NetworkOf<'PatchEncoder' | 'DinoVisionTransformer'>;
export type TextEncoderNetwork = NetworkOf<'CLIPTextModel'> & { readonly tokenizer: ClipTokenizer };

/** The torch hub's names of the picture encoders → repositories that hold the same weights as safetensors. */
const HUB_OF: Record<string, string> = {
  dinov2_vits14_reg: 'facebook/dinov2-with-registers-small',
  dinov2_vitb14_reg: 'facebook/dinov2-with-registers-base',
  dinov2_vitl14_reg: 'facebook/dinov2-with-registers-large',
};

/** `config.json` of the Hugging Face library → the class and the options of our component files. */
const libraryConfig = z.union([
  z
    .object({
      model_type: z.literal('dinov2_with_registers'),
      image_size: z.number().optional(),
      patch_size: z.number().optional(),
      hidden_size: z.number(),
      num_hidden_layers: z.number(),
      num_attention_heads: z.number(),
      mlp_ratio: z.number().optional(),
      num_register_tokens: z.number().default(4),
      use_swiglu_ffn: z.literal(false).optional(),
    })
    .transform((c) => ({
      name: 'DinoVisionTransformer' as const,
      options: {
        img_size: c.image_size,
        patch_size: c.patch_size,
        embed_dim: c.hidden_size,
        depth: c.num_hidden_layers,
        num_heads: c.num_attention_heads,
        mlp_ratio: c.mlp_ratio,
        num_register_tokens: c.num_register_tokens,
      } as object,
    })),
  z
    .object({ model_type: z.literal('clip'), text_config: z.record(z.string(), z.unknown()) })
    .transform((c) => ({ name: 'CLIPTextModel' as const, options: c.text_config as object })),
  z
    .looseObject({ model_type: z.literal('clip_text_model') })
    .transform((c) => ({ name: 'CLIPTextModel' as const, options: c as object })),
]);

/**
 * The encoder named beside `models` in a `pipeline.json`: a folder of the model itself with `config.json` and
 * `model.safetensors`, else a repository of the Hub that has them.
 * @throws Error saying where it was looked for
 */
export async function namedPromptEncoder(
  source: ModelSource,
  name: string,
  takes: ModelFolder['takes'],
  hub: HubOptions,
): Promise<PictureEncoderNetwork | TextEncoderNetwork> {
  let [home, stem, config] = [source, `${name}/`, await source.find(`${name}/config.json`)];
  const id = HUB_OF[name] ?? name;
  if (config === undefined && isHubId(id)) {
    [home, stem] = [hubRepository(id, hub), ''];
    config = await home.find('config.json');
  }
  const weights = config === undefined ? undefined : await home.look(`${stem}model.safetensors`);
  if (config === undefined || weights === undefined)
    throw new Error(
      `${source.name}: the prompt encoder "${name}" needs config.json and model.safetensors in the folder "${name}" of the model or in the Hub repository ${isHubId(id) ? id : '(this name is none)'}; ${home.name} has no ${config ? 'model.safetensors' : 'config.json'}.`,
    );
  const { name: className, options } = parsed(config, libraryConfig, await readJson(config));
  if ((className === 'CLIPTextModel') !== (takes === 'text'))
    throw new Error(
      `${config}: expected an encoder of ${takes === 'text' ? 'texts' : 'pictures'}, got a ${className}.`,
    );
  const network = await checkedNetwork<ClassName>(className, weights, options, config);
  return network.name === 'CLIPTextModel'
    ? { ...network, tokenizer: await tokenizerOf(home, stem) }
    : (network as PictureEncoderNetwork);
}

/** The tokenizer in files beside a text encoder: `vocab.json` with `merges.txt`, else `tokenizer.json`. */
export async function tokenizerOf(source: ModelSource, stem: string): Promise<ClipTokenizer> {
  const [vocab, merges] = [await source.find(`${stem}vocab.json`), await source.find(`${stem}merges.txt`)];
  const whole = vocab && merges ? undefined : await source.find(`${stem}tokenizer.json`);
  if (!(vocab && merges) && !whole)
    throw new Error(
      `${source.name}: the text encoder needs ${stem}vocab.json with ${stem}merges.txt, or ${stem}tokenizer.json; found none. Fetch them from the repository that the encoder is from.`,
    );
  try {
    if (whole) return clipTokenizerFromJson(await readText(whole));
    return clipTokenizer(await readText(vocab as string), await readText(merges as string));
  } catch (error) {
    throw new Error(`${whole ?? vocab}: ${(error as Error).message}`, { cause: error });
  }
}

/** The network of a model that reads its prompts. */
export function promptNetwork(model: ModelFolder): PictureEncoderNetwork | TextEncoderNetwork {
  const { image_cond_model, text_cond_model } = model.networks;
  const network = model.takes === 'text' ? text_cond_model : image_cond_model;
  if (!network) throw new Error('internal: a model was loaded without its prompt encoder.');
  return network;
}

/** A model's prompt encoder made ready to read prompts. Owned by the caller. */
export async function openPromptEncoder(
  model: ModelFolder,
  device: Device | 'auto' = 'cpu',
  options: WeightsOptions = {},
): Promise<Conditioner> {
  const network = promptNetwork(model);
  return openConditioner(network as PromptEncoder, await openWeights(network, options), device);
}

/** T, tokens of every prompt of a model. */
export function promptTokenCount(model: ModelFolder): number {
  return tokensPerPrompt(promptNetwork(model) as PromptEncoder);
}

/** Pixels per side to which pictures for this model are prepared. @throws Error when it takes text */
export function pictureSizeOf(model: ModelFolder): number {
  const { image_cond_model } = model.networks;
  if (!image_cond_model)
    throw new Error(`${model.folder} makes assets from text, not from pictures. Give a text prompt, or another model.`);
  return image_cond_model.config.image_size;
}
