import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { floatsToHalves } from '../formats/index.ts';
import {
  loadModel,
  type ModelFolder,
  pictureSizeOf,
  promptTokens,
  readWeights,
  structureLatents,
} from '../pipelines/index.ts';
import { readLatents, writeLatents } from './latent-file.ts';
import type { TrainEvent } from './loop.ts';
import { preparedViews } from './prepared-views.ts';
import { type StructureSample, spread } from './structure-data.ts';

/** A latent that a flow made of a picture, and the shape that the picture shows. */
export interface FlowLatent {
  /** [c, r, r, r], half floats */
  latent: Uint16Array;
  /** occupied voxels, x y z one after the other */
  coords: Uint8Array;
}

export interface FlowLatentsOptions {
  /** of each asset */
  pictures: number;
  /** assets sampled in one batch */
  group?: number;
  signal?: AbortSignal;
  onEvent?: (event: TrainEvent) => void;
}

/**
 * What the flow of a model folder makes of some pictures of each asset, with the sampler settings of that model: latents with
 * the errors that a decoder meets in use. Kept in `ss_latents_flow/` of the dataset, for each takes a whole sampling run.
 */
export async function flowLatents(
  folder: string,
  samples: readonly StructureSample[],
  { pictures, group = 16, signal, onEvent }: FlowLatentsOptions,
): Promise<{ id: string; latents: FlowLatent[][] }> {
  const model = await loadModel(folder, { signal });
  const id = await idOf(model);
  const fileOf = ({ root, sha256 }: StructureSample) =>
    join(root, 'ss_latents_flow', `${id}-${pictures}`, `${sha256}.safetensors`);
  const latents: (Uint16Array[] | undefined)[] = [];
  for (const sample of samples) latents.push(await readLatents(fileOf(sample)));
  const missing = [...samples.keys()].filter((i) => latents[i]?.length !== chosenViews(samples[i], pictures, i).length);
  for (let from = 0; from < missing.length; from += group) {
    signal?.throwIfAborted();
    const part = missing.slice(from, from + group);
    const asked: Uint8Array[] = [];
    for (const i of part) {
      const views = await preparedViews(samples[i].views as string, pictureSizeOf(model));
      asked.push(...chosenViews(samples[i], pictures, i).map((view) => views[view]));
    }
    const settings = { ...model.structureSampler, seed: part[0], signal };
    const made = await structureLatents(model, await promptTokens(model, asked), settings);
    for (const i of part) {
      const own = made.splice(0, chosenViews(samples[i], pictures, i).length).map((x) => floatsToHalves(x));
      await writeLatents(fileOf(samples[i]), own);
      latents[i] = own;
    }
    onEvent?.({ kind: 'step', stage: 'sample', step: from + part.length, of: missing.length, loss: 0 });
  }
  const all = samples.map((sample, i) => {
    const views = chosenViews(sample, pictures, i);
    return (latents[i] as Uint16Array[]).map((latent, k) => ({
      latent,
      coords: model.frame === 'picture' ? (sample.turned as Uint8Array[])[views[k]] : sample.coords,
    }));
  });
  return { id, latents: all };
}

function chosenViews({ turned, sha256 }: StructureSample, pictures: number, asset: number): number[] {
  if (!turned) throw new Error(`internal: flowLatents: ${sha256} was read without its turned shapes.`);
  return spread([...turned.keys()], pictures, asset);
}

/** Names a flow by the weights and settings that make its latents. */
async function idOf({ networks, structureSampler }: ModelFolder): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(structureSampler));
  for (const network of [networks.sparse_structure_flow_model, networks.image_cond_model]) {
    if (!network) continue;
    const weights = await readWeights(network);
    for (const name of Object.keys(weights).sort()) hash.update(weights[name]);
  }
  return hash.digest('hex').slice(0, 16);
}
