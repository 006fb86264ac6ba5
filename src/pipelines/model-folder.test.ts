import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { expectClose, golden } from '../../test/golden.ts';
import { saveOfficialFolder } from '../../test/official-folder.ts';
import { saveToyModel } from '../../test/toy-model.ts';
import { readSafetensors, toFloat32, writeSafetensors } from '../formats/index.ts';
import { describeModel, imageTo3D, loadModel, openPromptEncoder, promptTokenCount, structures } from './index.ts';

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'espalier-official-')), 'model');
});

const offline = { hub: { offline: true, cache: join(tmpdir(), 'espalier-no-cache') } };

/** `pipeline.json` with something changed. */
function changePipeline(change: (args: Record<string, never> & Record<string, object>) => void): void {
  const path = join(folder, 'pipeline.json');
  const content = JSON.parse(readFileSync(path, 'utf8'));
  change(content.args);
  writeFileSync(path, JSON.stringify(content));
}

/** A white disc on a transparent ground. */
function disc(): { width: number; height: number; data: Uint8Array } {
  const data = new Uint8Array(64 * 64 * 4);
  for (let y = 0; y < 64; y++)
    for (let x = 0; x < 64; x++)
      if (Math.hypot(x - 32, y - 32) < 20) data.fill(255, (y * 64 + x) * 4, (y * 64 + x) * 4 + 4);
  return { width: 64, height: 64, data };
}

test('a folder in the form of the published picture model says all that its pipeline.json says', async () => {
  await saveOfficialFolder(folder, { takes: 'image' });
  const model = await loadModel(folder, offline);
  expect(model.takes).toBe('image');
  expect(model.structureSampler).toEqual({ steps: 3, guidance: 5, interval: [0.5, 1], rescale: 3 });
  expect(model.latentSampler).toEqual({ steps: 3, guidance: 7.5, interval: [0.5, 0.95], rescale: 3 });
  expect(model.latentNormalization?.mean[0]).toBe(-2.1);
  expect(model.networks.image_cond_model?.name).toBe('DinoVisionTransformer');
  expect(promptTokenCount(model)).toBe(21);
  expect(model.leftOut).toEqual([{ role: 'unheard_of', reason: 'no stage knows this role' }]);
  const asset = await imageTo3D(model, disc(), { seed: 1 });
  expect(asset.coords.length).toBeGreaterThan(300);
});

test('the tokens of a loaded encoder are those of the official network', async () => {
  await saveOfficialFolder(folder, { takes: 'image' });
  const encoder = await openPromptEncoder(await loadModel(folder, offline));
  const { shape, data } = golden('dinov2_reg_hf').get('in.image');
  const side = shape[3];
  const picture = new Uint8Array(side * side * 3);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < side * side; i++) picture[i * 3 + c] = Math.round(data[c * side * side + i] * 255);
  const tokens = await encoder.cond({ kind: 'image', images: [{ width: side, height: side, data: picture }] });
  await encoder.dispose();
  expectClose(tokens, golden('dinov2_reg_hf').get('out.cond').data.subarray(0, tokens.length), 2e-2); // bytes
});

test('the hub’s own key names load the same way', async () => {
  await saveOfficialFolder(folder, { takes: 'image' });
  const weights = golden('dinov2_reg_hub').below('model.');
  writeFileSync(join(folder, 'dinov2_vitl14_reg/model.safetensors'), writeSafetensors(weights));
  const { image_cond_model: encoder } = (await loadModel(folder, offline)).networks;
  expect(encoder?.config).toMatchObject({ naming: 'hub', embed_dim: 60 });
});

test('a folder in the form of the published text models makes structures from text, and refuses pictures', async () => {
  await saveOfficialFolder(folder, { takes: 'text' });
  const model = await loadModel(folder, offline);
  expect(model.takes).toBe('text');
  const encoder = await openPromptEncoder(model);
  const [cond, uncond] = [await encoder.cond({ kind: 'text', text: 'a wooden chair' }), await encoder.uncond()];
  await encoder.dispose();
  const run = { ...model.structureSampler, seed: 1 };
  const [chair] = await structures(model, cond, { ...run, uncond });
  const [withZeros] = await structures(model, cond, run);
  expect(chair).not.toEqual(withZeros); // the empty text is not zeros
  await expect(imageTo3D(model, disc())).rejects.toThrow(/makes assets from text, not from pictures/);
});

test('a text model without the field reads with the published encoder', async () => {
  await saveOfficialFolder(folder, { takes: 'text' });
  changePipeline((args) => delete args.text_cond_model);
  expect((await loadModel(folder, offline)).networks.text_cond_model?.config.max_positions).toBe(77);
});

test('a description tells networks, precision and what can be made', async () => {
  await saveOfficialFolder(folder, { takes: 'text' });
  const told = describeModel(await loadModel(folder, offline));
  expect(told.makes).toEqual(['text → shape']);
  expect(told.networks.map((n) => [n.role, n.class, n.precision])).toEqual([
    ['sparse_structure_flow_model', 'SparseStructureFlowModel', 'F16/F32'],
    ['sparse_structure_decoder', 'SparseStructureDecoder', 'F16/F32'],
    ['text_cond_model', 'CLIPTextModel', 'F32'],
  ]);
  expect(told.bytes).toBe(told.networks.reduce((n, { bytes }) => n + bytes, 0));
  expect(JSON.parse(JSON.stringify(told)).networks[0].parameters).toBeGreaterThan(10_000);
});

test('only the optional roles that are asked for are loaded', async () => {
  await saveOfficialFolder(folder, { takes: 'image', models: { sparse_structure_encoder: 'ckpts/none' } });
  await expect(loadModel(folder, offline)).rejects.toThrow(/ckpts\/none\.json: the component is missing/);
  const model = await loadModel(folder, { ...offline, roles: [] });
  expect(Object.keys(model.networks).sort()).toEqual([
    'image_cond_model',
    'sparse_structure_decoder',
    'sparse_structure_flow_model',
  ]);
});

test.each<[string, 'image' | 'text', () => void, RegExp]>([
  [
    'an encoder that is nowhere',
    'image',
    () => rmSync(join(folder, 'dinov2_vitl14_reg'), { recursive: true }),
    /facebook\/dinov2-with-registers-large: is not in the Hugging Face cache, and cannot be fetched: HF_HUB_OFFLINE is set/,
  ],
  [
    'an encoder of a name that is none',
    'image',
    () => changePipeline((args) => Object.assign(args, { image_cond_model: 'vgg' })),
    /the prompt encoder "vgg" needs config\.json and model\.safetensors in the folder "vgg"/,
  ],
  [
    'an encoder without weights',
    'image',
    () => rmSync(join(folder, 'dinov2_vitl14_reg/model.safetensors')),
    /has no model\.safetensors/,
  ],
  [
    'an encoder of pictures in a model of texts',
    'text',
    () => {
      rmSync(join(folder, 'openai'), { recursive: true });
      mkdirSync(join(folder, 'openai/clip-vit-large-patch14'), { recursive: true });
      const config = {
        model_type: 'dinov2_with_registers',
        hidden_size: 60,
        num_hidden_layers: 3,
        num_attention_heads: 3,
      };
      writeFileSync(join(folder, 'openai/clip-vit-large-patch14/config.json'), JSON.stringify(config));
      writeFileSync(join(folder, 'openai/clip-vit-large-patch14/model.safetensors'), '');
    },
    /expected an encoder of texts, got a DinoVisionTransformer/,
  ],
  [
    'a text encoder without its tokenizer',
    'text',
    () => rmSync(join(folder, 'openai/clip-vit-large-patch14/merges.txt')),
    /needs .*vocab\.json with .*merges\.txt, or .*tokenizer\.json; found none/,
  ],
  [
    'a damaged tokenizer',
    'text',
    () => writeFileSync(join(folder, 'openai/clip-vit-large-patch14/vocab.json'), '{"a": -1}'),
    /vocab\.json: vocab\.json: "a" must have a whole number as id, got -1/,
  ],
  [
    'a sampler that is none',
    'image',
    () => changePipeline((args) => Object.assign(args.sparse_structure_sampler, { name: 'DDIM' })),
    /sparse_structure_sampler\.name: Invalid option: expected one of "FlowEulerSampler"/,
  ],
  [
    'another number of means than deviations',
    'image',
    () => changePipeline((args) => Object.assign(args.slat_normalization, { std: [1] })),
    /slat_normalization: mean and std must be equally long/,
  ],
  [
    'a role filled with another class',
    'image',
    () => changePipeline((args) => Object.assign(args.models, { sparse_structure_decoder: 'ckpts/flow' })),
    /flow\.json: expected a SparseStructureDecoder, got "SparseStructureFlowModel"/,
  ],
  [
    'a component on a Hub that is not asked',
    'image',
    () => changePipeline((args) => Object.assign(args.models, { sparse_structure_decoder: 'owner/name/ckpts/x' })),
    /owner\/name: is not in the Hugging Face cache/,
  ],
  [
    'a missing role',
    'image',
    () => changePipeline((args) => delete (args.models as Record<string, string>).sparse_structure_decoder),
    /args\.models lacks "sparse_structure_decoder"/,
  ],
  [
    'weights beside no configuration',
    'image',
    () => renameSync(join(folder, 'ckpts/flow.safetensors'), join(folder, 'ckpts/other.safetensors')),
    /flow\.json: the component has no weights/,
  ],
  [
    'whole numbers for weights',
    'image',
    () => retype('I32'),
    /"out_layer\.bias" is stored as I32, expected F32, F16 or BF16/,
  ],
  [
    'a configuration that would need a huge embedding',
    'image',
    () => changeConfig({ resolution: 256, patch_size: 1, model_channels: 4096 }),
    /flow\.json: content: the position embedding would have more than 67108864 values/,
  ],
  ['sizes beyond any network', 'image', () => changeConfig({ num_blocks: 1e9 }), /flow\.json: num_blocks: Too big/],
  [
    'options that no network can have',
    'image',
    () => changeConfig({ num_heads: 7 }),
    /flow\.json: no network can have these options \(/,
  ],
])('%s is an error that says where and what', async (_, takes, damage, message) => {
  await saveOfficialFolder(folder, { takes });
  damage();
  await expect(loadModel(folder, offline)).rejects.toThrow(message);
});

test.each<[string, RegExp]>([
  ['no-such-folder', /"no-such-folder" is not a model folder: there is no such folder/],
  ['package.json', /"package\.json" is not a model folder: it is a file/],
  ['src', /"src" is not a model folder: src has no pipeline\.json/],
  [
    'owner/name',
    /"owner\/name" is no folder here, and of the Hub's model of that name: owner\/name: is not in the Hugging Face cache, and cannot be fetched: HF_HUB_OFFLINE is set/,
  ],
  ['a/../b', /there is no such folder, and a model of the Hub is named owner\/name/],
])('"%s" is not a model, and the reason is said', async (name, message) => {
  await expect(loadModel(name, offline)).rejects.toThrow(message);
});

function changeConfig(change: object): void {
  const path = join(folder, 'ckpts/flow.json');
  const { name, args } = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ name, args: { ...args, ...change } }));
}

function retype(dtype: 'I32'): void {
  const path = join(folder, 'ckpts/flow.safetensors');
  const tensors = Object.fromEntries(
    [...readSafetensors(readFileSync(path)).tensors].map(([key, t]) => [
      key,
      key === 'out_layer.bias'
        ? { shape: t.shape, data: Int32Array.from(toFloat32(t)), dtype }
        : { shape: t.shape, data: toFloat32(t) },
    ]),
  );
  writeFileSync(path, writeSafetensors(tensors));
}

test('a flow that reads patches which its encoder does not give is refused, and one with more of them than a picture has', async () => {
  await saveToyModel(folder, 32, 'view');
  const path = join(folder, 'ckpts/flow.json');
  const withGrid = (grid: number) => {
    const content = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...content, args: { ...content.args, pixel_aligned_grid: grid } }));
  };
  await loadModel(folder);
  withGrid(3); // the weights have the same shapes
  await expect(loadModel(folder)).rejects.toThrow(
    /pixel_aligned_grid 3, 9 patches, but the prompt encoder gives 4 tokens/,
  );
  withGrid(255);
  await expect(loadModel(folder)).rejects.toThrow(/weights of patches over tokens would be more than/);
});
