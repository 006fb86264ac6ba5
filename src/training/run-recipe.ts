import { readFile } from 'node:fs/promises';
import { recipeOfConfig } from './official-config.ts';
import { type RecipeRun, structureVaeRecipe, trainStructureVae } from './recipes/1-structure-vae.ts';
import { structureFlowRecipe, trainStructureFlow } from './recipes/2-structure-flow.ts';

export interface RunRecipeOptions extends RecipeRun {
  /** run folder of the autoencoder, which the flow needs */
  vae?: string;
  /** recipe options to change */
  overrides?: Readonly<Record<string, unknown>>;
}

/** Trains the named recipe, or the one an official config file describes. */
export async function runRecipe(nameOrFile: string, options: RunRecipeOptions): Promise<void> {
  const { vae, overrides = {}, ...run } = options;
  const config = nameOrFile.endsWith('.json')
    ? recipeOfConfig(JSON.parse(await readFile(nameOrFile, 'utf8')))
    : { recipe: nameOrFile, options: {} };
  switch (config.recipe) {
    case 'structure-vae':
      await trainStructureVae(changed(structureVaeRecipe, { ...config.options, ...overrides }), run);
      return;
    case 'structure-flow':
      if (!vae)
        throw new Error(
          'train structure-flow: needs the autoencoder whose latents it learns. Give its run folder with --vae runs/structure-vae.',
        );
      await trainStructureFlow(changed(structureFlowRecipe, { ...config.options, ...overrides }), { ...run, vae });
      return;
    default:
      throw new Error(
        `train: no recipe "${nameOrFile}". Expected structure-vae, structure-flow, or an official config file ending in .json.`,
      );
  }
}

/** The recipe with some options changed; an option it does not have is an error. */
function changed<T extends object>(recipe: T, changes: Readonly<Record<string, unknown>>): T {
  for (const key of Object.keys(changes))
    if (!(key in recipe))
      throw new Error(`train: the recipe has no option "${key}". It has: ${Object.keys(recipe).join(', ')}.`);
  return { ...recipe, ...changes };
}
