import { linear } from '../../nn/index.ts';
import { type CubeFeatures, type DecodedMesh, meshOfFeatures } from '../../representations/index.ts';
import {
  convolutionOfSubdivided,
  neighborTable,
  pointConvolution,
  type SparseGrid,
  type SparseTransformerConfig,
  sparseConvolution,
  sparseGroupNorm,
  sparseTransformer,
  subdivide,
  subdivided,
  tableOfSubdivided,
  voxelsOfObjects,
  withoutObject,
} from '../../sparse/index.ts';
import { add, type Scope, silu, type Tensor, zeros } from '../../tensor/index.ts';
import type { Weights } from '../1-structure/index.ts';
import { type Decoder, type DecoderOptions, expectFinite, openDecoder, rowsOfObject } from './open-decoder.ts';
import { openTiledSubdivision } from './subdivision-in-tiles.ts';

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
  return outLayer(config, p, h);
}

const outLayer = ({ representation_config: { use_color } }: MeshDecoderConfig, p: Scope, h: Tensor): Tensor =>
  linear(p.at('out_layer'), h, use_color ? 101 : 53, zeros);

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

/**
 * The features of each object's cubes, as `meshDecoder` has them, in half of the time and the memory of its graph: the
 * subdivisions run in tiles, after the transformer has been freed.
 */
export async function openCubeDecoder(
  config: MeshDecoderConfig,
  weights: Weights,
  options: DecoderOptions = {},
): Promise<Decoder<CubeFeatures>> {
  const { model_channels: width, resolution } = config;
  const { at = (root: Scope) => root, device } = options;
  const first = await openTiledSubdivision(weights, {
    in: width,
    out: width / 4,
    at: (root) => at(root).at('upsample.0'),
    device,
  });
  const second = await openTiledSubdivision(weights, {
    in: width / 4,
    out: width / 8,
    at: (root) => at(root).at('upsample.1'),
    finish: (root, h) => outLayer(config, at(root), h),
    device,
  }).catch(async (error) => {
    await first.dispose();
    throw error;
  });
  return {
    async decode(voxels, feats) {
      const transformer = await openDecoder(
        config,
        weights,
        options,
        (_p, _grid, h) => ({ h }),
        ({ h }) => Array.from({ length: voxels.objects }, (_, object) => rowsOfObject(h, voxels, object, width)),
      );
      const rows = await transformer.decode(voxels, feats).finally(() => transformer.dispose());
      const cubes: CubeFeatures[] = [];
      for (const [object, x] of rows.entries()) {
        const coords = withoutObject(voxels).slice(3 * voxels.starts[object], 3 * voxels.starts[object + 1]);
        const own = voxelsOfObjects([coords]);
        const table = neighborTable(own);
        const feats = await second.run(tableOfSubdivided(table), await first.run(table, x));
        expectFinite('cubes', feats);
        cubes.push({ resolution: 4 * resolution, coords: withoutObject(subdivided(subdivided(own))), feats });
      }
      return cubes;
    },
    async dispose() {
      await Promise.all([first.dispose(), second.dispose()]);
    },
  };
}

/** One mesh for each object. */
export async function openMeshDecoder(
  config: MeshDecoderConfig,
  weights: Weights,
  options: DecoderOptions = {},
): Promise<Decoder<DecodedMesh>> {
  const decoder = await openCubeDecoder(config, weights, options);
  return {
    decode: async (voxels, feats) => (await decoder.decode(voxels, feats)).map(meshOfFeatures),
    dispose: decoder.dispose,
  };
}
