import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadModel, type Network, readWeights } from '../pipelines/index.ts';
import { latestCheckpoint, loadCheckpoint, type StoredArrays } from './checkpoint.ts';
import type { StructureVaeRecipe } from './recipes/1-structure-vae.ts';
import type { States } from './training-program.ts';

export type Arrays = StoredArrays;

/** A trained autoencoder: each half's configuration and weights. */
export interface Autoencoder {
  encoder: { config: StructureVaeRecipe['encoder']; arrays: Arrays };
  decoder: { config: StructureVaeRecipe['decoder']; arrays: Arrays };
  /** of a run: the step of its checkpoint */
  step?: number;
}

/** The autoencoder of a run (averaged weights of its newest checkpoint) or of a model folder. */
export async function loadAutoencoder(folder: string): Promise<Autoencoder> {
  if (existsSync(join(folder, 'pipeline.json'))) {
    const { sparse_structure_encoder: encoder, sparse_structure_decoder: decoder } = (await loadModel(folder)).networks;
    if (!encoder)
      throw new Error(
        `train: the model ${folder} has no encoder (role sparse_structure_encoder). Give a folder that has one, or the run of an autoencoder.`,
      );
    const half = async <C>(network: Network) => ({ config: network.config as C, arrays: await arraysOf(network) });
    return { encoder: await half(encoder), decoder: await half(decoder) };
  }
  const step = latestCheckpoint(folder);
  if (step === undefined)
    throw new Error(
      `train: ${folder} holds no checkpoint. Train the autoencoder first: espalier train structure-vae --data … --out ${folder}.`,
    );
  const { ema, misc } = loadCheckpoint(folder, step);
  const { encoder, decoder } = (misc as { identity: Pick<StructureVaeRecipe, 'encoder' | 'decoder'> }).identity;
  return {
    encoder: { config: encoder, arrays: ema.models.encoder },
    decoder: { config: decoder, arrays: ema.models.decoder },
    step,
  };
}

/** The values of arrays by name, as a session takes them. */
export const valuesOf = (arrays: Arrays): States =>
  Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data]));

async function arraysOf(network: Network): Promise<Arrays> {
  const { shapes } = network;
  const weights = await readWeights(network);
  return Object.fromEntries(Object.entries(weights).map(([name, data]) => [name, { shape: [...shapes[name]], data }]));
}
