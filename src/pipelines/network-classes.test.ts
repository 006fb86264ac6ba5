import { expect, test } from 'vitest';
import { body, flow, gaussians, latentFlow, vae } from '../../test/published-configs.ts';
import { type ClassName, type NetworkClass, networkClasses, plainClassName, roleClasses } from './network-classes.ts';

/** Published components: class, options, trained values, tensors and bytes of the file (reference/models.md §1.2, §1.3). */
const published: [string, ClassName, object, { parameters: number; tensors: number; bytes: number }][] = [
  [
    'ss_enc_conv3d_16l8_fp16',
    'SparseStructureEncoder',
    { in_channels: 1, channels: [32, 128, 512], ...vae },
    { parameters: 59_298_192, tensors: 74, bytes: 119_068_016 },
  ],
  [
    'ss_dec_conv3d_16l8_fp16',
    'SparseStructureDecoder',
    { out_channels: 1, channels: [512, 128, 32], ...vae },
    { parameters: 73_671_201, tensors: 74, bytes: 147_591_972 },
  ],
  [
    'ss_flow_img_dit_L_16l8_fp16',
    'SparseStructureFlowModel',
    flow(1024, 1024, 24, 16),
    { parameters: 555_543_560, tensors: 489, bytes: 1_130_770_840 },
  ],
  [
    'ss_flow_txt_dit_B_16l8_fp16',
    'SparseStructureFlowModel',
    flow(768, 768, 12, 12),
    { parameters: 156_726_536, tensors: 249, bytes: 327_736_456 },
  ],
  [
    'ss_flow_txt_dit_L_16l8_fp16',
    'SparseStructureFlowModel',
    flow(1024, 768, 24, 16),
    { parameters: 542_960_648, tensors: 489, bytes: 1_105_604_976 },
  ],
  [
    'ss_flow_txt_dit_XL_16l8_fp16',
    'SparseStructureFlowModel',
    { ...flow(1280, 768, 28, 16), qk_rms_norm_cross: true },
    { parameters: 975_440_648, tensors: 625, bytes: 1_976_327_512 },
  ],
  [
    'slat_flow_img_dit_L_64l8p2_fp16',
    'SLatFlowModel',
    latentFlow,
    { parameters: 600_432_520, tensors: 526, bytes: 1_203_755_136 },
  ],
  [
    'slat_flow_txt_dit_B_64l8p2_fp16',
    'SLatFlowModel',
    { ...latentFlow, model_channels: 768, cond_channels: 768, num_blocks: 12, num_heads: 12 },
    { parameters: 185_364_616, tensors: 286, bytes: 372_419_896 },
  ],
  [
    'slat_flow_txt_dit_L_64l8p2_fp16',
    'SLatFlowModel',
    { ...latentFlow, cond_channels: 768 },
    { parameters: 587_849_608, tensors: 526, bytes: 1_178_589_272 },
  ],
  [
    'slat_flow_txt_dit_XL_64l8p2_fp16',
    'SLatFlowModel',
    {
      ...latentFlow,
      model_channels: 1280,
      cond_channels: 768,
      num_blocks: 28,
      num_io_res_blocks: 3,
      io_block_channels: [256],
    },
    { parameters: 1_073_414_408, tensors: 624, bytes: 2_151_142_688 },
  ],
  [
    'slat_enc_swin8_B_64l8_fp16',
    'SLatEncoder',
    { in_channels: 1024, ...body },
    { parameters: 85_817_104, tensors: 100, bytes: 173_242_816 },
  ],
  [
    'slat_dec_gs_swin8_B_64l8gs32_fp16',
    'SLatGaussianDecoder',
    { ...body, representation_config: gaussians },
    { parameters: 85_369_024, tensors: 101, bytes: 171_450_952 },
  ],
  [
    'slat_dec_rf_swin8_B_64l8r16_fp16',
    'SLatRadianceFieldDecoder',
    { ...body, representation_config: { rank: 16, dim: 8 } },
    { parameters: 85_369_024, tensors: 100, bytes: 171_450_488 },
  ],
  [
    'slat_dec_mesh_swin8_B_64l8m256c_fp16',
    'SLatMeshDecoder',
    { ...body, representation_config: { use_color: true } },
    { parameters: 90_926_693, tensors: 120, bytes: 181_903_412 },
  ],
];

test.each(published)(
  '%s: names, shapes and types are those of the published file, to the byte',
  (_, name, options, file) => {
    const row = networkClasses[name] as unknown as NetworkClass<object>;
    const read = row.read(options, new Set());
    if (!read.success) throw read.error;
    const declared = [...row.declare(read.data).parameters].map(([key, { shape }]) => ({
      key,
      shape: shape as number[],
      size: shape.reduce<number>((a, d) => a * Number(d), 1),
      dtype: row.torso.test(key) ? 'F16' : 'F32',
    }));
    expect(declared.length).toBe(file.tensors);
    const trained = declared.filter(({ key }) => !row.buffers?.includes(key));
    expect(trained.reduce((n, { size }) => n + size, 0)).toBe(file.parameters);
    // The reference library's own order and padding: F32 before F16, then by name; the header to a multiple of 8.
    declared.sort((a, b) => (a.dtype < b.dtype ? 1 : a.dtype > b.dtype ? -1 : a.key < b.key ? -1 : 1));
    let end = 0;
    const entries = declared.map(({ key, shape, size, dtype }) => {
      const begin = end;
      end += size * (dtype === 'F16' ? 2 : 4);
      return `${JSON.stringify(key)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`;
    });
    const header = Buffer.byteLength(`{${entries.join(',')}}`);
    expect(8 + Math.ceil(header / 8) * 8 + end).toBe(file.bytes);
  },
);

test('class names of the training configurations are those of the networks', () => {
  expect(plainClassName('ElasticSLatFlowModel')).toBe('SLatFlowModel');
  expect(plainClassName('SLatFlowModel')).toBe('SLatFlowModel');
  const known: readonly string[] = Object.values(roleClasses).flat();
  expect(Object.keys(networkClasses).filter((name) => !known.includes(name))).toEqual([]);
});
