import { layerNorm, linear } from '../../nn/index.ts';
import type { RadianceField } from '../../representations/index.ts';
import { type SparseGrid, type SparseTransformerConfig, sparseTransformer } from '../../sparse/index.ts';
import { add, parts, type Scope, type Tensor, zeros } from '../../tensor/index.ts';
import type { Weights } from '../1-structure/index.ts';
import { type Decoder, type DecoderOptions, openDecoder, rowsOfObject } from './open-decoder.ts';

/** Latent → radiance field of tri-vectors. Source: Xiang et al. 2024, §3.2; reference/models.md §5.8, pipelines.md §10. */
export interface RadianceFieldDecoderConfig extends SparseTransformerConfig {
  latent_channels: number;
  representation_config: { rank: number; dim: number };
}

export interface RadianceFieldGraph {
  /** [N, rank·(3·dim + 4)] */
  raw: Tensor;
  /** [N, rank·3·dim] */
  trivec: Tensor;
  /** [N, rank] */
  density: Tensor;
  /** [N, rank·3] */
  colorsDc: Tensor;
}

/** Latent [N, latent_channels] → the field's numbers in each voxel; lines start at 1. */
export function radianceFieldDecoder(
  config: RadianceFieldDecoderConfig,
  p: Scope,
  grid: SparseGrid,
  latent: Tensor,
): RadianceFieldGraph {
  return head(config, p, sparseTransformer(config, p, grid, latent));
}

function head(
  { representation_config: { rank, dim } }: RadianceFieldDecoderConfig,
  p: Scope,
  h: Tensor,
): RadianceFieldGraph {
  const sizes = [3 * rank * dim, rank, 3 * rank];
  const raw = linear(p.at('out_layer'), layerNorm(h), sizes[0] + sizes[1] + sizes[2], zeros);
  const [trivec, density, colorsDc] = parts(raw, sizes, 1);
  return { raw, trivec: add(trivec, 1), density, colorsDc };
}

/** One radiance field for each object. */
export function openRadianceFieldDecoder(
  config: RadianceFieldDecoderConfig,
  weights: Weights,
  options: DecoderOptions = {},
): Promise<Decoder<RadianceField>> {
  const { resolution, representation_config } = config;
  const { rank, dim } = representation_config;
  return openDecoder(
    config,
    weights,
    options,
    (p, _grid, h) => {
      const { raw: _, ...field } = head(config, p, h);
      return field;
    },
    (values, voxels) =>
      Array.from({ length: voxels.objects }, (_, object) => {
        const rows = voxels.coords.subarray(4 * voxels.starts[object], 4 * voxels.starts[object + 1]);
        const positions = Float32Array.from({ length: (rows.length / 4) * 3 }, (_, i) => {
          const [row, axis] = [Math.floor(i / 3), i % 3];
          return (rows[4 * row + 1 + axis] + 0.5) / resolution;
        });
        return {
          resolution,
          rank,
          dim,
          positions,
          trivec: rowsOfObject(values.trivec, voxels, object, 3 * rank * dim),
          density: rowsOfObject(values.density, voxels, object, rank),
          colorsDc: rowsOfObject(values.colorsDc, voxels, object, 3 * rank),
        };
      }),
  );
}
