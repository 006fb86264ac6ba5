import { describe, expect, test } from 'vitest';
import { devices } from '../../../test/devices.ts';
import {
  downstream,
  evaluate,
  expectClose,
  expectGolden,
  expectWeights,
  type Golden,
  type GoldenTensor,
  golden,
  voxelsOf,
} from '../../../test/golden.ts';
import { gaussianColors, gaussianCovariances } from '../../representations/index.ts';
import { sparseGrid } from '../../sparse/index.ts';
import { add, exp, gradients, input, mean, mul, scope, slice, square, sub, type Tensor } from '../../tensor/index.ts';
import { samplePosterior } from '../1-structure/index.ts';
import { latentEncoder } from '../2-latent/index.ts';
import { gaussianDecoder, gaussianDecoderBuffers, openGaussianDecoder } from './gaussian-decoder.ts';

const stateOf = (weights: Record<string, GoldenTensor>) =>
  Object.fromEntries(Object.entries(weights).map(([name, t]) => [name, t.data]));

describe.each(devices)('the Gaussian decoder on $device', ({ device, present }) => {
  test.skipIf(!present)('computes what the official one does', async () => {
    const file = golden('slat_decoder_gs');
    const voxels = voxelsOf(file, 'in.x.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const { raw } = gaussianDecoder(file.config, p, grid, input('x', [grid.rows, 8]));
    expectWeights(p, file.below('model.'));
    const outputs = {
      'out.h': raw,
      'mid.blocks.0': downstream(raw, 'blocks.0.mlp.mlp.2.weight', 2),
      'mid.blocks.1': downstream(raw, 'blocks.1.mlp.mlp.2.weight', 2),
    };
    const feeds = { x: file.get('in.x.feats') };
    expectGolden(await evaluate(outputs, file.below('model.'), feeds, { device, plan: grid.plan(voxels) }), file);
  });
});

test('the offsets of a fresh decoder are spread as in the official one', () => {
  const file = golden('slat_decoder_gs');
  const [grid, p] = [sparseGrid(), scope()];
  gaussianDecoder(file.config, p, grid, input('x', [grid.rows, 8]));
  expect(gaussianDecoderBuffers).toEqual(['offset_perturbation']);
  const { init } = p.parameters.get('offset_perturbation')?.attributes ?? {};
  if (init?.kind !== 'values') throw new Error('offset_perturbation must start from its formula.');
  expectClose(init.values, file.get('model.offset_perturbation').data, 1e-6);
});

test('Gaussians of each object equal the official ones, activated, with their covariances', async () => {
  const file = golden('slat_decoder_gs');
  const voxels = voxelsOf(file, 'in.x.coords');
  const decoder = await openGaussianDecoder(file.config, { state: stateOf(file.below('model.')) }, { objects: 2 });
  const objects = await decoder.decode(voxels, file.get('in.x.feats').data);
  await decoder.dispose();
  expect(objects.length).toBe(2);
  for (const [i, g] of objects.entries()) {
    const expected = (name: string) => file.get(`out.${i}.${name}`).data;
    expectClose(g.means, expected('xyz'), 1e-4, 'means');
    expectClose(g.scales, expected('scaling'), 1e-4, 'scales');
    expectClose(g.rotations, expected('rotation'), 1e-4, 'rotations');
    expectClose(g.opacities, expected('opacity'), 1e-4, 'opacities');
    expectClose(g.colorsDc, expected('features_dc'), 1e-4, 'colors');
    if (i === 0) expectClose(gaussianCovariances(g), expected('covariance'), 1e-4, 'covariances');
  }
  expect([...gaussianColors({ ...objects[0], colorsDc: Float32Array.of(0, -9, 1) })]).toEqual([
    0.5,
    0,
    Math.fround(0.7820947917738781),
  ]);
});

test('encoder and decoder train together: loss, its terms, and the gradient in every weight', async () => {
  const file = golden('train_slat_vae_gs');
  const voxels = voxelsOf(file, 'in.x.coords');
  const [grid, p] = [sparseGrid(voxels.objects), scope()];
  const { encoder, decoder, lambda_kl, regularizations } = file.config;
  const { mean: mu, logvar } = latentEncoder(encoder, p.at('encoder'), grid, input('x', [grid.rows, 24]));
  const z = samplePosterior(mu, logvar, input('eps', [grid.rows, 8]));
  const g = gaussianDecoder(decoder, p.at('decoder'), grid, z);
  expectWeights(p, file.below('model.'));

  const kl = mul(mean(sub(sub(add(square(mu), exp(logvar)), logvar), 1)), 0.5);
  const [sx, sy, sz] = [0, 1, 2].map((axis) => slice(g.scales, 1, axis, axis + 1));
  const volume = mean(mul(mul(sx, sy), sz));
  const opacity = mean(square(sub(g.opacities, 1)));
  const { lin, feeds } = linearFunctional(file, g, voxels.objects);
  const loss = [
    lin,
    mul(kl, lambda_kl),
    mul(volume, regularizations.lambda_vol),
    mul(opacity, regularizations.lambda_opacity),
  ].reduce((a, b) => add(a, b));
  const trained = [...p.parameters].filter(([name]) => !gaussianDecoderBuffers.some((buffer) => name.endsWith(buffer)));
  const slopes = gradients(
    loss,
    trained.map(([, t]) => t),
  );
  const grads = Object.fromEntries(trained.map(([name], i) => [`grad.${name}`, slopes[i]]));
  const terms = { 'out.loss': loss, 'out.lin': lin, 'out.kl': kl, 'out.reg_vol': volume, 'out.reg_opacity': opacity };
  const all = { ...feeds, x: file.get('in.x.feats'), eps: file.get('in.eps') };
  const got = await evaluate({ ...terms, ...grads }, file.below('model.'), all, { plan: grid.plan(voxels) });
  for (const name of Object.keys(terms)) expectClose(got[name].data, file.get(name).data, 1e-5, name);
  expect(Object.keys(grads).sort()).toEqual([...file.tensors.keys()].filter((k) => k.startsWith('grad.')).sort());
  for (const name of Object.keys(grads)) expectClose(got[name].data, file.get(name).data, 1e-3, name);
});

/** Σ over objects and attributes of mean(attribute·r): rows of all objects at once, each weighted by its object's size. */
function linearFunctional(file: Golden, g: Record<string, Tensor> | object, objects: number) {
  const names = {
    xyz: 'means',
    scaling: 'scales',
    rotation: 'rotations',
    opacity: 'opacities',
    features_dc: 'colorsDc',
  };
  const feeds: Record<string, GoldenTensor> = {};
  const terms = Object.entries(names).map(([official, own]) => {
    const perObject = Array.from({ length: objects }, (_, i) => file.get(`in.r.${i}.${official}`));
    const data = perObject.flatMap((r) => [...r.data].map((v) => v / r.data.length));
    const value = (g as Record<string, Tensor>)[own];
    const width = value.shape[1] as number;
    feeds[`r.${own}`] = { shape: [data.length / width, width], data: Float32Array.from(data) };
    return mul(mean(mul(value, input(`r.${own}`, value.shape))), data.length);
  });
  return { lin: terms.reduce((a, b) => add(a, b)), feeds };
}
