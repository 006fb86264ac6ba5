import { type ModelFolder, type Networks, readWeights } from '../pipelines/index.ts';
import { averageName } from './adamw.ts';
import type { States } from './training-program.ts';

/** Which network of a model folder starts which model of a recipe. */
const roleOf: Record<string, keyof Networks> = {
  encoder: 'sparse_structure_encoder',
  decoder: 'sparse_structure_decoder',
  denoiser: 'sparse_structure_flow_model',
  conditioner: 'image_cond_model',
};

/**
 * Fresh states with the weights of a trained model, averages included; moments stay at zero. Without a model the states
 * as they are.
 * @throws Error when a weight is missing in the model or has another size
 */
export async function startFrom(model: ModelFolder | undefined, fresh: States): Promise<States> {
  if (!model) return fresh;
  const states = { ...fresh };
  const read = new Map<string, Record<string, Float32Array>>();
  for (const name of Object.keys(fresh)) {
    if (name.includes('/')) continue; // moments and averages
    const [prefix, ...rest] = name.split('.');
    const network = model.networks[roleOf[prefix]];
    if (network && !read.has(prefix)) read.set(prefix, await readWeights(network));
    const values = read.get(prefix)?.[rest.join('.')];
    if (values?.length !== fresh[name].length)
      throw new Error(
        `train: ${model.folder} cannot start this recipe: "${name}" must have ${fresh[name].length} values, found ${values?.length ?? 'none'}. Use the configuration of that model.`,
      );
    states[name] = values;
    if (averageName(name) in fresh) states[averageName(name)] = values.slice();
  }
  return states;
}
