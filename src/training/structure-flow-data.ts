import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { condViews } from '../dataset/index.ts';
import { floatsToHalves, readSafetensors, SafetensorsError, writeSafetensors } from '../formats/index.ts';
import { type Frame, pitchOf, structureEncoder } from '../stages/1-structure/index.ts';
import { compile, type Device, floats, input, type Program, scope } from '../tensor/index.ts';
import { cropOccupancy } from './augment.ts';
import { type FlowTable, flowTable, fromHalves, latentAt, pictureAt, viewsOf } from './flow-table.ts';
import { type Autoencoder, loadAutoencoder, valuesOf } from './load-autoencoder.ts';
import type { TrainEvent } from './loop.ts';
import { preparedViews } from './prepared-views.ts';
import { type StructureSample, structureSamples } from './structure-data.ts';

/** What the flow learns from, in memory: prepared views, and the latent of the shape that each of them shows. */
export interface FlowData {
  /** all of it but the shapes, in shared memory */
  table: FlowTable;
  indices(split: 'train' | 'validation'): number[];
  viewsOf(index: number): number;
  /** RGB on black, bytes [S, S, 3] */
  picture(index: number, view: number): Uint8Array;
  /** [c, r, r, r], each channel of unit deviation over the training latents */
  latent(index: number, view: number): Float32Array;
  /** radians by which the view's camera stands above the object */
  pitch(index: number, view: number): number;
  /** occupied voxels of the shape, x y z one after the other */
  coords(index: number, view: number): Uint8Array;
  sha256(index: number): string;
  /** deviation of each latent channel, by which latents are divided */
  scale: Float32Array;
  autoencoder: Autoencoder;
}

export interface FlowDataOptions {
  roots: string;
  /** run folder or model folder that holds the autoencoder */
  vae: string;
  frame: Frame;
  /** every second view, with its shape, as in a mirror (not in the canonical frame); not of validation assets */
  mirror: boolean;
  /** at most so many views of each asset, spread evenly */
  views: number;
  pictureSize: number;
  minAestheticScore?: number;
  device?: Device | 'auto';
  signal?: AbortSignal;
  onEvent?: (event: TrainEvent) => void;
}

export async function structureFlowData(options: FlowDataOptions): Promise<FlowData> {
  const { roots, vae, frame, pictureSize, minAestheticScore, device, signal, onEvent } = options;
  const samples = await structureSamples(roots, { cond: true, frame, minAestheticScore });
  const autoencoder = await loadAutoencoder(vae);
  const { config, arrays } = autoencoder.encoder;
  const mean = structureEncoder(config, scope(), input('ss', [BATCH, 1, 64, 64, 64])).mean;
  const program = await compile({ mean }, { state: valuesOf(arrays), device });
  const isMirrored = (sample: StructureSample, view: number) =>
    options.mirror && frame !== 'canonical' && sample.split === 'train' && view % 2 === 1;
  const encoderId = idOf(autoencoder);
  const pictures: Uint8Array[][] = [];
  const shapes: Uint8Array[][] = []; // of each view
  const latents: Uint16Array[][] = []; // of each view; views of the same shape share one
  const pitches: number[][] = [];
  try {
    for (const [i, sample] of samples.entries()) {
      signal?.throwIfAborted();
      const all = await preparedViews(sample.views as string, pictureSize);
      const views = spread(all, options.views, i);
      if (sample.turned && all.length !== sample.turned.length)
        throw new Error(
          `train: asset ${sample.sha256} has ${all.length} condition views but ${sample.turned.length} turned shapes. Run \`espalier dataset build\` again.`,
        );
      const cameras = await condViews(sample.root, sample.sha256);
      pitches.push(spread(cameras, options.views, i).map(({ eye }) => pitchOf(eye)));
      pictures.push(views.map((v, view) => (isMirrored(sample, view) ? mirroredPicture(v, pictureSize) : v)));
      const folder = join(
        sample.root,
        'ss_latents_cond',
        `${encoderId}-${frame}-${options.views}${options.mirror ? '-mirror' : ''}`,
      );
      const ofViews = sample.turned ? spread(sample.turned, options.views, i) : views.map(() => sample.coords);
      shapes.push(ofViews.map((coords, view) => (isMirrored(sample, view) ? mirroredCoords(coords) : coords)));
      const { distinct, indices } = distinctShapes(shapes[i]);
      const encode = () => encoded(program, distinct);
      const means = await kept(join(folder, `${sample.sha256}.safetensors`), distinct.length, encode);
      latents.push(indices.map((index) => means[index]));
      onEvent?.({ kind: 'step', stage: 'encode', step: i + 1, of: samples.length, loss: 0 });
    }
  } finally {
    await program.dispose();
  }
  const scale = deviations(latents.filter((_, i) => samples[i].split === 'train').flat(), config.latent_channels);
  const table = flowTable({ pictures, latents, pitches, scale });
  const row = (i: number, view: number) => table.firstRows[i] + view;
  return {
    table,
    indices: (split) => samples.flatMap((s, i) => (s.split === split ? [i] : [])),
    viewsOf: (i) => viewsOf(table, i),
    picture: (i, view) => pictureAt(table, row(i, view)),
    latent: (i, view) => latentAt(table, row(i, view)),
    pitch: (i, view) => table.pitches[row(i, view)],
    coords: (i, view) => shapes[i][view],
    sha256: (i) => samples[i].sha256,
    scale,
    autoencoder,
  };
}

/** At most `count` of the views, evenly spaced; which of them alternates from asset to asset. */
function spread<T>(views: readonly T[], count: number, asset: number): T[] {
  if (views.length <= count) return [...views];
  const step = views.length / count;
  return Array.from({ length: count }, (_, k) => views[Math.floor(k * step + (asset % Math.floor(step)))]);
}

/** Shapes without repetition, in the order of their first appearance, and which of them each one is. Objects are often symmetric. */
function distinctShapes(shapes: readonly Uint8Array[]): { distinct: Uint8Array[]; indices: number[] } {
  const distinct: Uint8Array[] = [];
  const seen = new Map<string, number>();
  const indices = shapes.map((coords) => {
    const key = keyOf(coords);
    const index = seen.get(key) ?? distinct.push(coords) - 1;
    seen.set(key, index);
    return index;
  });
  return { distinct, indices };
}

/** The same for the same voxels in any order, and 64 bits apart for others: a sum of hashes, since sorting them would take most of the loading. */
function keyOf(coords: Uint8Array): string {
  let [low, high] = [0, 0];
  for (let i = 0; i < coords.length; i += 3) {
    const hash = mixed((coords[i] << 12) | (coords[i + 1] << 6) | coords[i + 2]);
    low = (low + hash) | 0;
    high = (high + mixed(hash ^ 0x9e3779b9)) | 0;
  }
  return `${coords.length} ${low} ${high}`;
}

/** Source: the finalizer of MurmurHash3. */
function mixed(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Grids encoded at once. */
const BATCH = 8;

/** Posterior means of shapes, as half floats: 11 000 latents of 32 768 numbers are 0.7 GB that way. */
async function encoded(program: Program, shapes: readonly Uint8Array[]): Promise<Uint16Array[]> {
  const latents: Uint16Array[] = [];
  for (let from = 0; from < shapes.length; from += BATCH) {
    const part = shapes.slice(from, from + BATCH);
    const grids = new Float32Array(BATCH * 64 ** 3);
    for (const [i, coords] of part.entries()) grids.set(cropOccupancy(coords, 64), i * 64 ** 3);
    const mean = (await program.run({ ss: floats(grids, [BATCH, 1, 64, 64, 64]) })).mean.data as Float32Array;
    const size = mean.length / BATCH;
    for (const i of part.keys()) latents.push(floatsToHalves(mean.subarray(i * size, (i + 1) * size)));
  }
  return latents;
}

/** `count` latents that `make` makes, kept in a file: encoding all takes minutes, reading them seconds. A damaged file is made again. */
async function kept(path: string, count: number, make: () => Promise<Uint16Array[]>): Promise<Uint16Array[]> {
  try {
    const mean = readSafetensors(await readFile(path)).tensors.get('mean');
    if (mean?.dtype === 'F16' && mean.shape[0] === count) {
      const [, size] = mean.shape;
      return Array.from({ length: count }, (_, i) => (mean.data as Uint16Array).subarray(i * size, (i + 1) * size));
    }
  } catch (error) {
    if (!(error instanceof SafetensorsError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const latents = await make();
  const size = latents[0].length;
  const data = new Uint16Array(latents.length * size);
  for (const [i, latent] of latents.entries()) data.set(latent, i * size);
  await mkdir(join(path, '..'), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, writeSafetensors({ mean: { dtype: 'F16', shape: [latents.length, size], data } }));
  await rename(temporary, path);
  return latents;
}

/** Names an encoder by its weights. */
function idOf({ encoder }: Autoencoder): string {
  const hash = createHash('sha256').update(JSON.stringify(encoder.config));
  for (const name of Object.keys(encoder.arrays).sort()) hash.update(encoder.arrays[name].data);
  return hash.digest('hex').slice(0, 16);
}

/** Left and right exchanged: x is to the right of the picture that a shape is turned to. */
function mirroredCoords(coords: Uint8Array): Uint8Array {
  const out = coords.slice();
  for (let i = 0; i < out.length; i += 3) out[i] = 63 - out[i];
  return out;
}

function mirroredPicture(picture: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(picture.length);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let c = 0; c < 3; c++) out[(y * size + x) * 3 + c] = picture[(y * size + size - 1 - x) * 3 + c];
  return out;
}

/** Deviation of each channel over all latents [c, r, r, r]; of many, over some 2000 spread evenly. */
function deviations(latents: readonly Uint16Array[], channels: number): Float32Array {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let count = 0;
  const stride = Math.max(1, Math.floor(latents.length / 2000));
  for (let i = 0; i < latents.length; i += stride) {
    const latent = fromHalves(latents[i]);
    const voxels = latent.length / channels;
    count += voxels;
    for (let c = 0; c < channels; c++)
      for (let j = c * voxels; j < (c + 1) * voxels; j++) {
        sums[c] += latent[j];
        squares[c] += latent[j] ** 2;
      }
  }
  return Float32Array.from(sums, (s, c) => Math.sqrt(Math.max(squares[c] / count - (s / count) ** 2, 1e-12)));
}
