/** An official training config (configs/**.json of TRELLIS) as a recipe of ours and its options. */
export function recipeOfConfig(config: unknown): { recipe: string; options: Record<string, unknown> } {
  const read = (path: string): unknown =>
    path.split('.').reduce<unknown>((o, key) => (o as Record<string, unknown> | undefined)?.[key], config);
  const trainer = read('trainer.name');
  const args = (model: string) => read(`models.${model}.args`) as Record<string, unknown> | undefined;
  const common = {
    batchSize: read('trainer.args.batch_size_per_gpu') ?? read('trainer.args.batch_size'),
    maxSteps: read('trainer.args.max_steps'),
    learningRate: read('trainer.args.optimizer.args.lr'),
    emaRate: first(read('trainer.args.ema_rate')),
    saveEvery: read('trainer.args.i_save'),
    validateEvery: read('trainer.args.i_sample'),
    warmupSteps: 0,
    finalLearningRate: 1,
  };
  switch (trainer) {
    case 'SparseStructureVaeTrainer':
      return {
        recipe: 'structure-vae',
        options: present({
          ...common,
          encoder: args('encoder'),
          decoder: args('decoder'),
          crop: read('dataset.args.resolution') ?? 64,
          lossType: read('trainer.args.loss_type'),
          lambdaKl: read('trainer.args.lambda_kl'),
        }),
      };
    case 'ImageConditionedFlowMatchingCFGTrainer':
      return {
        recipe: 'structure-flow',
        options: present({
          ...common,
          denoiser: args('denoiser'),
          pUncond: read('trainer.args.p_uncond'),
          timeMean: read('trainer.args.t_schedule.args.mean'),
          timeStd: read('trainer.args.t_schedule.args.std'),
        }),
      };
    default:
      throw new Error(
        `train: the config's trainer is ${JSON.stringify(trainer)}; expected SparseStructureVaeTrainer or ImageConditionedFlowMatchingCFGTrainer.`,
      );
  }
}

const first = (v: unknown): unknown => (Array.isArray(v) ? v[0] : v);

const present = (options: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
