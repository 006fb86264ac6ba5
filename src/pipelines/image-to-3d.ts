import { decodePicture, writeGlb } from '../formats/index.ts';
import { occupancySurface, type SurfaceMesh } from '../representations/index.ts';
import { isCutOut, preparePicture, type RgbaPicture, removeBackground } from '../stages/0-condition/index.ts';
import { logitsToCoords, openStructureDecoder, openStructureSampler } from '../stages/1-structure/index.ts';
import { type Device, type Precision, torchGenerator } from '../tensor/index.ts';
import type { OnEvent } from './events.ts';
import type { ModelFolder } from './model-folder.ts';
import { openWeights, type WeightsOptions } from './network.ts';
import { openPromptEncoder, pictureSizeOf, promptTokenCount } from './prompt-encoder.ts';

export interface ImageTo3DOptions {
  /** the same seed gives the same asset; the noise is that of PyTorch's CPU generator */
  seed?: number;
  steps?: number;
  /** strength of classifier-free guidance, ≥ 0 */
  guidance?: number;
  device?: Device | 'auto';
  /** 'int8': 8-bit weights, on the CPU; faster, a quarter of the memory, and not quite the same asset */
  precision?: Precision;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/** What a picture became. */
export interface Asset {
  /** occupied voxels, int32 [N, 3] */
  coords: Int32Array;
  /** logits of occupancy [R, R, R] */
  logits: Float32Array;
  mesh: SurfaceMesh;
  /** the mesh as a binary glTF file */
  glb(): Promise<Uint8Array>;
}

/** Fewer voxels than this are dust, more than this noise: nothing that training has shown. */
const VOXELS = { least: 100, most: 100_000 };

/**
 * A picture becomes a 3D asset. `picture` is a file's bytes or RGBA pixels; without transparency its background must
 * be plain, and is removed.
 * @throws Error when the picture cannot be read or its object not be told from the background, and when a stage's
 *   result fails its check (with the stage's name)
 */
export async function imageTo3D(
  model: ModelFolder,
  picture: Uint8Array | RgbaPicture,
  options: ImageTo3DOptions = {},
): Promise<Asset> {
  const { seed = 42, device = 'cpu', precision, signal, onEvent } = options;
  const sampler = { ...model.structureSampler };
  if (options.steps !== undefined) sampler.steps = positive('steps', options.steps);
  if (options.guidance !== undefined) sampler.guidance = notNegative('guidance', options.guidance);
  const cond = await timed('condition', onEvent, async () => {
    const prepared = preparePicture(cutOut(picture instanceof Uint8Array ? await decodePicture(picture) : picture), {
      size: pictureSizeOf(model),
    });
    signal?.throwIfAborted();
    return promptTokens(model, [prepared.data], device, { precision, signal, onEvent });
  });
  const [logits] = await timed('structure', onEvent, () =>
    structures(model, cond, { ...sampler, seed, device, precision, signal, onEvent }),
  );
  const coords = logitsToCoords(logits, 64);
  checkStructure(coords);
  const mesh = await timed('mesh', onEvent, async () => occupancySurface(logits, 64, { sealGaps: 1 }));
  signal?.throwIfAborted();
  return { coords, logits, mesh, glb: () => writeGlb(mesh) };
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
  const encoder = await openPromptEncoder(model, device, options);
  try {
    return await encoder.cond({ kind: 'image', images });
  } finally {
    await encoder.dispose();
  }
}

export interface StructuresOptions {
  steps: number;
  guidance: number;
  interval: readonly [number, number];
  rescale: number;
  seed: number;
  /** tokens of the empty prompt [1, T, K]; zeros when not given, as for pictures */
  uncond?: Float32Array;
  device?: Device | 'auto';
  precision?: Precision;
  signal?: AbortSignal;
  onEvent?: OnEvent;
}

/** Stage 1: occupancy logits [R, R, R] for each prompt of a batch; `cond` [B, T, K] flattened. */
export async function structures(
  model: ModelFolder,
  cond: Float32Array,
  options: StructuresOptions,
): Promise<Float32Array[]> {
  const { seed, uncond, device = 'cpu', precision, signal, onEvent, ...sampler } = options;
  const { sparse_structure_flow_model: flow, sparse_structure_decoder: decoder } = model.networks;
  const tokens = promptTokenCount(model);
  const row = tokens * flow.config.cond_channels;
  if (cond.length === 0 || cond.length % row !== 0)
    throw new Error(
      `structure: cond must be [B, ${tokens}, ${flow.config.cond_channels}], got ${cond.length} values. The encoder and the flow of ${model.folder} do not belong together.`,
    );
  const batch = cond.length / row;
  const r = flow.config.resolution;
  const size = flow.config.in_channels * r ** 3;
  const opened = await openStructureSampler(
    flow.config,
    await openWeights(flow, { precision, signal, onEvent }),
    { batch, tokens, prediction: model.prediction },
    device,
  );
  let latents: Float32Array;
  try {
    const onStep = (step: number, of: number) => onEvent?.({ kind: 'step', stage: 'structure', step, of });
    const empty = uncond && repeated(uncond, batch);
    const noise = torchGenerator(seed).normal(batch * size);
    latents = await opened.sample(noise, cond, sampler, { uncond: empty, signal, onStep });
  } finally {
    await opened.dispose();
  }
  if (!latents.every(Number.isFinite))
    throw new Error(
      'structure: the sampled latent is not finite. Lower --guidance, or check the checkpoint with `espalier info`.',
    );
  const runner = await openStructureDecoder(
    decoder.config,
    await openWeights(decoder, { precision, signal, onEvent }),
    { batch: 1, resolution: r },
    device,
  );
  try {
    const results: Float32Array[] = [];
    for (let i = 0; i < batch; i++) results.push(await runner.decode(latents.slice(i * size, (i + 1) * size)));
    return results;
  } finally {
    await runner.dispose();
  }
}

function repeated(row: Float32Array, times: number): Float32Array {
  const all = new Float32Array(row.length * times);
  for (let i = 0; i < times; i++) all.set(row, i * row.length);
  return all;
}

const cutOut = (picture: RgbaPicture): RgbaPicture => (isCutOut(picture) ? picture : removeBackground(picture));

function checkStructure(coords: Int32Array): void {
  const n = coords.length / 3;
  if (n < VOXELS.least || n > VOXELS.most)
    throw new Error(
      `structure: expected between ${VOXELS.least} and ${VOXELS.most} occupied voxels, got ${n}. Try another --seed, or a picture with a clearer object.`,
    );
}

async function timed<T>(stage: string, onEvent: OnEvent | undefined, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  onEvent?.({ kind: 'done', stage, seconds: (performance.now() - start) / 1000 });
  return result;
}

function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`imageTo3D: ${name} must be a whole number of at least 1, got ${value}.`);
  return value;
}

function notNegative(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0)
    throw new RangeError(`imageTo3D: ${name} must be a number of at least 0, got ${value}.`);
  return value;
}
