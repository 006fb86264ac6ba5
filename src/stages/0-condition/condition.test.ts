import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { expectClose, type Golden, golden } from '../../../test/golden.ts';
import { initialize, scope, torchGenerator } from '../../tensor/index.ts';
import { clipTokenizer } from './clip-tokenizer.ts';
import { openConditioner, type Prompt, type PromptEncoder, pictureSize, promptEncoderGraph } from './condition.ts';

const weightsOf = (file: Golden) =>
  Object.fromEntries(Object.entries(file.below('model.')).map(([key, t]) => [key, t.data]));

function dinov2(): { encoder: PromptEncoder; file: Golden } {
  const file = golden('dinov2_reg_hub');
  const { img_size: image_size, patch_size, embed_dim, depth, num_heads, mlp_ratio, num_register_tokens } = file.config;
  const config = { image_size, patch_size, embed_dim, depth, num_heads, mlp_ratio, num_register_tokens };
  return { encoder: { name: 'DinoVisionTransformer', config: { ...config, naming: 'hub' } }, file };
}

function clip(): PromptEncoder {
  const here = (name: string) =>
    readFileSync(new URL(`../../../test/golden/clip_pieces/${name}`, import.meta.url), 'utf8');
  const config = { vocab_size: 49408, max_positions: 77, width: 8, layers: 1, heads: 2, mlp_width: 16 };
  return {
    name: 'CLIPTextModel',
    config: { ...config, naming: 'huggingface' },
    tokenizer: clipTokenizer(here('vocab.json'), here('merges.txt')),
  };
}

function randomWeights(encoder: PromptEncoder): Record<string, Float32Array> {
  const p = scope();
  promptEncoderGraph(encoder, p);
  const rng = torchGenerator(5);
  return Object.fromEntries([...p.parameters].map(([key, t]) => [key, initialize(t.attributes.init, t.shape, rng)]));
}

/** Bytes of the golden pictures, nearest to their floats. */
function pictures(file: Golden): Prompt & { kind: 'image' } {
  const { shape, data } = file.get('in.image');
  const [b, , h, w] = shape;
  const images = Array.from({ length: b }, (_, n) => {
    const bytes = new Uint8Array(h * w * 3);
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < h * w; i++) bytes[i * 3 + c] = Math.round(data[(n * 3 + c) * h * w + i] * 255);
    return { width: w, height: h, data: bytes };
  });
  return { kind: 'image', images };
}

test('pictures become the tokens of the official network, one row each; the empty prompt is zeros', async () => {
  const { encoder, file } = dinov2();
  const open = await openConditioner(encoder, { state: weightsOf(file) });
  expect([open.tokens, open.channels, pictureSize(encoder)]).toEqual([21, 60, 56]);
  const prompt = pictures(file);
  const both = await open.cond(prompt);
  expectClose(both, file.get('out.cond').data, 2e-2); // pictures rounded to bytes
  const second = await open.cond({ kind: 'image', images: prompt.images.slice(1) });
  expectClose(second, both.subarray(21 * 60), 1e-5);
  expect(await open.uncond()).toEqual(new Float32Array(21 * 60));
  await expect(open.cond({ kind: 'text', text: 'a chair' })).rejects.toThrow('takes image prompts, got text');
  await expect(open.cond({ kind: 'image', images: [] })).rejects.toThrow('one picture or more');
  await open.dispose();
});

test('a picture of another size is resized', async () => {
  const { encoder, file } = dinov2();
  const open = await openConditioner(encoder, { state: weightsOf(file) });
  const plain = (side: number) => ({ width: side, height: side, data: new Uint8Array(side * side * 3).fill(90) });
  const tokens = await open.cond({ kind: 'image', images: [plain(56), plain(40)] });
  expect(tokens.subarray(21 * 60)).toEqual(tokens.subarray(0, 21 * 60));
  await open.dispose();
});

test('a text becomes 77 tokens; the empty prompt is the empty text', async () => {
  const encoder = clip();
  const open = await openConditioner(encoder, { state: randomWeights(encoder) });
  expect([open.tokens, open.channels, pictureSize(encoder)]).toEqual([77, 8, undefined]);
  const chair = await open.cond({ kind: 'text', text: 'a wooden chair' });
  expect(chair.length).toBe(77 * 8);
  expect(await open.cond({ kind: 'text', text: ' A  Wooden CHAIR' })).toEqual(chair);
  expect(await open.cond({ kind: 'text', text: '' })).toEqual(await open.uncond());
  expect(await open.uncond()).not.toEqual(chair);
  await expect(open.cond({ kind: 'image', images: [] })).rejects.toThrow('takes text prompts, got image');
  await open.dispose();
});

test('the small patch encoder stands behind the same interface', async () => {
  const config = { image_size: 16, patch_size: 8, model_channels: 32, num_blocks: 1, num_heads: 2 };
  const encoder: PromptEncoder = { name: 'PatchEncoder', config };
  const open = await openConditioner(encoder, { state: randomWeights(encoder) });
  const image = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3).fill(7) };
  const tokens = await open.cond({ kind: 'image', images: [image, image] });
  expect(tokens.length).toBe(2 * 4 * 32);
  expect(await open.uncond()).toEqual(new Float32Array(4 * 32));
  await open.dispose();
});

test('the official sizes give the official number of tokens: 1374 of 1024 channels at 518 pixels, 77 of 768', () => {
  const vit = { image_size: 518, patch_size: 14, embed_dim: 1024, depth: 24, num_heads: 16, mlp_ratio: 4 };
  const p = scope();
  const picture = promptEncoderGraph(
    { name: 'DinoVisionTransformer', config: { ...vit, num_register_tokens: 4, naming: 'hub' } },
    p,
  );
  expect(picture.shape.slice(1)).toEqual([1374, 1024]);
  const count = [...p.parameters.values()].reduce((n, t) => n + t.shape.reduce<number>((a, d) => a * Number(d), 1), 0);
  const bytes = 4 * (count + 3 * 1024); // with the final norm and the mask token, which the tokens do not need
  const published = 1_217_607_321; // of the PyTorch file: the same floats, and some 100 kB of names and padding
  expect(published - bytes).toBeGreaterThan(0);
  expect(published - bytes).toBeLessThan(200_000);
  const config = { vocab_size: 49408, max_positions: 77, width: 768, layers: 12, heads: 12, mlp_width: 3072 };
  const text = promptEncoderGraph({ name: 'CLIPTextModel', config: { ...config, naming: 'huggingface' } });
  expect(text.shape.slice(1)).toEqual([77, 768]);
});

test.skipIf(!process.env.VK_ICD_FILENAMES)('on WebGPU the tokens are the same (needs a Vulkan driver)', async () => {
  const { encoder, file } = dinov2();
  const prompts: [PromptEncoder, Record<string, Float32Array>, Prompt][] = [
    [encoder, weightsOf(file), pictures(file)],
    [clip(), randomWeights(clip()), { kind: 'text', text: 'a wooden chair' }],
  ];
  for (const [one, state, prompt] of prompts) {
    const [cpu, gpu] = [await openConditioner(one, { state }), await openConditioner(one, { state }, 'webgpu')];
    expectClose(await gpu.cond(prompt), await cpu.cond(prompt), 1e-4);
    await Promise.all([cpu.dispose(), gpu.dispose()]);
  }
});
