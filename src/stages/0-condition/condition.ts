import {
  compile,
  type Device,
  floats,
  input,
  integers,
  type Program,
  scope,
  type Tensor,
  type Weights,
} from '../../tensor/index.ts';
import { type ClipTextConfig, clipText } from './clip-text.ts';
import type { ClipTokenizer } from './clip-tokenizer.ts';
import { type Dinov2Config, dinov2Condition } from './dinov2.ts';
import { resizeLanczos } from './lanczos.ts';
import { type PatchEncoderConfig, patchEncoder } from './patch-encoder.ts';
import type { RgbPicture } from './prepare-picture.ts';

/** What a user asks with. Pictures are prepared: the object framed, on black. */
export type Prompt =
  | { readonly kind: 'image'; readonly images: readonly RgbPicture[] }
  | { readonly kind: 'text'; readonly text: string };

/** A network that reads prompts, by its class name. */
export type EncoderNetwork =
  | { readonly name: 'PatchEncoder'; readonly config: PatchEncoderConfig }
  | { readonly name: 'DinoVisionTransformer'; readonly config: Dinov2Config }
  | { readonly name: 'CLIPTextModel'; readonly config: ClipTextConfig };

/** The network, and what it needs besides weights. */
export type PromptEncoder =
  | Extract<EncoderNetwork, { name: 'PatchEncoder' | 'DinoVisionTransformer' }>
  | (Extract<EncoderNetwork, { name: 'CLIPTextModel' }> & { readonly tokenizer: ClipTokenizer });

/** A prompt encoder made ready. Owned by whoever opened it; `dispose` frees it. */
export interface Conditioner {
  /** T, tokens of every prompt */
  readonly tokens: number;
  /** K, channels of a token */
  readonly channels: number;
  /** Tokens of a prompt, flattened [B, T, K]: one row for each picture, or one for the text. */
  cond(prompt: Prompt): Promise<Float32Array>;
  /** Tokens of the empty prompt, flattened [1, T, K]: zeros for pictures, those of the empty text for texts. */
  uncond(): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** Pixels per side to which pictures for this encoder are prepared; undefined for one that reads text. */
export function pictureSize(encoder: PromptEncoder): number | undefined {
  return encoder.name === 'CLIPTextModel' ? undefined : encoder.config.image_size;
}

/** T, tokens that the encoder makes of every prompt. */
export function tokensPerPrompt({ name, config }: EncoderNetwork): number {
  switch (name) {
    case 'PatchEncoder':
      return (config.image_size / config.patch_size) ** 2;
    case 'DinoVisionTransformer':
      return 1 + config.num_register_tokens + (config.image_size / config.patch_size) ** 2;
    case 'CLIPTextModel':
      return config.max_positions;
  }
}

/** The encoder's network as a graph from its own input, which is `pictures` [B, S, S, 3] or `ids` [B, T], to tokens [B, T, K]. */
export function promptEncoderGraph({ name, config }: EncoderNetwork, p = scope()): Tensor {
  switch (name) {
    case 'PatchEncoder':
      return patchEncoder(config, p, input('pictures', ['B', config.image_size, config.image_size, 3]));
    case 'DinoVisionTransformer':
      return dinov2Condition(config, p, input('pictures', ['B', config.image_size, config.image_size, 3]));
    case 'CLIPTextModel':
      return clipText(config, p, input('ids', ['B', config.max_positions], 'int32'));
  }
}

export async function openConditioner(
  encoder: PromptEncoder,
  weights: Weights,
  device: Device | 'auto' = 'cpu',
): Promise<Conditioner> {
  const graph = promptEncoderGraph(encoder);
  const [, tokens, channels] = graph.shape as [unknown, number, number];
  const program = await compile({ tokens: graph }, { device, ...weights });
  const { dispose } = program;
  if (encoder.name === 'CLIPTextModel') {
    const read = (text: string) => textTokens(program, encoder.tokenizer.encode(text, tokens));
    const cond = async (prompt: Prompt) => {
      if (prompt.kind !== 'text') throw wrongKind('text', prompt.kind);
      return read(prompt.text);
    };
    return { tokens, channels, cond, uncond: () => read(''), dispose };
  }
  const cond = async (prompt: Prompt) => {
    if (prompt.kind !== 'image') throw wrongKind('image', prompt.kind);
    return pictureTokens(program, prompt.images, encoder.config.image_size);
  };
  return { tokens, channels, cond, uncond: async () => new Float32Array(tokens * channels), dispose };
}

async function textTokens(program: Program, ids: Int32Array): Promise<Float32Array> {
  return (await program.run({ ids: integers(ids, [1, ids.length]) })).tokens.data as Float32Array;
}

/** Pictures of another size are resized once more, as the reference does. */
async function pictureTokens(program: Program, images: readonly RgbPicture[], size: number): Promise<Float32Array> {
  if (images.length === 0) throw new Error('condition: expected one picture or more, got none.');
  const values = new Float32Array(images.length * size * size * 3);
  for (const [i, image] of images.entries()) {
    const { data } = resizeLanczos(image, size, size, 3);
    for (let j = 0; j < data.length; j++) values[i * data.length + j] = data[j] / 255;
  }
  const pictures = floats(values, [images.length, size, size, 3]);
  return (await program.run({ pictures })).tokens.data as Float32Array;
}

const wrongKind = (wanted: string, got: string) =>
  new Error(`condition: this model takes ${wanted} prompts, got ${got}. Load the model that goes with the prompt.`);
