/** The published checkpoints of stages 2 and 3: how many parameters and tensors each has, so that their keys all have a place. */
import { expect, test } from 'vitest';
import { type SparseGrid, sparseGrid } from '../src/sparse/index.ts';
import { latentEncoder, latentFlow } from '../src/stages/2-latent/index.ts';
import { gaussianDecoder, meshDecoder, radianceFieldDecoder } from '../src/stages/3-decode/index.ts';
import { input, type Scope, scope } from '../src/tensor/index.ts';

const flow = (size: object) => (p: Scope, grid: SparseGrid) => {
  const config = {
    resolution: 64,
    in_channels: 8,
    out_channels: 8,
    model_channels: 1024,
    cond_channels: 1024,
    num_blocks: 24,
    num_heads: 16,
    mlp_ratio: 4,
    patch_size: 2,
    num_io_res_blocks: 2,
    io_block_channels: [128],
    qk_rms_norm: true,
    ...size,
  };
  latentFlow(
    config,
    p,
    grid,
    input('x', [grid.rows, 8]),
    input('t', [1]),
    input('cond', [1, 77, config.cond_channels]),
  );
};

const body = { resolution: 64, model_channels: 768, num_blocks: 12, num_heads: 12, mlp_ratio: 4, latent_channels: 8 };
const latent = (grid: SparseGrid) => input('latent', [grid.rows, 8]);

const published: [string, (p: Scope, grid: SparseGrid) => void, { parameters: number; tensors: number }][] = [
  ['slat_flow_img_dit_L', flow({}), { parameters: 600_432_520, tensors: 526 }],
  [
    'slat_flow_txt_dit_B',
    flow({ model_channels: 768, cond_channels: 768, num_blocks: 12, num_heads: 12 }),
    { parameters: 185_364_616, tensors: 286 },
  ],
  ['slat_flow_txt_dit_L', flow({ cond_channels: 768 }), { parameters: 587_849_608, tensors: 526 }],
  [
    'slat_flow_txt_dit_XL',
    flow({ model_channels: 1280, cond_channels: 768, num_blocks: 28, num_io_res_blocks: 3, io_block_channels: [256] }),
    { parameters: 1_073_414_408, tensors: 624 },
  ],
  [
    'slat_enc_swin8_B',
    (p, grid) => latentEncoder({ ...body, in_channels: 1024 }, p, grid, input('feats', [grid.rows, 1024])),
    { parameters: 85_817_104, tensors: 100 },
  ],
  [
    'slat_dec_gs_swin8_B',
    (p, grid) =>
      gaussianDecoder(
        {
          ...body,
          representation_config: {
            lr: { _xyz: 1, _features_dc: 1, _opacity: 1, _scaling: 1, _rotation: 0.1 },
            perturb_offset: true,
            voxel_size: 1.5,
            num_gaussians: 32,
            '2d_filter_kernel_size': 0.1,
            '3d_filter_kernel_size': 9e-4,
            scaling_bias: 4e-3,
            opacity_bias: 0.1,
            scaling_activation: 'softplus',
          },
        },
        p,
        grid,
        latent(grid),
      ),
    { parameters: 85_369_024 + 96, tensors: 101 }, // with the buffer of offsets
  ],
  [
    'slat_dec_rf_swin8_B',
    (p, grid) => radianceFieldDecoder({ ...body, representation_config: { rank: 16, dim: 8 } }, p, grid, latent(grid)),
    { parameters: 85_369_024, tensors: 100 },
  ],
  [
    'slat_dec_mesh_swin8_B',
    (p, grid) => meshDecoder({ ...body, representation_config: { use_color: true } }, p, grid, latent(grid)),
    { parameters: 90_926_693, tensors: 120 },
  ],
];

test.each(published)('%s declares the published number of parameters, in as many tensors', (_, build, expected) => {
  const p = scope();
  build(p, sparseGrid());
  const parameters = [...p.parameters.values()].reduce(
    (total, t) => total + t.shape.reduce<number>((a, d) => a * Number(d), 1),
    0,
  );
  expect({ parameters, tensors: p.parameters.size }).toEqual(expected);
});
