import type { AssetPrompt, OnEvent } from '../pipelines/index.browser.ts';
import { type PageModel, workerOf } from './model.ts';
import type { AssetData, PageGenerateOptions } from './protocol.ts';

/** A picture: a file of the page, its bytes, or RGBA pixels such as an ImageData. */
export type PagePicture = Blob | ArrayBuffer | Uint8Array | Pixels;

/** RGBA, sRGB, straight alpha, 8 bit: data [height, width, 4]. */
interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

export type PagePrompt =
  | { readonly kind: 'image'; readonly pictures: readonly PagePicture[] }
  | { readonly kind: 'text'; readonly text: string };

/** As in Node, without `device` and `precision`: those are the model's. */
export interface PageOptions extends PageGenerateOptions {
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/** What a prompt became, as in Node; all in the object frame, z up, box [−0.5, 0.5]³. It outlives its model. */
export interface PageAsset extends Omit<AssetData, 'glb' | 'ply'> {
  /** the mesh as a binary glTF file */
  glb(): Promise<Uint8Array>;
  /** the Gaussians as a splat PLY file. @throws Error when there are none */
  ply(): Uint8Array;
}

/** Assets of a prompt, made in the model's worker. See `generateAssets` of `espalier`. */
export async function generateAssets(
  model: PageModel,
  prompt: PagePrompt,
  { signal, onEvent, ...options }: PageOptions = {},
): Promise<PageAsset[]> {
  const client = workerOf(model);
  const asked: AssetPrompt =
    prompt.kind === 'text' ? prompt : { kind: 'image', pictures: await Promise.all(prompt.pictures.map(sent)) };
  const data = await client.ask<AssetData[]>({ kind: 'generate', prompt: asked, options }, { signal, onEvent });
  return data.map(({ glb, ply, ...parts }) => ({
    ...parts,
    glb: async () => glb,
    ply() {
      if (!ply)
        throw new Error("ply: the asset has no Gaussians. Generate it with formats: ['gaussians'], or take its mesh.");
      return ply;
    },
  }));
}

/** A picture, or several of one object, becomes a 3D asset. See `imageTo3D` of `espalier`. */
export async function imageTo3D(
  model: PageModel,
  picture: PagePicture | readonly PagePicture[],
  options: Omit<PageOptions, 'samples'> = {},
): Promise<PageAsset> {
  const pictures = isList(picture) ? picture : [picture];
  return (await generateAssets(model, { kind: 'image', pictures }, { ...options, samples: 1 }))[0];
}

/** A text becomes a 3D asset. See `textTo3D` of `espalier`. */
export async function textTo3D(
  model: PageModel,
  text: string,
  options: Omit<PageOptions, 'samples' | 'multiImage'> = {},
): Promise<PageAsset> {
  return (await generateAssets(model, { kind: 'text', text }, { ...options, samples: 1 }))[0];
}

const isList = <T extends object>(one: T | readonly T[]): one is readonly T[] => Array.isArray(one);

/** Files are decoded in the worker. */
async function sent(picture: PagePicture): Promise<Uint8Array | { width: number; height: number; data: Uint8Array }> {
  if (picture instanceof Blob) return new Uint8Array(await picture.arrayBuffer());
  if (picture instanceof ArrayBuffer) return new Uint8Array(picture);
  if (picture instanceof Uint8Array) return picture;
  const { width, height, data } = picture;
  return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
