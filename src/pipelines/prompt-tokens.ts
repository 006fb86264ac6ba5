/** Prompts of a user → tokens for the stages. */
import type { PromptMix } from '../flow/index.ts';
import { decodePicture } from '../formats/index.ts';
import { isCutOut, preparePicture, type RgbaPicture, removeBackground } from '../stages/0-condition/index.ts';
import type { Device } from '../tensor/index.ts';
import type { ModelFolder } from './model-folder.ts';
import type { WeightsOptions } from './network.ts';
import { openPromptEncoder, pictureSizeOf } from './prompt-encoder.ts';
import { asPeopleLook, colorsOf, outlineOf, pitchesOf, type Seen } from './seen-shape.ts';
import { using, type WorkOptions, weightsOptions } from './work.ts';

/** What a user asks with: pictures of one object, each as a file's bytes or RGBA pixels, or a text. */
export type AssetPrompt =
  | { readonly kind: 'image'; readonly pictures: readonly (Uint8Array | RgbaPicture)[] }
  | { readonly kind: 'text'; readonly text: string };

/** What the flows are led by. */
export interface PromptTokens {
  /** [T, K] of each picture, or of the text */
  readonly conds: readonly Float32Array[];
  /** [T, K] of the empty prompt; undefined where that is zeros */
  readonly uncond?: Float32Array;
  readonly mix: PromptMix;
  /** where the model's shapes stand as the camera sees them */
  readonly seen?: Seen;
}

/** @throws Error when the model takes the other kind of prompt, or a picture cannot be read or its object not be told from the background */
export async function readPrompt(
  model: ModelFolder,
  prompt: AssetPrompt,
  mix: PromptMix,
  work: WorkOptions,
): Promise<PromptTokens> {
  const { device = 'cpu', signal } = work;
  if (prompt.kind === 'text') {
    if (model.takes !== 'text')
      throw new Error(
        `${model.folder} makes assets from pictures, not from text. Give a picture, or a text model such as microsoft/TRELLIS-text-base.`,
      );
    if (prompt.text.trim() === '') throw new Error('condition: the text is empty. Say what to make.');
    return using(openPromptEncoder(model, device, weightsOptions(work)), async (encoder) => ({
      conds: [await encoder.cond({ kind: 'text', text: prompt.text })],
      uncond: await encoder.uncond(),
      mix,
    }));
  }
  const size = pictureSizeOf(model);
  if (prompt.pictures.length === 0) throw new Error('condition: expected one picture or more, got none.');
  const prepared: Uint8Array[] = [];
  const cutOut: RgbaPicture[] = [];
  for (const [i, picture] of prompt.pictures.entries()) {
    try {
      const decoded = picture instanceof Uint8Array ? await decodePicture(picture) : picture;
      const cut = isCutOut(decoded) ? decoded : removeBackground(decoded);
      prepared.push(preparePicture(cut, { size }).data);
      cutOut.push(cut);
    } catch (error) {
      if (prompt.pictures.length === 1) throw error;
      throw new Error(`picture ${i + 1} of ${prompt.pictures.length}: ${(error as Error).message}`, { cause: error });
    }
    signal?.throwIfAborted();
  }
  const tokens = await promptTokens(model, prepared, device, weightsOptions(work));
  const each = tokens.length / prepared.length;
  const conds = prepared.map((_, i) => tokens.slice(i * each, (i + 1) * each));
  if (model.frame !== 'view') return { conds, mix };
  const [pitch] = await pitchesOf(model, conds.slice(0, 1), work);
  return {
    conds,
    mix,
    seen: {
      pitch: asPeopleLook(pitch),
      ...(cutOut.length === 1 && { outline: outlineOf(cutOut[0]), picture: colorsOf(cutOut[0]) }),
    },
  };
}

/** Tokens of prepared pictures (RGB bytes [S, S, 3] each), flattened [B, T, K]. */
export async function promptTokens(
  model: ModelFolder,
  pictures: readonly Uint8Array[],
  device: Device | 'auto' = 'cpu',
  options: WeightsOptions = {},
): Promise<Float32Array> {
  const size = pictureSizeOf(model);
  const images = pictures.map((data) => ({ width: size, height: size, data: new Uint8Array(data) }));
  return using(openPromptEncoder(model, device, options), (encoder) => encoder.cond({ kind: 'image', images }));
}
