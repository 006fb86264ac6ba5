import { expect, test } from 'vitest';
import { expectClose, type Golden, golden, inputOf } from '../../test/golden.ts';
import { velocityTarget, xAt } from '../flow/index.ts';
import { samplePosterior, structureDecoder, structureEncoder, structureFlow } from '../stages/1-structure/index.ts';
import {
  add,
  compile,
  floats,
  gradients,
  initialize,
  input,
  mul,
  normalInit,
  type Scope,
  scope,
  sum,
  type Tensor,
  torchGenerator,
  type Value,
} from '../tensor/index.ts';
import { averageName, momentNames } from './adamw.ts';
import { adaptiveClipper } from './adaptive-clipper.ts';
import { learningRateAt } from './learning-rate.ts';
import { klLoss, mseLoss, occupancyLoss } from './losses.ts';
import { initialStates, type States, trainingProgram } from './training-program.ts';

/** One micro-batch as graph, whose inputs carry the given suffix. */
type MicroBatch = (weights: Scope, suffix: string) => { loss: Tensor; terms: Record<string, Tensor> };

interface Case {
  file: Golden;
  build: MicroBatch;
  feeds: (step: number, micro: number) => Record<string, { data: Float32Array; shape: readonly number[] }>;
  warmupSteps: number;
  /** names of stored buffers */
  buffers: readonly string[];
}

const microBatches = (file: Golden, step: number) =>
  new Set([...file.tensors.keys()].flatMap((k) => k.match(new RegExp(`^in\\.step${step}\\.mb(\\d+)\\.`))?.[1] ?? []))
    .size;

/** The weights of the file; stored buffers, which it lacks, as they are initialised. */
function weightsAndBuffers(file: Golden, weights: Scope, buffers: readonly string[]): States {
  const states = Object.fromEntries(Object.entries(file.below('model.')).map(([name, t]) => [name, t.data]));
  for (const name of buffers) {
    const p = weights.parameters.get(name) as Tensor<'parameter'>;
    states[name] = initialize(p.attributes.init, p.shape, torchGenerator(0));
  }
  return states;
}

/** The loss of the first step and the gradient of every weight. */
async function expectGradients({ file, build, feeds, buffers }: Case): Promise<void> {
  const weights = scope();
  const { loss } = build(weights, '/0');
  const names = [...weights.parameters.keys()].filter((name) => !buffers.includes(name));
  const grads = gradients(
    loss,
    names.map((name) => weights.parameters.get(name) as Tensor),
  );
  const state = weightsAndBuffers(file, weights, buffers);
  const program = await compile(
    { loss, ...Object.fromEntries(names.map((name, i) => [`grad.${name}`, grads[i]])) },
    { device: 'cpu', threads: 1, state },
  );
  const out = await program.run(wire(feeds(0, 0), '/0'));
  await program.dispose();
  expectClose([Number(out.loss.data[0])], [file.get('out.loss').data[0]], 1e-5, 'loss');
  expect(Object.keys(file.below('grad.')).sort()).toEqual([...names].sort());
  for (const name of names)
    expectClose(out[`grad.${name}`].data as Float32Array, file.get(`grad.${name}`).data, 1e-3, `grad.${name}`);
}

const wire = (tensors: ReturnType<Case['feeds']>, suffix: string): Record<string, Value> =>
  Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name + suffix, floats(t.data, t.shape)]));

/** All optimiser steps of the file: losses, norms, and the weights and averages that they end with. */
async function expectTraining({ file, build, feeds, warmupSteps, buffers }: Case): Promise<void> {
  const { optimizer, grad_clip, ema_rate } = file.config;
  const { lr, weight_decay, eps } = optimizer.args;
  const steps = file.get('out.loss').data.length;
  const clipper = adaptiveClipper({ maxNorm: grad_clip.args.max_norm, clipPercentile: grad_clip.args.clip_percentile });
  const declared = scope();
  build(declared, '');
  const before = weightsAndBuffers(file, declared, buffers);
  let states: States = { ...before };
  for (const [name, data] of Object.entries(before)) {
    if (buffers.includes(name)) continue;
    for (const moment of momentNames(name)) states[moment] = new Float32Array(data.length);
    states[averageName(name)] = data.slice();
  }
  for (let step = 0; step < steps; step++) {
    const count = microBatches(file, step);
    const weights = scope();
    const parts = [...Array(count).keys()].map((j) => build(weights, `/${j}`));
    const mean = (of: (part: (typeof parts)[number]) => Tensor) =>
      mul(
        parts.map(of).reduce((a, b) => add(a, b)),
        1 / count,
      );
    // A program per number of micro-batches; the states move over.
    const program = await trainingProgram(
      {
        weights,
        buffers,
        losses: parts.map((part) => part.loss),
        terms: Object.fromEntries(Object.keys(parts[0].terms).map((name) => [name, mean((part) => part.terms[name])])),
        optimizer: { weightDecay: weight_decay, eps, emaRate: ema_rate[0] },
        device: 'cpu',
        threads: 1,
      },
      states,
    );
    const rate = learningRateAt(step, { learningRate: lr, warmupSteps, maxSteps: 1000, finalLearningRate: 1 });
    if (file.tensors.has('out.lr')) expect(rate).toBeCloseTo(file.get('out.lr').data[step], 9);
    const inputs = Object.assign({}, ...[...Array(count).keys()].map((j) => wire(feeds(step, j), `/${j}`)));
    const { loss, gradNorm, ...terms } = await program.step(inputs, {
      step: step + 1,
      lr: rate,
      maxNorm: clipper.limit(),
    });
    clipper.record(gradNorm);
    states = await program.read();
    await program.dispose();
    const at = (name: string) => [file.get(`out.${name}`).data[step]];
    expectClose([loss], at('loss'), 1e-5, `loss of step ${step}`);
    expectClose([gradNorm], at('grad_norm'), 1e-3, `norm of step ${step}`);
    for (const [name, value] of Object.entries(terms))
      expectClose([value], at(`term_${name}`), 1e-4, `${name} of step ${step}`);
  }
  const allowed = 2e-2 * lr * steps;
  for (const name of Object.keys(before)) {
    if (buffers.includes(name)) {
      expect(states[name], name).toEqual(before[name]);
      continue;
    }
    expect(largestError(states[name], file.get(`after.${name}`).data), `after.${name}`).toBeLessThan(allowed);
    expect(largestError(states[averageName(name)], file.get(`ema.${name}`).data), `ema.${name}`).toBeLessThan(allowed);
  }
}

const largestError = (a: Float32Array, b: Float32Array) =>
  a.length === b.length ? a.reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i]) || 0), 0) : Number.NaN;

const vae: Case = {
  file: golden('train_ss_vae'),
  warmupSteps: 0,
  buffers: [],
  build(weights, suffix) {
    const { encoder, decoder, loss_type, lambda_kl } = vae.file.config;
    const ss = input(`ss${suffix}`, vae.file.get('in.step0.mb0.ss').shape);
    const { mean, logvar } = structureEncoder(encoder, weights.at('encoder'), ss);
    const latent = samplePosterior(mean, logvar, inputOf(`eps${suffix}`, vae.file.get('in.step0.mb0.eps')));
    const dice = occupancyLoss(loss_type, structureDecoder(decoder, weights.at('decoder'), latent), ss);
    const kl = klLoss(mean, logvar);
    return { loss: add(dice, mul(kl, lambda_kl)), terms: { dice, kl } };
  },
  feeds: (step, micro) => vae.file.below(`in.step${step}.mb${micro}.`),
};

const flow: Case = {
  file: golden('train_ss_flow'),
  warmupSteps: 2,
  buffers: ['pos_emb'],
  build(weights, suffix) {
    const like = (name: string, of = name) => inputOf(name + suffix, flow.file.get(`in.step0.mb0.${of}`));
    const velocity = structureFlow(flow.file.config.denoiser, weights, like('x', 'x_0'), like('t'), like('cond'));
    const mse = mseLoss(velocity, like('target', 'x_0'));
    return { loss: mse, terms: { mse } };
  },
  feeds(step, micro) {
    const { x_0, noise, t, cond } = flow.file.below(`in.step${step}.mb${micro}.`);
    const batch = t.data.length;
    const size = x_0.data.length / batch;
    const x = new Float32Array(x_0.data.length);
    for (let i = 0; i < batch; i++) {
      const own = (a: Float32Array) => a.subarray(i * size, (i + 1) * size);
      x.set(xAt(own(x_0.data), own(noise.data), t.data[i]), i * size);
    }
    return {
      x: { shape: x_0.shape, data: x },
      target: { shape: x_0.shape, data: velocityTarget(x_0.data, noise.data) },
      t: { shape: t.shape, data: t.data.map((v) => v * 1000) },
      cond,
    };
  },
};

test('autoencoder: the gradient of every weight is the reference’s', () => expectGradients(vae));
test('flow: the gradient of every weight is the reference’s', () => {
  expectClose(flow.feeds(0, 0).x.data, flow.file.get('out.x_t').data, 1e-6, 'x_t');
  return expectGradients(flow);
});
test('autoencoder: three updates, one of two micro-batches, end where the reference ends', () => expectTraining(vae));
test('flow: three updates with warm-up end where the reference ends', () => expectTraining(flow));

test('a gradient that is not finite leaves every state as it was', async () => {
  const weights = scope();
  const w = weights.weight('w', [2], normalInit(1));
  const loss = sum(mul(mul(w, w), input('x', [2])));
  const fresh = initialStates(weights, [], torchGenerator(1), { emaRate: 0.9 });
  const program = await trainingProgram(
    { weights, losses: [loss], optimizer: { emaRate: 0.9 }, device: 'cpu', threads: 1 },
    fresh,
  );
  const step = (x: number) => program.step({ x: floats(Float32Array.of(1, x), [2]) }, { step: 1, lr: 0.1, maxNorm: 1 });
  try {
    const before = await program.read();
    expect((await step(Number.POSITIVE_INFINITY)).gradNorm).not.toSatisfy(Number.isFinite);
    expect(await program.read()).toEqual(before);
    await step(1);
    expect(await program.read()).not.toEqual(before);
  } finally {
    await program.dispose();
  }
});
