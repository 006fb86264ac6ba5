import type { ModelFolder, Networks } from '../pipelines/index.ts';
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
export function startFrom(model: ModelFolder | undefined, fresh: States): States {
  if (!model) return fresh;
  const states = { ...fresh };
  for (const name of Object.keys(fresh)) {
    if (name.includes('/')) continue; // moments and averages
    const [prefix, ...rest] = name.split('.');
    const values = model.networks[roleOf[prefix]]?.weights[rest.join('.')];
    if (values?.length !== fresh[name].length)
      throw new Error(
        `train: ${model.folder} cannot start this recipe: "${name}" must have ${fresh[name].length} values, found ${values?.length ?? 'none'}. Use the configuration of that model.`,
      );
    states[name] = values;
    if (averageName(name) in fresh) states[averageName(name)] = values.slice();
  }
  return states;
}
