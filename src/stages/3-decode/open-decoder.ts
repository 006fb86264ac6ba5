import {
  expectRows,
  type SparseGrid,
  type SparseTransformerConfig,
  sparseGrid,
  transformerBlocks,
  transformerInput,
  type Voxels,
} from '../../sparse/index.ts';
import { compile, type Device, floats, input, type Scope, scope, type Tensor } from '../../tensor/index.ts';
import type { Weights } from '../1-structure/index.ts';

export interface DecoderOptions {
  /** objects decoded at once; 1 by default */
  objects?: number;
  device?: Device | 'auto';
  /** the scope the decoder's weights are in */
  at?: (root: Scope) => Scope;
  /** above so many voxels the network runs a few blocks at a time, which takes less memory; 16384 by default */
  voxelsAtOnce?: number;
}

/** Decodes latents into one representation each. Owned by whoever opened it; `dispose` frees it. */
export interface Decoder<Representation> {
  /** @param feats  latents [N, latent_channels] of the encoder's own scale (see `denormalizeLatent`) */
  decode(voxels: Voxels, feats: Float32Array): Promise<Representation[]>;
  dispose(): Promise<void>;
}

/** Of the rows of wide layers: they are computed in so many pieces. */
const PIECES = 4;

/**
 * Up to so many voxels, the decoder is one program that stays open. Beyond, it runs two blocks at a time, each pair in a program that
 * is then freed: the runtime keeps what blocks have freed in ever larger chunks, 2.3 GB for 12 blocks of 24 000 voxels, 1.2 for two.
 */
const VOXELS_AT_ONCE = 16_384;
const BLOCKS_AT_ONCE = 2;

/**
 * A decoder made ready to run at any voxels: `head` builds its outputs from what the transformer gives [N, C], `present` makes
 * representations of their values.
 */
export async function openDecoder<Representation>(
  config: SparseTransformerConfig & { latent_channels: number },
  weights: Weights,
  { objects = 1, device = 'cpu', at = (root) => root, voxelsAtOnce = VOXELS_AT_ONCE }: DecoderOptions,
  head: (p: Scope, grid: SparseGrid, h: Tensor) => Record<string, Tensor>,
  present: (values: Record<string, Float32Array>, voxels: Voxels) => Representation[],
): Promise<Decoder<Representation>> {
  const { resolution, latent_channels: channels, model_channels: width, num_blocks: blocks } = config;

  /** The program of blocks `from` to `to` − 1, with what is before the first and after the last. */
  async function part(from: number, to: number) {
    const grid = sparseGrid(objects, { pieces: PIECES });
    const p = at(scope());
    const x = input('x', [grid.rows, from === 0 ? channels : width]);
    const h = transformerBlocks(config, p, grid, from === 0 ? transformerInput(config, p, grid, x) : x, from, to);
    return { grid, program: await compile(to === blocks ? head(p, grid, h) : { h }, { device, ...weights }) };
  }
  type Part = Awaited<ReturnType<typeof part>>;

  async function run({ grid, program }: Part, voxels: Voxels, x: Float32Array): Promise<Record<string, Float32Array>> {
    const feeds = { ...grid.plan(voxels), x: floats(x, [voxels.count, x.length / voxels.count]) };
    const got = await program.run(feeds);
    return Object.fromEntries(Object.entries(got).map(([name, v]) => [name, v.data as Float32Array]));
  }

  let whole: Part | undefined; // opened when it is first needed

  async function runWhole(voxels: Voxels, feats: Float32Array): Promise<Record<string, Float32Array>> {
    whole ??= await part(0, blocks);
    return run(whole, voxels, feats);
  }

  async function runInParts(voxels: Voxels, feats: Float32Array): Promise<Record<string, Float32Array>> {
    await whole?.program.dispose();
    whole = undefined;
    let values: Record<string, Float32Array> = { h: feats };
    for (let from = 0; from < blocks; from += BLOCKS_AT_ONCE) {
      const opened = await part(from, Math.min(blocks, from + BLOCKS_AT_ONCE));
      values = await run(opened, voxels, values.h).finally(() => opened.program.dispose());
    }
    return values;
  }

  return {
    async decode(voxels, feats) {
      expectRows('decoder', voxels, resolution, feats, channels);
      const values = await (voxels.count > voxelsAtOnce ? runInParts : runWhole)(voxels, feats);
      for (const [name, v] of Object.entries(values)) expectFinite(name, v);
      return present(values, voxels);
    },
    async dispose() {
      await whole?.program.dispose();
    },
  };
}

/** @throws Error when what a decoder put out holds NaN or infinity */
export function expectFinite(name: string, values: Float32Array): void {
  if (!values.every(Number.isFinite))
    throw new Error(
      `decoder: "${name}" holds values that are not finite. The latent or the weights are damaged; latents are in the ` +
        "encoder's own scale, so undo the flow's normalization first.",
    );
}

/** Rows of one object out of values [N·k, ..], `width` numbers for each voxel. */
export const rowsOfObject = (values: Float32Array, { starts }: Voxels, object: number, width: number): Float32Array =>
  values.slice(starts[object] * width, starts[object + 1] * width);
