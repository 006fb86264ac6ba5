/**
 * Writes a model folder of the size of TRELLIS-image-large with random weights: official names, shapes and stored types
 * (halves in the torso), 4.7 GB with the prompt encoder. For measurements of time and memory without the published files.
 *
 *   npx tsx bench/full-size-folder.ts <folder> [blocks]
 *   espalier generate examples/chair.png --model <folder> --preset image-app --out random.ply
 *
 * `blocks` transformer blocks in each network instead of all make a folder to try this program with. The structure is the
 * shell of the grid whatever the prompt: 64³ − 62³ = 23 816 voxels, about what an asset of the published model has. What
 * comes out means nothing.
 */
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { floatsToHalves } from '../src/formats/index.ts';
import { type ClassName, type NetworkClass, networkClasses } from '../src/pipelines/index.ts';
import { publishedNormalization } from '../src/stages/2-latent/index.ts';
import { initialize, torchGenerator } from '../src/tensor/index.ts';
import { body, flow, gaussians, latentFlow, vae } from '../test/published-configs.ts';

const [folder, blocks] = process.argv.slice(2);
if (!folder) throw new Error('give the folder to write: npx tsx bench/full-size-folder.ts <folder> [blocks]');
if (blocks !== undefined && !/^[1-9]\d?$/.test(blocks))
  throw new Error(`blocks must be from 1 to 99, got "${blocks}".`);
const fewer = blocks === undefined ? {} : { num_blocks: Number(blocks) };

const components: readonly [role: string, stem: string, name: ClassName, options: object][] = [
  [
    'sparse_structure_encoder',
    'ss_enc_conv3d_16l8_fp16',
    'SparseStructureEncoder',
    { in_channels: 1, channels: [32, 128, 512], ...vae },
  ],
  [
    'sparse_structure_decoder',
    'ss_dec_conv3d_16l8_fp16',
    'SparseStructureDecoder',
    { out_channels: 1, channels: [512, 128, 32], ...vae },
  ],
  [
    'sparse_structure_flow_model',
    'ss_flow_img_dit_L_16l8_fp16',
    'SparseStructureFlowModel',
    { ...flow(1024, 1024, 24, 16), ...fewer },
  ],
  ['slat_flow_model', 'slat_flow_img_dit_L_64l8p2_fp16', 'SLatFlowModel', { ...latentFlow, ...fewer }],
  ['slat_encoder', 'slat_enc_swin8_B_64l8_fp16', 'SLatEncoder', { in_channels: 1024, ...body, ...fewer }],
  [
    'slat_decoder_gs',
    'slat_dec_gs_swin8_B_64l8gs32_fp16',
    'SLatGaussianDecoder',
    { ...body, ...fewer, representation_config: gaussians },
  ],
  [
    'slat_decoder_rf',
    'slat_dec_rf_swin8_B_64l8r16_fp16',
    'SLatRadianceFieldDecoder',
    { ...body, ...fewer, representation_config: { rank: 16, dim: 8 } },
  ],
  [
    'slat_decoder_mesh',
    'slat_dec_mesh_swin8_B_64l8m256c_fp16',
    'SLatMeshDecoder',
    { ...body, ...fewer, representation_config: { use_color: true } },
  ],
];

const rng = torchGenerator(1);
/** Drawn once and read round and round from a random place: a hundred times as fast as 1.6 · 10⁹ draws. */
const pool = { normal: rng.normal(2 ** 20), uniform: rng.uniform(2 ** 20) };
const from = (values: Float32Array) => (n: number) => {
  const start = rng.integer(values.length);
  return Float32Array.from({ length: n }, (_, i) => values[(start + i) % values.length]);
};
const draws = { normal: from(pool.normal), uniform: from(pool.uniform) };

await mkdir(join(folder, 'ckpts'), { recursive: true });
let bytes = 0;
for (const [, stem, name, args] of components) {
  await writeFile(join(folder, `ckpts/${stem}.json`), `${JSON.stringify({ name, args }, undefined, 4)}\n`);
  bytes += await writeNetwork(join(folder, `ckpts/${stem}.safetensors`), name, args, new Set());
}
const encoder = {
  model_type: 'dinov2_with_registers',
  image_size: 518,
  patch_size: 14,
  hidden_size: 1024,
  num_hidden_layers: fewer.num_blocks ?? 24,
  num_attention_heads: 16,
  mlp_ratio: 4,
  num_register_tokens: 4,
};
await mkdir(join(folder, 'dinov2_vitl14_reg'), { recursive: true });
await writeFile(join(folder, 'dinov2_vitl14_reg/config.json'), `${JSON.stringify(encoder, undefined, 4)}\n`);
bytes += await writeNetwork(
  join(folder, 'dinov2_vitl14_reg/model.safetensors'),
  'DinoVisionTransformer',
  { img_size: 518, embed_dim: 1024, depth: encoder.num_hidden_layers, num_heads: 16, num_register_tokens: 4 },
  new Set(['cls_token']), // the torch hub's key names
);
const sampler = {
  name: 'FlowEulerGuidanceIntervalSampler',
  args: { sigma_min: 1e-5 },
  params: { steps: 25, cfg_strength: 5, cfg_interval: [0.5, 1], rescale_t: 3 },
};
const args = {
  models: Object.fromEntries(components.map(([role, stem]) => [role, `ckpts/${stem}`])),
  sparse_structure_sampler: sampler,
  slat_sampler: sampler,
  slat_normalization: publishedNormalization,
  image_cond_model: 'dinov2_vitl14_reg',
};
const pipeline = { name: 'TrellisImageTo3DPipeline', args };
await writeFile(join(folder, 'pipeline.json'), `${JSON.stringify(pipeline, undefined, 4)}\n`);
console.log(`${folder}: ${(bytes / 1e9).toFixed(2)} GB`);

/** Weight by weight, so that no more than one is in memory. Returns the size of the file. */
async function writeNetwork(
  path: string,
  name: ClassName,
  options: object,
  keys: ReadonlySet<string>,
): Promise<number> {
  const { read, declare, torso } = networkClasses[name] as unknown as NetworkClass<object>;
  const config = read(options, keys);
  if (!config.success) throw config.error;
  const weights = [...declare(config.data).parameters].map(([key, { shape, attributes }]) => {
    const isHalf = torso.test(key);
    const size = shape.reduce<number>((a, d) => a * Number(d), 1);
    return { key, shape: shape.map(Number), init: attributes.init, isHalf, bytes: size * (isHalf ? 2 : 4) };
  });
  weights.sort((a, b) => Number(a.isHalf) - Number(b.isHalf) || (a.key < b.key ? -1 : 1)); // as the official files
  let end = 0;
  const entries = weights.map(({ key, shape, isHalf, bytes: length }) => {
    const begin = end;
    end += length;
    return `${JSON.stringify(key)}:${JSON.stringify({ dtype: isHalf ? 'F16' : 'F32', shape, data_offsets: [begin, end] })}`;
  });
  const header = Buffer.from(`{${entries.join(',')}}`);
  const padded = Buffer.alloc(8 + Math.ceil(header.length / 8) * 8, ' ');
  padded.writeBigUInt64LE(BigInt(padded.length - 8));
  padded.set(header, 8);
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  const file = await open(path, 'wx');
  try {
    await file.appendFile(padded);
    for (const { key, shape, init, isHalf } of weights) {
      const values = name === 'SparseStructureDecoder' ? shellEnd(key, shape) : undefined;
      const floats = values ?? initialize(init.kind === 'zeros' ? { kind: 'normal', std: 0.02 } : init, shape, draws);
      const stored = isHalf ? floatsToHalves(floats) : floats;
      await file.appendFile(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    }
  } finally {
    await file.close();
  }
  console.log(`${path}: ${((padded.length + end) / 1e6).toFixed(1)} MB`);
  return padded.length + end;
}

/**
 * The last layers of the structure decoder such that its logits are almost constant, but for the padding: each of the
 * `channels` brings silu(1) from each of 27 neighbors inside the grid, of 18 or fewer at its faces.
 */
function shellEnd(key: string, shape: readonly number[]): Float32Array | undefined {
  const channels = 32;
  const ends: Record<string, number> = {
    'out_layer.0.weight': 0.02, // what is left of the latent
    'out_layer.0.bias': 1,
    'out_layer.2.weight': -1,
    'out_layer.2.bias': 22 * channels * 0.7311,
  };
  return key in ends ? new Float32Array(shape.reduce((a, d) => a * d, 1)).fill(ends[key]) : undefined;
}
