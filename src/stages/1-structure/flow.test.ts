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
import { add, gradients, input, mean, mul, reshape, scope, square, sub, type Tensor } from '../../tensor/index.ts';
import { structureFlow, structureFlowBuffers } from './flow.ts';

test.each(['p1_qknorm', 'p2_sharemod', 'p1_plain'])(
  'flow network %s computes what the official one does',
  async (variant) => {
    const file = golden(`ss_flow_${variant}`);
    const feeds = { x: file.get('in.x'), t: file.get('in.t'), cond: file.get('in.cond') };
    const p = scope();
    const y = structureFlow(file.config, p, inputOf('x', feeds.x), inputOf('t', feeds.t), inputOf('cond', feeds.cond));
    expectWeights(p, file.below('model.'));
    const steps: Record<string, [string, number]> = {
      'mid.input_layer': ['input_layer.weight', 1],
      'mid.t_embedder': ['t_embedder.mlp.2.weight', 1],
      'mid.adaLN_modulation': ['adaLN_modulation.1.weight', 1],
      'mid.blocks.0.self_attn': ['blocks.0.self_attn.to_out.weight', 1],
      'mid.blocks.0.cross_attn': ['blocks.0.cross_attn.to_out.weight', 1],
      'mid.blocks.0.mlp': ['blocks.0.mlp.mlp.2.weight', 1],
      'mid.blocks.0': ['blocks.0.mlp.mlp.2.weight', 3],
      'mid.blocks.1': ['blocks.1.mlp.mlp.2.weight', 3],
    };
    const outputs: Record<string, Tensor> = { 'out.y': y };
    for (const name of file.tensors.keys()) if (name.startsWith('mid.')) outputs[name] = downstream(y, ...steps[name]);
    expectGolden(await evaluate(outputs, file.below('model.'), feeds), file);
    const { init } = p.parameters.get('pos_emb')?.attributes ?? {};
    if (init?.kind !== 'values') throw new Error('pos_emb must start from its formula.');
    expectClose(init.values, file.get('model.pos_emb').data, 1e-6, 'pos_emb');
  },
);

test('flow matching loss, and its gradient in every weight', async () => {
  const file = golden('train_ss_flow');
  const step = (name: string) => file.get(`in.step0.mb0.${name}`);
  const feeds = { x0: step('x_0'), noise: step('noise'), t: step('t'), cond: step('cond') };
  const weights = file.below('model.');
  const p = scope();
  const [x0, noise, t, cond] = Object.entries(feeds).map(([name, { shape }]) => input(name, shape));
  const sigma = file.config.sigma_min;
  const time = reshape(t, [t.shape[0], 1, 1, 1, 1]);
  const xt = add(mul(sub(1, time), x0), mul(add(mul(time, 1 - sigma), sigma), noise));
  const velocity = structureFlow(file.config.denoiser, p, xt, mul(t, 1000), cond);
  const loss = mean(square(sub(velocity, sub(mul(noise, 1 - sigma), x0))));
  const { pos_emb: positions, ...trained } = Object.fromEntries(p.parameters);
  expect(structureFlowBuffers).toEqual(['pos_emb']);
  const init = positions.attributes.init;
  if (init.kind !== 'values') throw new Error('pos_emb must start from its formula.');
  const shapes = (all: Record<string, { shape: readonly (number | string)[] }>) =>
    Object.fromEntries(
      Object.entries(all)
        .filter(([name]) => name !== 'pos_emb')
        .map(([name, w]) => [name, [...w.shape]]),
    );
  expect(shapes(trained)).toEqual(shapes(weights));
  const names = Object.keys(trained);
  const slopes = gradients(loss, Object.values(trained));
  const outputs = Object.fromEntries(names.map((name, i) => [`grad.${name}`, slopes[i]]));
  const state = { pos_emb: { shape: positions.shape as number[], data: Float32Array.from(init.values) }, ...weights };
  const { loss: total, ...rest } = await evaluate({ loss, ...outputs }, state, feeds);
  const { x_t } = await evaluate({ x_t: xt }, {}, { x0: feeds.x0, noise: feeds.noise, t: feeds.t });
  expectClose(x_t.data, file.get('out.x_t').data, 1e-6, 'x_t');
  expectClose(total.data, file.get('out.loss').data.slice(0, 1), 1e-5, 'loss');
  expectGolden(rest, file, 1e-3);
});
