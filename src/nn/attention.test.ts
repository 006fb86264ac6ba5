import { expect, test } from 'vitest';
import { evaluate, expectGolden, expectWeights, golden, inputOf } from '../../test/golden.ts';
import { scope, type Tensor, vectorJacobian } from '../tensor/index.ts';
import { crossAttention, selfAttention } from './attention.ts';

test.each(['self', 'self_qk', 'cross', 'cross_qk'])(
  '%s attention and its gradients equal the official ones',
  async (tag) => {
    const file = golden('attention');
    const weights = file.below(`model.${tag}.`);
    const feeds = { x: file.get('in.x'), ctx: file.get('in.ctx'), r: file.get(`in.grad_${tag}_r`) };
    const p = scope();
    const options = { heads: file.config.num_heads as number, qkRmsNorm: tag.endsWith('_qk') };
    const [x, ctx] = [inputOf('x', feeds.x), inputOf('ctx', feeds.ctx)];
    const cross = tag.startsWith('cross');
    const y = cross ? crossAttention(p, x, ctx, options) : selfAttention(p, x, options);
    expectWeights(p, weights);
    const wrt: [string, Tensor][] = [
      ['x', x],
      ...(cross ? ([['ctx', ctx]] as [string, Tensor][]) : []),
      ...p.parameters,
    ];
    const slopes = vectorJacobian(
      [y],
      [inputOf('r', feeds.r)],
      wrt.map(([, t]) => t),
    );
    const outputs = Object.fromEntries(wrt.map(([name], i) => [`grad_${tag}.${name}`, slopes[i] as Tensor]));
    expect(Object.keys(outputs).sort()).toEqual(
      [...file.tensors.keys()].filter((k) => k.startsWith(`grad_${tag}.`)).sort(),
    );
    const { ctx: unused, ...selfFeeds } = feeds;
    expectGolden(await evaluate({ [`out.${tag}`]: y, ...outputs }, weights, cross ? feeds : selfFeeds), file);
  },
);
