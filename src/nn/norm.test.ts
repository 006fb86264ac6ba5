import { expect, test } from 'vitest';
import { evaluate, expectGolden, expectWeights, golden, inputOf } from '../../test/golden.ts';
import { reshape, type Scope, scope, type Tensor, vectorJacobian } from '../tensor/index.ts';
import { affineLayerNorm, BLOCK_EPS, channelLayerNorm, groupNorm, headNorm } from './norm.ts';

/** RMS norm of [.., H, d] through the network's layout [B, T, H·d]. */
function rms(p: Scope, x: Tensor): Tensor {
  const [heads, d] = x.shape.slice(-2) as number[];
  const rows = x.shape.slice(0, -2).reduce<number>((a, n) => a * Number(n), 1);
  return reshape(headNorm(p, reshape(x, [1, rows, heads * d]), heads), x.shape);
}

const norms: Record<string, (p: Scope, x: Tensor) => Tensor> = {
  rms,
  sparse_rms: rms,
  ln: (p, x) => affineLayerNorm(p, x, BLOCK_EPS),
  chln: channelLayerNorm,
  gn: (p, x) => groupNorm(p, x, 32),
};

test.each(Object.keys(norms))('norm %s and its gradients equal the official ones', async (tag) => {
  const file = golden('norms');
  const weights = file.below(`model.${tag}.`);
  const feeds = { x: file.get(`in.${tag}`), r: file.get(`in.grad_${tag}_r`) };
  const p = scope();
  const x = inputOf('x', feeds.x);
  const y = norms[tag](p, x);
  expectWeights(p, weights);
  const wrt: [string, Tensor][] = [['x', x], ...p.parameters];
  const slopes = vectorJacobian(
    [y],
    [inputOf('r', feeds.r)],
    wrt.map(([, t]) => t),
  );
  const outputs = Object.fromEntries(wrt.map(([name], i) => [`grad_${tag}.${name}`, slopes[i] as Tensor]));
  expect(Object.keys(outputs).sort()).toEqual(
    [...file.tensors.keys()].filter((k) => k.startsWith(`grad_${tag}.`)).sort(),
  );
  expectGolden(await evaluate({ [`out.${tag}`]: y, ...outputs }, weights, feeds), file);
});
