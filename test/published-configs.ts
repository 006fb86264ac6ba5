/** Constructor options of the published components, as their .json files have them. Source: reference/models.md §1.3. */
export const vae = { latent_channels: 8, num_res_blocks: 2, num_res_blocks_middle: 2, use_fp16: true };
export const flow = (model_channels: number, cond_channels: number, num_blocks: number, num_heads: number) => ({
  resolution: 16,
  in_channels: 8,
  out_channels: 8,
  model_channels,
  cond_channels,
  num_blocks,
  num_heads,
  mlp_ratio: 4,
  patch_size: 1,
  pe_mode: 'ape',
  qk_rms_norm: true,
  use_fp16: true,
});

export const latentFlow = {
  ...flow(1024, 1024, 24, 16),
  resolution: 64,
  patch_size: 2,
  num_io_res_blocks: 2,
  io_block_channels: [128],
};

/** The body of the encoder and the decoders of the structured latent. */
export const body = {
  resolution: 64,
  model_channels: 768,
  latent_channels: 8,
  num_blocks: 12,
  num_heads: 12,
  mlp_ratio: 4,
  attn_mode: 'swin',
  window_size: 8,
  use_fp16: true,
};

/** `representation_config` of the Gaussian decoder. */
export const gaussians = {
  lr: { _xyz: 1, _features_dc: 1, _opacity: 1, _scaling: 1, _rotation: 0.1 },
  perturb_offset: true,
  voxel_size: 1.5,
  num_gaussians: 32,
  '2d_filter_kernel_size': 0.1,
  '3d_filter_kernel_size': 9e-4,
  scaling_bias: 4e-3,
  opacity_bias: 0.1,
  scaling_activation: 'softplus',
};
