import { structureEncoder } from '../stages/1-structure/index.ts';
import { compile, type Device, floats, input, scope } from '../tensor/index.ts';
import { cropOccupancy } from './augment.ts';
import { loadAutoencoder, valuesOf } from './load-autoencoder.ts';
import type { TrainEvent } from './loop.ts';
import { preparedViews } from './prepared-views.ts';
import { structureSamples } from './structure-data.ts';

/** What the flow learns from, in memory: a latent per asset (each channel of unit deviation) and its prepared views. */
export interface FlowData {
  indices(split: 'train' | 'validation'): number[];
  latent(index: number): Float32Array;
  viewsOf(index: number): number;
  /** RGB on black, bytes [S, S, 3] */
  picture(index: number, view: number): Uint8Array;
  coords(index: number): Uint8Array;
  sha256(index: number): string;
  /** deviation of each latent channel over the training assets, by which latents are divided */
  scale: Float32Array;
}

export interface FlowDataOptions {
  roots: string;
  /** run folder or model folder that holds the autoencoder */
  vae: string;
  pictureSize: number;
  minAestheticScore?: number;
  device?: Device | 'auto';
  signal?: AbortSignal;
  onEvent?: (event: TrainEvent) => void;
}

export async function structureFlowData(options: FlowDataOptions): Promise<FlowData> {
  const { roots, vae, pictureSize, minAestheticScore, device, signal, onEvent } = options;
  const samples = await structureSamples(roots, { cond: true, minAestheticScore });
  const { encoder } = await loadAutoencoder(vae);
  const { mean } = structureEncoder(encoder.config, scope(), input('ss', [1, 1, 64, 64, 64]));
  const program = await compile({ mean }, { state: valuesOf(encoder.arrays), device });
  const latents: Float32Array[] = [];
  const pictures: Uint8Array[][] = [];
  try {
    for (const [i, sample] of samples.entries()) {
      signal?.throwIfAborted();
      const running = program.run({ ss: floats(cropOccupancy(sample.coords, 64), [1, 1, 64, 64, 64]) });
      pictures.push(await preparedViews(sample.views as string, pictureSize));
      latents.push((await running).mean.data as Float32Array);
      onEvent?.({ kind: 'step', stage: 'encode', step: i + 1, of: samples.length, loss: 0 });
    }
  } finally {
    await program.dispose();
  }
  const scale = deviations(
    latents.filter((_, i) => samples[i].split === 'train'),
    encoder.config.latent_channels,
  );
  const voxels = latents[0]?.length / encoder.config.latent_channels;
  for (const latent of latents) for (let j = 0; j < latent.length; j++) latent[j] /= scale[Math.floor(j / voxels)];
  return {
    indices: (split) => samples.flatMap((s, i) => (s.split === split ? [i] : [])),
    latent: (i) => latents[i],
    viewsOf: (i) => pictures[i].length,
    picture: (i, view) => pictures[i][view],
    coords: (i) => samples[i].coords,
    sha256: (i) => samples[i].sha256,
    scale,
  };
}

/** Deviation of each channel over all latents [c, r, r, r]. */
function deviations(latents: readonly Float32Array[], channels: number): Float32Array {
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let count = 0;
  for (const latent of latents) {
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
