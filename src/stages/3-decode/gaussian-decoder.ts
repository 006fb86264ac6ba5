import { layerNorm, linear } from '../../nn/index.ts';
import type { Gaussians } from '../../representations/index.ts';
import { type SparseGrid, type SparseTransformerConfig, sparseTransformer } from '../../sparse/index.ts';
import {
  add,
  cast,
  constant,
  div,
  mul,
  parts,
  reshape,
  type Scope,
  sigmoid,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  valuesInit,
  zeros,
} from '../../tensor/index.ts';
import type { Weights } from '../1-structure/index.ts';
import { hammersley3 } from './hammersley.ts';
import { type Decoder, type DecoderOptions, openDecoder, rowsOfObject } from './open-decoder.ts';

/** Latent → Gaussians, some for each voxel. Source: Xiang et al. 2024, §3.2; reference/models.md §5.7, pipelines.md §9. */
export interface GaussianDecoderConfig extends SparseTransformerConfig {
  latent_channels: number;
  representation_config: GaussianRepresentationConfig;
}

export interface GaussianRepresentationConfig {
  /** what the network's outputs are multiplied by */
  lr: {
    _xyz: number;
    _features_dc: number;
    _opacity: number;
    _scaling: number;
    _rotation: number;
  };
  /** offsets start spread out in the voxel instead of at its center */
  perturb_offset: boolean;
  /** reach of the offsets, in voxels */
  voxel_size: number;
  /** Gaussians per voxel */
  num_gaussians: number;
  /** variance in pixels that the splat rasterizer adds; not used here */
  '2d_filter_kernel_size': number;
  /** smallest deviation */
  '3d_filter_kernel_size': number;
  /** deviation at a raw value of 0 */
  scaling_bias: number;
  /** opacity at a raw value of 0 */
  opacity_bias: number;
  scaling_activation: 'softplus';
}

/** Raw outputs, and the final attributes of the N·G Gaussians, those of a voxel one after the other. */
export interface GaussianGraph {
  /** [N, 14·G] */
  raw: Tensor;
  /** [N·G, 3] in the object frame */
  means: Tensor;
  /** [N·G, 3] */
  scales: Tensor;
  /** [N·G, 4] */
  rotations: Tensor;
  /** [N·G, 1] */
  opacities: Tensor;
  /** [N·G, 3] */
  colorsDc: Tensor;
}

/** Latent [N, latent_channels] → Gaussians. Declares the buffer `offset_perturbation` besides the weights. */
export function gaussianDecoder(
  config: GaussianDecoderConfig,
  p: Scope,
  grid: SparseGrid,
  latent: Tensor,
): GaussianGraph {
  return head(config, p, grid, sparseTransformer(config, p, grid, latent));
}

function head(
  { resolution, representation_config: rep }: GaussianDecoderConfig,
  p: Scope,
  grid: SparseGrid,
  h: Tensor,
): GaussianGraph {
  const g = rep.num_gaussians;
  const raw = linear(p.at('out_layer'), layerNorm(h), 14 * g, zeros);
  const [xyz, features, scaling, rotation, opacity] = parts(raw, [3 * g, 3 * g, 3 * g, 4 * g, g], 1);
  const each = (t: Tensor, rate: number, width: number) => reshape(mul(t, rate), [-1, width]);

  const spread = p.weight('offset_perturbation', [g, 3], valuesInit(perturbation(rep)));
  const offset = reshape(mul(xyz, rep.lr._xyz), [grid.rows, g, 3]);
  const reach = (0.5 * rep.voxel_size) / resolution;
  const centers = mul(add(cast(grid.coords(), 'float32'), 0.5), 1 / resolution);
  const within = mul(tanh(rep.perturb_offset ? add(offset, spread) : offset), reach);
  const scale = softplus(add(each(scaling, rep.lr._scaling, 3), inverseSoftplus(rep.scaling_bias)));
  const quaternion = add(each(rotation, rep.lr._rotation, 4), constant([1, 0, 0, 0], [4]));
  return {
    raw,
    means: reshape(sub(add(within, reshape(centers, [grid.rows, 1, 3])), 0.5), [-1, 3]),
    scales: sqrt(add(square(scale), rep['3d_filter_kernel_size'] ** 2)),
    rotations: div(quaternion, sqrt(sum(square(quaternion), { axes: [1], keepDims: true }))),
    opacities: sigmoid(add(each(opacity, rep.lr._opacity, 1), Math.log(rep.opacity_bias / (1 - rep.opacity_bias)))),
    colorsDc: each(features, rep.lr._features_dc, 3),
  };
}

/** Stored in the state dict and not trained. */
export const gaussianDecoderBuffers: readonly string[] = ['offset_perturbation'];

/** One list of Gaussians for each object. */
export function openGaussianDecoder(
  config: GaussianDecoderConfig,
  weights: Weights,
  options: DecoderOptions = {},
): Promise<Decoder<Gaussians>> {
  const g = config.representation_config.num_gaussians;
  return openDecoder(
    config,
    weights,
    options,
    (p, grid, h) => {
      const { raw: _, ...attributes } = head(config, p, grid, h);
      return attributes;
    },
    (values, voxels) =>
      Array.from({ length: voxels.objects }, (_, object) => {
        const of = (name: string, width: number) => rowsOfObject(values[name], voxels, object, width * g);
        return {
          means: of('means', 3),
          scales: of('scales', 3),
          rotations: of('rotations', 4),
          opacities: of('opacities', 1),
          colorsDc: of('colorsDc', 3),
        };
      }),
  );
}

/** Where offsets start, before the tanh: even points of the voxel. [G, 3] */
function perturbation({ num_gaussians: g, voxel_size: size }: GaussianRepresentationConfig): Float32Array {
  return Float32Array.from(
    Array.from({ length: g }, (_, i) => hammersley3(i, g))
      .flat()
      .map((u) => Math.atanh((2 * u - 1) / size)),
  );
}

const inverseSoftplus = (y: number): number => y + Math.log(-Math.expm1(-y));
