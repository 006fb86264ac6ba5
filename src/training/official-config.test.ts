import { expect, test } from 'vitest';
import { learningRateAt } from './learning-rate.ts';
import { recipeOfConfig } from './official-config.ts';
import { structureVaeRecipe } from './recipes/1-structure-vae.ts';
import { structureFlowRecipe } from './recipes/2-structure-flow.ts';

// The published files as reference/training.md §3 describes them.
const trainerArgs = {
  max_steps: 1_000_000,
  batch_split: 1,
  optimizer: { name: 'AdamW', args: { lr: 0.0001, weight_decay: 0.0 } },
  ema_rate: [0.9999],
  fp16_mode: 'inflat_all',
  fp16_scale_growth: 0.001,
  grad_clip: { name: 'AdaptiveGradClipper', args: { max_norm: 1.0, clip_percentile: 95 } },
  i_log: 500,
  i_sample: 10_000,
  i_save: 10_000,
};

const vae = () =>
  structuredClone({
    models: {
      encoder: {
        name: 'SparseStructureEncoder',
        args: {
          in_channels: 1,
          latent_channels: 8,
          num_res_blocks: 2,
          num_res_blocks_middle: 2,
          channels: [32, 128, 512],
          use_fp16: true,
        },
      },
      decoder: {
        name: 'SparseStructureDecoder',
        args: {
          out_channels: 1,
          latent_channels: 8,
          num_res_blocks: 2,
          num_res_blocks_middle: 2,
          channels: [512, 128, 32],
          use_fp16: true,
        },
      },
    },
    dataset: { name: 'SparseStructure', args: { resolution: 64, min_aesthetic_score: 4.5 } },
    trainer: {
      name: 'SparseStructureVaeTrainer',
      args: { ...trainerArgs, batch_size_per_gpu: 4, loss_type: 'dice', lambda_kl: 0.001 },
    },
  });

const flow = () =>
  structuredClone({
    models: {
      denoiser: {
        name: 'SparseStructureFlowModel',
        args: {
          resolution: 16,
          in_channels: 8,
          out_channels: 8,
          model_channels: 1024,
          cond_channels: 1024,
          num_blocks: 24,
          num_heads: 16,
          mlp_ratio: 4,
          patch_size: 1,
          pe_mode: 'ape',
          qk_rms_norm: true,
          use_fp16: true,
        },
      },
    },
    dataset: {
      name: 'ImageConditionedSparseStructureLatent',
      args: {
        latent_model: 'ss_enc_conv3d_16l8_fp16',
        min_aesthetic_score: 4.5,
        image_size: 518,
        pretrained_ss_dec: 'microsoft/TRELLIS-image-large/ckpts/ss_dec_conv3d_16l8_fp16',
      },
    },
    trainer: {
      name: 'ImageConditionedFlowMatchingCFGTrainer',
      args: {
        ...trainerArgs,
        batch_size_per_gpu: 8,
        p_uncond: 0.1,
        t_schedule: { name: 'logitNormal', args: { mean: 1.0, std: 1.0 } },
        sigma_min: 1e-5,
        image_cond_model: 'dinov2_vitl14_reg',
      },
    },
  });

const published = {
  maxSteps: 1_000_000,
  learningRate: 1e-4,
  optimizer: { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 },
  gradClip: { maxNorm: 1, clipPercentile: 95 },
  emaRate: 0.9999,
  warmupSteps: 0,
  finalLearningRate: 1,
  minAestheticScore: 4.5,
  logEvery: 500,
  saveEvery: 10_000,
  validateEvery: 10_000,
};

test('ss_vae_conv3d_16l8_fp16 becomes a recipe with the published values', () => {
  const { recipe, options } = recipeOfConfig(vae());
  expect(recipe).toBe('structure-vae');
  const { use_fp16: _, ...encoder } = vae().models.encoder.args;
  const { use_fp16: __, ...decoder } = vae().models.decoder.args;
  expect(options).toEqual({
    ...published,
    batchSize: 4,
    encoder,
    decoder,
    trainEncoder: true,
    coarseLevels: 0,
    latentNoise: 0,
    turnedShare: 0,
    crop: 64,
    lossType: 'dice',
    lambdaKl: 1e-3,
  });
  expect(Object.keys(options).filter((name) => !(name in structureVaeRecipe))).toEqual([]);
});

test('ss_flow_img_dit_L_16l8_fp16 becomes a recipe with the published values, its prompt as wide as published', () => {
  const { recipe, options } = recipeOfConfig(flow());
  expect(recipe).toBe('structure-flow');
  const { use_fp16: _, pe_mode: __, ...denoiser } = flow().models.denoiser.args;
  const { conditioner, ...others } = options;
  expect(others).toEqual({
    ...published,
    batchSize: 8,
    denoiser,
    prediction: 'velocity',
    frame: 'canonical',
    mirror: false,
    views: 24,
    jitter: 0,
    pUncond: 0.1,
    timeSchedule: 'logitNormal',
    timeMean: 1,
    timeStd: 1,
  });
  expect(conditioner).toMatchObject({ model_channels: 1024, num_heads: 16 });
  expect(Object.keys(options).filter((name) => !(name in structureFlowRecipe))).toEqual([]);
});

type Changed = ReturnType<typeof vae> & ReturnType<typeof flow>;
/** Options of a published config after a change to it. */
function after(config: () => object, change: (args: Record<string, unknown>, config: Changed) => void) {
  const changed = config() as Changed;
  change(changed.trainer.args as unknown as Record<string, unknown>, changed);
  return recipeOfConfig(changed).options;
}

test('the optimiser’s options, clipping, warm-up and time schedule are honoured', () => {
  const optimizer = { name: 'AdamW', args: { lr: 2e-3, weight_decay: 0.05, betas: [0.8, 0.95], eps: 1e-6 } };
  expect(after(vae, (args) => Object.assign(args, { optimizer }))).toMatchObject({
    learningRate: 2e-3,
    optimizer: { betas: [0.8, 0.95], eps: 1e-6, weightDecay: 0.05 },
  });
  expect(after(vae, (args) => Object.assign(args, { grad_clip: 0.5 }))).toMatchObject({ gradClip: 0.5 });
  expect(after(vae, (args) => delete args.grad_clip)).toMatchObject({ gradClip: Number.POSITIVE_INFINITY });
  const lr_scheduler = { name: 'LinearWarmupLRScheduler', args: { warmup_steps: 4 } };
  const warm = after(flow, (args) => Object.assign(args, { lr_scheduler }));
  const rates = [0, 1, 3, 4, 999_999].map((step) =>
    learningRateAt(step, warm as unknown as typeof structureFlowRecipe),
  );
  for (const [i, rate] of [0.25e-4, 0.5e-4, 1e-4, 1e-4, 1e-4].entries()) expect(rates[i]).toBeCloseTo(rate, 12);
  expect(after(flow, (args) => Object.assign(args, { t_schedule: { name: 'uniform', args: {} } }))).toMatchObject({
    timeSchedule: 'uniform',
  });
  expect(after(flow, (args) => Object.assign(args, { batch_split: 4 }))).toMatchObject({ batchSize: 8 });
});

test('left out, an option has the official default', () => {
  expect(
    after(vae, (args) => {
      for (const name of ['loss_type', 'lambda_kl', 'ema_rate', 'i_log', 'i_save', 'i_sample']) delete args[name];
      args.optimizer = { name: 'AdamW', args: {} };
    }),
  ).toMatchObject({
    lossType: 'bce',
    lambdaKl: 1e-6,
    emaRate: 0.9999,
    learningRate: 1e-3,
    optimizer: { weightDecay: 0.01 },
    logEvery: 500,
  });
  expect(after(flow, (args) => delete args.t_schedule)).toMatchObject({ timeMean: 0, timeStd: 1 });
});

const refused: [string, () => object, (args: Record<string, unknown>, config: Changed) => void][] = [
  ['trainer.args.lr_scheduler.name', vae, (args) => (args.lr_scheduler = { name: 'CosineAnnealingLR', args: {} })],
  ['trainer.args.optimizer.name', vae, (args) => (args.optimizer = { name: 'SGD', args: { lr: 1 } })],
  [
    'trainer.args.optimizer.args.momentum',
    vae,
    (args) => (args.optimizer = { name: 'AdamW', args: { lr: 1, momentum: 1 } }),
  ],
  ['trainer.args.grad_clip.name', vae, (args) => (args.grad_clip = { name: 'Other', args: {} })],
  ['trainer.args.ema_rate', vae, (args) => (args.ema_rate = [0.9, 0.99])],
  ['trainer.args.batch_split', vae, (args) => (args.batch_split = 2)],
  ['trainer.args.finetune_ckpt', flow, (args) => (args.finetune_ckpt = { denoiser: 'x' })],
  ['trainer.args.t_schedule.name', flow, (args) => (args.t_schedule = { name: 'cosine', args: {} })],
  ['trainer.args.sigma_min', flow, (args) => (args.sigma_min = 1e-3)],
  ['trainer.args.max_steps', vae, (args) => delete args.max_steps],
  ['trainer.args.lambda_new', flow, (args) => (args.lambda_new = 1)],
  [
    'dataset.args.normalization.mean, dataset.args.normalization.std',
    flow,
    (_, { dataset }) => Object.assign(dataset.args, { normalization: { mean: [0], std: [1] } }),
  ],
  ['models.denoiser.args.pe_mode', flow, (_, { models }) => Object.assign(models.denoiser.args, { pe_mode: 'rope' })],
  ['models.encoder.name', vae, (_, { models }) => Object.assign(models.encoder, { name: 'SLatEncoder' })],
  ['models.encoder.args.dropout', vae, (_, { models }) => Object.assign(models.encoder.args, { dropout: 0.1 })],
];
test.each(refused)('%s that we cannot honour is refused by name', (path, config, change) => {
  expect(() => after(config, change)).toThrow(path);
});

test('another trainer, or no config at all, says which trainers there are', () => {
  expect(() => after(vae, (_, config) => Object.assign(config.trainer, { name: 'SLatVaeGaussianTrainer' }))).toThrow(
    'the config\'s trainer is "SLatVaeGaussianTrainer"; expected SparseStructureVaeTrainer or',
  );
  for (const nothing of [{}, [], null, 'x', { trainer: 3 }])
    expect(() => recipeOfConfig(nothing)).toThrow('trainer is');
});
