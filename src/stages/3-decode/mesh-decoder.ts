import { linear } from '../../nn/index.ts';
import { type DecodedMesh, meshOfFeatures } from '../../representations/index.ts';
import {
  convolutionOfSubdivided,
  pointConvolution,
  type SparseGrid,
  type SparseTransformerConfig,
  sparseConvolution,
  sparseGroupNorm,
  sparseTransformer,
  subdivide,
  subdivided,
} from '../../sparse/index.ts';
import { add, type Scope, silu, type Tensor, zeros } from '../../tensor/index.ts';
import type { Weights } from '../1-structure/index.ts';
import { type Decoder, type DecoderOptions, openDecoder, rowsOfObject } from './open-decoder.ts';

/** Latent → what a mesh is extracted from, at four times the resolution. Source: Xiang et al. 2024, §3.2; reference/models.md §5.9. */
export interface MeshDecoderConfig extends SparseTransformerConfig {
  latent_channels: number;
  representation_config: {
    /** 6 more numbers for each corner of a cube: color, and a normal */
    use_color: boolean;
  };
}

/**
 * Latent [N, latent_channels] → features of cubes [64N, 53 or 101] (see `CubeFeatures`). The cubes are the voxels of
 * `grid.finer().finer()`.
 */
export function meshDecoder(config: MeshDecoderConfig, p: Scope, grid: SparseGrid, latent: Tensor): Tensor {
  const width = config.model_channels;
  let h = sparseTransformer(config, p, grid, latent); // [N, C]; no norm follows
  h = subdivisionBlock(p.at('upsample.0'), grid, h, width / 4); // [8N, C/4]
  h = subdivisionBlock(p.at('upsample.1'), grid.finer(), h, width / 8); // [64N, C/8]
  return linear(p.at('out_layer'), h, config.representation_config.use_color ? 101 : 53, zeros);
}

/**
 * Every voxel in eight, with two convolutions around a shortcut. x [N, in] on `grid` → [8N, out] on `grid.finer()`. What works
 * row by row happens before the rows are copied.
 * Source: reference/models.md §4.12.
 */
function subdivisionBlock(p: Scope, grid: SparseGrid, x: Tensor, out: number): Tensor {
  const fine = grid.finer();
  const a = silu(sparseGroupNorm(p.at('act_layers.0'), grid, x));
  let h = convolutionOfSubdivided(p.at('out_layers.0'), fine, a, out);
  h = silu(sparseGroupNorm(p.at('out_layers.1'), fine, h));
  h = sparseConvolution(p.at('out_layers.3'), fine, h, out, zeros);
  const shortcut = x.shape[1] === out ? x : pointConvolution(p.at('skip_connection'), x, out);
  return add(h, subdivide(shortcut));
}

/** One mesh for each object. */
export function openMeshDecoder(
  config: MeshDecoderConfig,
  weights: Weights,
  options: DecoderOptions = {},
): Promise<Decoder<DecodedMesh>> {
  return openDecoder(
    config,
    weights,
    options,
    (p, grid, latent) => ({ cubes: meshDecoder(config, p, grid, latent) }),
    ({ cubes }, voxels) => {
      const fine = subdivided(subdivided(voxels));
      const width = cubes.length / fine.count;
      return Array.from({ length: voxels.objects }, (_, object) => {
        const coords = new Int32Array(3 * (fine.starts[object + 1] - fine.starts[object]));
        for (let i = 0; i < coords.length; i++)
          coords[i] = fine.coords[4 * (fine.starts[object] + Math.floor(i / 3)) + 1 + (i % 3)];
        return meshOfFeatures({
          resolution: 4 * config.resolution,
          coords,
          feats: rowsOfObject(cubes, fine, object, width),
        });
      });
    },
  );
}
