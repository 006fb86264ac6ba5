/**
 * Official training configs (configs/**.json of TRELLIS) as recipes of ours.
 *
 * Every option is honoured, or does not change the mathematics, or is refused by name: nothing is ignored in silence.
 * Precision is ours (float32), the picture encoder of the flow too: as wide as the config's prompt, trained along.
 * Source: reference/training.md §3, §4.1.
 */
export function recipeOfConfig(config: unknown): { recipe: string; options: Record<string, unknown> } {
  const options = optionsOf(config);
  const trainer = options.take('trainer.name');
  switch (trainer) {
    case 'SparseStructureVaeTrainer':
      return finished(options, 'structure-vae', structureVae(options));
    case 'ImageConditionedFlowMatchingCFGTrainer':
      return finished(options, 'structure-flow', structureFlow(options));
    default:
      throw new Error(
        `train: the config's trainer is ${JSON.stringify(trainer)}; expected SparseStructureVaeTrainer or ImageConditionedFlowMatchingCFGTrainer.`,
      );
  }
}

/** Options that change speed, memory, precision or output, never what is learned. */
const WITHOUT_EFFECT = [
  'models.*.args.use_fp16',
  'models.*.args.use_checkpoint',
  'dataset.name', // the trainer tells which
  'dataset.args.latent_model', // --vae says whose latents
  'dataset.args.pretrained_ss_dec',
  'dataset.args.image_size', // of DINOv2; ours stays
  'trainer.args.image_cond_model',
  'trainer.args.elastic',
  'trainer.args.fp16_mode',
  'trainer.args.fp16_scale_growth',
  'trainer.args.log_param_stats',
  'trainer.args.prefetch_data',
  'trainer.args.i_print',
  'trainer.args.i_ddpcheck',
];

type Options = ReturnType<typeof optionsOf>;

function structureVae(options: Options): Record<string, unknown> {
  options.expect('trainer.args.batch_split', 1); // dice sums over a whole micro-batch
  return {
    ...shared(options),
    encoder: network(options, 'encoder', 'SparseStructureEncoder', [
      'in_channels',
      'latent_channels',
      'num_res_blocks',
      'num_res_blocks_middle',
      'channels',
      'norm_type',
    ]),
    decoder: network(options, 'decoder', 'SparseStructureDecoder', [
      'out_channels',
      'latent_channels',
      'num_res_blocks',
      'num_res_blocks_middle',
      'channels',
      'norm_type',
    ]),
    trainEncoder: true,
    coarseLevels: 0,
    latentNoise: 0,
    turnedShare: 0, // official roots hold no turned shapes
    crop: options.take('dataset.args.resolution') ?? 64,
    lossType: options.take('trainer.args.loss_type') ?? 'bce',
    lambdaKl: options.take('trainer.args.lambda_kl') ?? 1e-6,
  };
}

function structureFlow(options: Options): Record<string, unknown> {
  options.take('trainer.args.batch_split'); // a mean of means: the same loss
  options.expect('trainer.args.sigma_min', 1e-5);
  options.expect('models.denoiser.args.pe_mode', 'ape');
  const denoiser = network(options, 'denoiser', 'SparseStructureFlowModel', [
    'resolution',
    'in_channels',
    'out_channels',
    'model_channels',
    'cond_channels',
    'num_blocks',
    'num_heads',
    'num_head_channels',
    'mlp_ratio',
    'patch_size',
    'qk_rms_norm',
    'qk_rms_norm_cross',
    'share_mod',
  ]);
  const width = Number(denoiser.cond_channels);
  const timeSchedule = options.take('trainer.args.t_schedule.name') ?? 'logitNormal';
  if (timeSchedule !== 'logitNormal' && timeSchedule !== 'uniform')
    throw refusal('trainer.args.t_schedule.name', timeSchedule, '"logitNormal" or "uniform"');
  return {
    ...shared(options),
    denoiser,
    conditioner: {
      image_size: 64,
      patch_size: 8,
      model_channels: width,
      num_blocks: 4,
      num_heads: width % 64 === 0 ? width / 64 : 1,
    },
    prediction: 'velocity',
    frame: 'canonical',
    mirror: false,
    views: 24,
    jitter: 0,
    pUncond: options.take('trainer.args.p_uncond') ?? 0.1,
    timeSchedule,
    timeMean: options.take('trainer.args.t_schedule.args.mean') ?? 0,
    timeStd: options.take('trainer.args.t_schedule.args.std') ?? 1,
  };
}

/** What all trainers take. */
function shared(options: Options): Record<string, unknown> {
  const at = (name: string) => options.take(`trainer.args.${name}`);
  options.expect('trainer.args.optimizer.name', 'AdamW');
  options.expect('trainer.args.optimizer.args.amsgrad', false);
  options.expect('trainer.args.finetune_ckpt', null);
  const rates = [at('ema_rate') ?? 0.9999].flat();
  if (rates.length !== 1) throw refusal('trainer.args.ema_rate', rates, 'one rate');
  return {
    batchSize: needed('batch_size_per_gpu', at('batch_size_per_gpu') ?? at('batch_size')),
    maxSteps: needed('max_steps', at('max_steps')),
    learningRate: at('optimizer.args.lr') ?? 1e-3, // the library's default
    optimizer: {
      betas: at('optimizer.args.betas') ?? [0.9, 0.999],
      eps: at('optimizer.args.eps') ?? 1e-8,
      weightDecay: at('optimizer.args.weight_decay') ?? 0.01,
    },
    gradClip: gradClip(options),
    emaRate: rates[0],
    warmupSteps: warmup(options),
    finalLearningRate: 1,
    minAestheticScore: options.take('dataset.args.min_aesthetic_score') ?? 5, // the dataset's default
    logEvery: at('i_log') ?? 500,
    saveEvery: at('i_save') ?? 10_000,
    validateEvery: at('i_sample') ?? 10_000,
  };
}

function needed(name: string, value: unknown): unknown {
  if (value === undefined) throw refusal(`trainer.args.${name}`, 'nothing', 'given');
  return value;
}

function gradClip(options: Options): unknown {
  const path = 'trainer.args.grad_clip';
  const value = options.read(path) ?? Number.POSITIVE_INFINITY;
  if (typeof value === 'number' || options.read(`${path}.name`) === undefined) {
    options.take(path);
    if (typeof value !== 'number') throw refusal(path, value, 'a number or AdaptiveGradClipper');
    return value;
  }
  options.expect(`${path}.name`, 'AdaptiveGradClipper');
  const maxNorm = options.take(`${path}.args.max_norm`) ?? Number.POSITIVE_INFINITY;
  const clipPercentile = options.take(`${path}.args.clip_percentile`);
  const bufferSize = options.take(`${path}.args.buffer_size`);
  return present({ maxNorm, clipPercentile, bufferSize });
}

function warmup(options: Options): unknown {
  const path = 'trainer.args.lr_scheduler';
  if ((options.read(path) ?? null) === null) {
    options.take(path);
    return 0;
  }
  options.expect(`${path}.name`, 'LinearWarmupLRScheduler');
  return options.take(`${path}.args.warmup_steps`);
}

function network(options: Options, model: string, name: string, args: readonly string[]): Record<string, unknown> {
  options.expect(`models.${model}.name`, name);
  return present(Object.fromEntries(args.map((arg) => [arg, options.take(`models.${model}.args.${arg}`)])));
}

/** The options of a config by path ("trainer.args.max_steps"), which remembers those that were asked for. */
function optionsOf(config: unknown) {
  const taken = new Set<string>();
  const isGroup = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const read = (path: string): unknown =>
    path.split('.').reduce<unknown>((o, key) => (isGroup(o) ? o[key] : undefined), config);
  const take = (path: string): unknown => {
    taken.add(path);
    return read(path);
  };
  return {
    read,
    take,
    /** The option is absent or has this value. */
    expect(path: string, value: unknown) {
      const found = take(path);
      if (found !== undefined && found !== value) throw refusal(path, found, JSON.stringify(value));
    },
    /** Paths of options that nobody asked for. */
    left: () => {
      const walk = (value: unknown, path: string): string[] => {
        if (taken.has(path)) return [];
        if (!isGroup(value)) return [path];
        return Object.entries(value).flatMap(([key, inner]) => walk(inner, path ? `${path}.${key}` : key));
      };
      return walk(config, '');
    },
  };
}

function finished(options: Options, recipe: string, found: Record<string, unknown>) {
  const ignored = new RegExp(
    `^(${WITHOUT_EFFECT.map((path) => path.replaceAll('.', '\\.').replace('*', '[^.]+')).join('|')})(\\.|$)`,
  );
  const unknown = options.left().filter((path) => !ignored.test(path));
  if (unknown.length > 0)
    throw new Error(
      `train: the recipe ${recipe} cannot honour these options of the config: ${unknown.join(', ')}. Remove them to train without.`,
    );
  return { recipe, options: present(found) };
}

const refusal = (path: string, found: unknown, expected: string) =>
  new Error(`train: ${path} of the config must be ${expected}, got ${JSON.stringify(found)}.`);

const present = (options: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
