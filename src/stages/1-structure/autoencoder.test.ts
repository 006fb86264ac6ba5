import { expect, test } from 'vitest';
import {
  downstream,
  evaluate,
  expectClose,
  expectGolden,
  expectWeights,
  golden,
  inputOf,
} from '../../../test/golden.ts';
import {
  add,
  div,
  exp,
  gradients,
  input,
  mean,
  mul,
  scope,
  sigmoid,
  square,
  sub,
  sum,
  type Tensor,
} from '../../tensor/index.ts';
import { samplePosterior, structureDecoder, structureEncoder } from './autoencoder.ts';

test.each(['layer', 'group'])('encoder with %s norm computes what the official one does', async (norm) => {
  const file = golden(`ss_encoder_${norm}`);
  const p = scope();
  const { mean, logvar } = structureEncoder(file.config, p, inputOf('in.x', file.get('in.x')));
  const z = samplePosterior(mean, logvar, inputOf('in.eps', file.get('in.eps')));
  expectWeights(p, file.below('model.'));
  const inner: Record<string, Tensor> =
    norm === 'layer'
      ? {
          'mid.input_layer': downstream(z, 'input_layer.weight', 1),
          'mid.blocks.0': downstream(z, 'blocks.0.conv2.weight', 2),
          'mid.blocks.1': downstream(z, 'blocks.1.conv.weight', 1),
          'mid.middle_block': downstream(z, 'middle_block.0.conv2.weight', 2),
        }
      : {
          'mid.blocks.3': downstream(z, 'blocks.3.conv.weight', 1),
          'mid.out_layer.0': downstream(z, 'out_layer.0.bias', 2),
        };
  const outputs = { 'out.mean': mean, 'out.logvar': logvar, 'out.z': z, ...inner };
  expectGolden(
    await evaluate(outputs, file.below('model.'), { 'in.x': file.get('in.x'), 'in.eps': file.get('in.eps') }),
    file,
  );
});

test.each(['layer', 'group'])('decoder with %s norm computes what the official one does', async (norm) => {
  const file = golden(`ss_decoder_${norm}`);
  const p = scope();
  const logits = structureDecoder(file.config, p, inputOf('in.z', file.get('in.z')));
  expectWeights(p, file.below('model.'));
  const inner: Record<string, Tensor> = {
    'mid.middle_block': downstream(logits, 'middle_block.0.conv2.weight', 2),
    'mid.blocks.1': downstream(logits, 'blocks.1.conv.weight', 4),
  };
  for (const name of Object.keys(inner)) if (!file.tensors.has(name)) delete inner[name];
  const got = await evaluate({ 'out.logits': logits, ...inner }, file.below('model.'), { 'in.z': file.get('in.z') });
  expectGolden(got, file);
  const side = got['out.logits'].shape[4];
  const occupied: number[] = [];
  got['out.logits'].data.forEach((logit, i) => {
    const z = i % side;
    const y = Math.floor(i / side) % side;
    const x = Math.floor(i / side ** 2) % side;
    if (logit > 0) occupied.push(Math.floor(i / side ** 3), x, y, z);
  });
  expect(occupied).toEqual([...file.get('out.coords').data]);
});

test('dice and KL loss of the autoencoder, and its gradient in every weight', async () => {
  const file = golden('train_ss_vae');
  const feeds = { ss: file.get('in.step0.mb0.ss'), eps: file.get('in.step0.mb0.eps') };
  const p = scope();
  const truth = input('ss', feeds.ss.shape);
  const { mean: mu, logvar } = structureEncoder(file.config.encoder, p.at('encoder'), truth);
  const z = samplePosterior(mu, logvar, input('eps', feeds.eps.shape));
  const o = sigmoid(structureDecoder(file.config.decoder, p.at('decoder'), z));
  const overlap = add(mul(sum(mul(o, truth)), 2), 1);
  const dice = sub(1, div(overlap, add(add(sum(o), sum(truth)), 1)));
  const kl = mul(mean(sub(sub(add(square(mu), exp(logvar)), logvar), 1)), 0.5);
  const loss = add(dice, mul(kl, file.config.lambda_kl));
  expectWeights(p, file.below('model.'));
  const names = [...p.parameters.keys()];
  const slopes = gradients(loss, [...p.parameters.values()]);
  const outputs = Object.fromEntries(names.map((name, i) => [`grad.${name}`, slopes[i]]));
  const {
    loss: total,
    dice: d,
    kl: k,
    ...grads
  } = await evaluate({ loss, dice, kl, ...outputs }, file.below('model.'), feeds);
  expectClose(total.data, file.get('out.loss').data.slice(0, 1), 1e-5, 'loss');
  expectClose(d.data, file.get('out.term_dice').data.slice(0, 1), 1e-5, 'dice');
  expectClose(k.data, file.get('out.term_kl').data.slice(0, 1), 1e-5, 'kl');
  expectGolden(grads, file, 1e-3);
});
