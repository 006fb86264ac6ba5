import { expect, test } from 'vitest';
import {
  downstream,
  evaluate,
  expectClose,
  expectGolden,
  type Golden,
  type GoldenTensor,
  golden,
  inputOf,
} from '../../../test/golden.ts';
import { layerNorm } from '../../nn/index.ts';
import { scope, type Tensor } from '../../tensor/index.ts';
import { type Dinov2Config, type Dinov2Naming, dinov2Condition, dinov2Tokens, dinov2Unused } from './dinov2.ts';

const configOf = ({ config: c }: Golden, naming: Dinov2Naming): Dinov2Config => ({
  image_size: c.img_size,
  patch_size: c.patch_size,
  embed_dim: c.embed_dim,
  depth: c.depth,
  num_heads: c.num_heads,
  mlp_ratio: c.mlp_ratio,
  num_register_tokens: c.num_register_tokens,
  naming,
});

const cases: [string, Dinov2Naming][] = [
  ['dinov2_reg_hub', 'hub'],
  ['dinov2_reg_hf', 'huggingface'],
];

test.each(cases)('%s: tokens and condition equal the official ones', async (name, naming) => {
  const file = golden(name);
  const pictures = channelsLast(file.get('in.image'));
  const p = scope();
  const tokens = dinov2Tokens(configOf(file, naming), p, inputOf('pictures', pictures));
  const outputs: Record<string, Tensor> = {
    'out.x_prenorm': tokens,
    'out.cond': dinov2Condition(configOf(file, naming), p, inputs(tokens)),
    'out.x_norm': layerNorm(tokens, 1e-6), // affine in the file; compared below after its own weights
  };
  const { weight, bias } = finalNorm(file, naming);
  const got = await evaluate(outputs, file.below('model.'), { pictures });
  const normed = got['out.x_norm'].data.map((v, i) => v * weight[i % weight.length] + bias[i % bias.length]);
  expectGolden({ ...got, 'out.x_norm': { ...got['out.x_norm'], data: normed } }, file);
});

test.each(cases)('%s: the weights are those of the file, but for the final norm and the mask token', (name, naming) => {
  const file = golden(name);
  const p = scope();
  dinov2Tokens(configOf(file, naming), p, inputOf('pictures', channelsLast(file.get('in.image'))));
  const stored = Object.entries(file.below('model.')).filter(([key]) => !dinov2Unused.test(key));
  expect(Object.fromEntries([...p.parameters].map(([key, t]) => [key, [...t.shape]]))).toEqual(
    Object.fromEntries(stored.map(([key, t]) => [key, [...t.shape]])),
  );
  expect(Object.keys(file.below('model.')).length - stored.length).toBe(3);
});

test('a picture of another size reads positions resampled as the official network does', async () => {
  const file = golden('dinov2_reg_hub');
  const pixels = file.get('in.alt.pixel_values'); // normalised already: undone, for the network does it itself
  const mean = [0.485, 0.456, 0.406];
  const deviation = [0.229, 0.224, 0.225];
  const last = channelsLast(pixels);
  const pictures = { ...last, data: last.data.map((v, i) => v * deviation[i % 3] + mean[i % 3]) };
  const tokens = dinov2Tokens(configOf(file, 'hub'), scope(), inputOf('pictures', pictures));
  const got = await evaluate({ tokens }, file.below('model.'), { pictures });
  expectClose(got.tokens.data, file.get('out.alt.x_prenorm').data, 1e-4);
});

test('the first block and the patches equal the official ones', async () => {
  const file = golden('dinov2_reg_hub');
  const pictures = channelsLast(file.get('in.image'));
  const p = scope();
  const config = configOf(file, 'hub');
  const one = dinov2Tokens({ ...config, depth: 1 }, p, inputOf('pictures', pictures));
  const patches = downstream(one, 'patch_embed.proj.bias', 1);
  const got = await evaluate({ 'mid.blocks.0': one, 'mid.patch_embed': patches }, file.below('model.'), { pictures });
  expectGolden(got, file);
});

test('sides that no patches fill are refused', () => {
  const config = configOf(golden('dinov2_reg_hub'), 'hub');
  const odd = inputOf('pictures', { shape: [1, 50, 56, 3], data: new Float32Array() });
  expect(() => dinov2Tokens(config, scope(), odd)).toThrow('divisible by 14, got 50 × 56');
});

/** The graph's own input, so that a second network reads the same pictures. */
function inputs(root: Tensor): Tensor {
  let at: Tensor | undefined;
  const visit = (t: Tensor): void => {
    if (t.op === 'input') at = t;
    else for (const below of t.inputs) if (!at) visit(below);
  };
  visit(root);
  return at as Tensor;
}

function finalNorm(file: Golden, naming: Dinov2Naming): { weight: Float32Array; bias: Float32Array } {
  const norm = file.below(naming === 'hub' ? 'model.norm.' : 'model.layernorm.');
  return { weight: norm.weight.data, bias: norm.bias.data };
}

/** [B, 3, H, W] → [B, H, W, 3]. */
function channelsLast({ shape: [b, c, h, w], data }: GoldenTensor): GoldenTensor {
  const out = new Float32Array(data.length);
  for (let n = 0; n < b; n++)
    for (let k = 0; k < c; k++)
      for (let i = 0; i < h * w; i++) out[(n * h * w + i) * c + k] = data[(n * c + k) * h * w + i];
  return { shape: [b, h, w, c], data: out };
}
