import { describe, expect, test } from 'vitest';
import { devices } from '../../../test/devices.ts';
import {
  downstream,
  evaluate,
  expectClose,
  expectGolden,
  expectWeights,
  type Golden,
  golden,
  inputOf,
  voxelsOf,
} from '../../../test/golden.ts';
import { sparseGrid } from '../../sparse/index.ts';
import {
  add,
  gather,
  gradients,
  input,
  mean,
  mul,
  reshape,
  scope,
  square,
  sub,
  type Tensor,
} from '../../tensor/index.ts';
import { latentFlow } from './flow.ts';

/** Where a block's result stands, counted from one of its weights. */
function inside(y: Tensor, name: string, file: Golden): Tensor {
  const path = name.replace('mid.', '');
  if (path === 'input_layer') return downstream(y, 'input_layer.weight', 1);
  if (path.startsWith('blocks.')) return downstream(y, `${path}.mlp.mlp.2.weight`, 3);
  const shortcut = `${path}.skip_connection.weight`;
  return file.tensors.has(`model.${shortcut}`)
    ? downstream(y, shortcut, 2)
    : downstream(y, `${path}.conv2.conv.weight`, 3);
}

describe.each(devices)('the latent flow network on $device', ({ device, present }) => {
  test.skipIf(!present).each(['p2_skip', 'p2_noskip', 'p1_sharemod'])(
    '%s computes what the official one does',
    async (variant) => {
      const file = golden(`slat_flow_${variant}`);
      const voxels = voxelsOf(file, 'in.x.coords');
      const [grid, p] = [sparseGrid(voxels.objects), scope()];
      const x = input('x', [grid.rows, 8]);
      const [t, cond] = [inputOf('t', file.get('in.t')), inputOf('cond', file.get('in.cond'))];
      const y = latentFlow(file.config, p, grid, x, t, cond);
      expectWeights(p, file.below('model.'));
      const outputs: Record<string, Tensor> = { 'out.y.feats': y };
      for (const name of file.tensors.keys()) if (name.startsWith('mid.')) outputs[name] = inside(y, name, file);
      const feeds = { x: file.get('in.x.feats'), t: file.get('in.t'), cond: file.get('in.cond') };
      expectGolden(await evaluate(outputs, file.below('model.'), feeds, { device, plan: grid.plan(voxels) }), file);
      expect(Object.keys(outputs).length).toBeGreaterThan(2);
    },
  );
});

test('flow matching loss over voxels, and its gradient in every weight', async () => {
  const file = golden('train_slat_flow');
  const voxels = voxelsOf(file, 'in.x_0.coords');
  const [grid, p] = [sparseGrid(voxels.objects), scope()];
  const [x0, noise] = ['x0', 'noise'].map((name) => input(name, [grid.rows, 8]));
  const [t, cond] = [inputOf('t', file.get('in.t')), inputOf('cond', file.get('in.cond'))];
  const sigma = file.config.sigma_min;
  const time = reshape(gather(t, grid.object()), [grid.rows, 1]);
  const xt = add(mul(sub(1, time), x0), mul(add(mul(time, 1 - sigma), sigma), noise));
  const velocity = latentFlow(file.config.denoiser, p, grid, xt, mul(t, 1000), cond);
  const loss = mean(square(sub(velocity, sub(mul(noise, 1 - sigma), x0))));
  expectWeights(p, file.below('model.'));
  const names = [...p.parameters.keys()];
  const slopes = gradients(loss, [...p.parameters.values()]);
  const outputs = Object.fromEntries(names.map((name, i) => [`grad.${name}`, slopes[i]]));
  const feeds = {
    x0: file.get('in.x_0.feats'),
    noise: file.get('in.noise'),
    t: file.get('in.t'),
    cond: file.get('in.cond'),
  };
  const got = await evaluate({ loss, 'out.x_t': xt, ...outputs }, file.below('model.'), feeds, {
    plan: grid.plan(voxels),
  });
  const { loss: total, 'out.x_t': noised, ...grads } = got;
  expectClose(noised.data, file.get('out.x_t').data, 1e-6, 'x_t');
  expectClose(total.data, file.get('out.loss').data, 1e-5, 'loss');
  expect(Object.keys(grads).sort()).toEqual([...file.tensors.keys()].filter((k) => k.startsWith('grad.')).sort());
  for (const [name, g] of Object.entries(grads)) {
    // Shifting all keys alike changes no softmax: half of this bias has no gradient but rounding.
    const values = name.endsWith('cross_attn.to_kv.bias')
      ? [g.data, file.get(name).data].map((d) => d.slice(d.length / 2))
      : [g.data, file.get(name).data];
    expectClose(values[0], values[1], 1e-3, name);
  }
});
