import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadModel, type Networks, readWeights } from '../pipelines/index.ts';
import { averageName } from './adamw.ts';
import { latestCheckpoint, loadCheckpoint } from './checkpoint.ts';
import type { States } from './training-program.ts';

/** Which network of a model folder starts which model of a recipe. */
const roleOf: Record<string, keyof Networks> = {
  encoder: 'sparse_structure_encoder',
  decoder: 'sparse_structure_decoder',
  denoiser: 'sparse_structure_flow_model',
  conditioner: 'image_cond_model',
  pitchHead: 'camera_pitch_model',
};

/**
 * Fresh states with the weights of a trained model (a model folder, or the averaged weights of a run), averages included;
 * moments stay at zero. Without a folder the states as they are.
 * @throws Error when a weight is missing in the model or has another size
 */
export async function startFrom(folder: string | undefined, fresh: States): Promise<States> {
  if (folder === undefined) return fresh;
  const states = { ...fresh };
  const weightsOf = await trainedWeights(folder);
  for (const name of Object.keys(fresh)) {
    if (name.includes('/')) continue; // moments and averages
    const [prefix, ...rest] = name.split('.');
    const model = await weightsOf(prefix);
    if (model === undefined && prefix === 'pitchHead') continue; // a model of another frame has none
    const values = model?.[rest.join('.')];
    if (values === undefined && rest[0] === 'aligned_layer') continue; // nor this, which starts as nothing
    if (values?.length !== fresh[name].length)
      throw new Error(
        `train: ${folder} cannot start this recipe: "${name}" must have ${fresh[name].length} values, found ${values?.length ?? 'none'}. Use the configuration of that model.`,
      );
    states[name] = values;
    if (averageName(name) in fresh) states[averageName(name)] = values.slice();
  }
  return states;
}

/** Weights by name of each model of a folder: `encoder`, `decoder`, `denoiser`, `conditioner`, `pitchHead`. */
async function trainedWeights(folder: string): Promise<(model: string) => Promise<States | undefined>> {
  if (existsSync(join(folder, 'pipeline.json'))) {
    const { networks } = await loadModel(folder);
    const read = new Map<string, States>();
    return async (model) => {
      const network = networks[roleOf[model]];
      if (network && !read.has(model)) read.set(model, await readWeights(network));
      return read.get(model);
    };
  }
  const step = latestCheckpoint(folder);
  if (step === undefined)
    throw new Error(
      `train: ${folder} is neither a model folder (no pipeline.json) nor a run (no checkpoint). Give one of them with --from.`,
    );
  const { models } = loadCheckpoint(folder, step).ema;
  return async (model) =>
    models[model] && Object.fromEntries(Object.entries(models[model]).map(([name, { data }]) => [name, data]));
}
