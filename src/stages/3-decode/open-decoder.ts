import { expectRows, type SparseGrid, sparseGrid, type Voxels } from '../../sparse/index.ts';
import { compile, type Device, floats, input, type Scope, scope, type Tensor } from '../../tensor/index.ts';
import type { Weights } from '../1-structure/index.ts';

export interface DecoderOptions {
  /** objects decoded at once; 1 by default */
  objects?: number;
  device?: Device | 'auto';
  /** the scope the decoder's weights are in */
  at?: (root: Scope) => Scope;
}

/** Decodes latents into one representation each. Owned by whoever opened it; `dispose` frees it. */
export interface Decoder<Representation> {
  /** @param feats  latents [N, latent_channels] of the encoder's own scale (see `denormalizeLatent`) */
  decode(voxels: Voxels, feats: Float32Array): Promise<Representation[]>;
  dispose(): Promise<void>;
}

/** What a decoder expects of its input. */
interface DecoderInput {
  resolution: number;
  latent_channels: number;
}

/** Of the rows of wide layers: 24 000 voxels in one piece hold 0.6 GB more at a time, and the runtime keeps twice that. */
const PIECES = 4;

/** A decoder made ready to run at any voxels: `network` builds its outputs, `present` makes representations of their values. */
export async function openDecoder<Representation>(
  { resolution, latent_channels: channels }: DecoderInput,
  weights: Weights,
  { objects = 1, device = 'cpu', at = (root) => root }: DecoderOptions,
  network: (p: Scope, grid: SparseGrid, latent: Tensor) => Record<string, Tensor>,
  present: (values: Record<string, Float32Array>, voxels: Voxels) => Representation[],
): Promise<Decoder<Representation>> {
  const grid = sparseGrid(objects, { pieces: PIECES });
  const latent = input('latent', [grid.rows, channels]);
  const program = await compile(network(at(scope()), grid, latent), { device, ...weights });
  return {
    async decode(voxels, feats) {
      expectRows('decoder', voxels, resolution, feats, channels);
      const got = await program.run({ ...grid.plan(voxels), latent: floats(feats, [voxels.count, channels]) });
      const values = Object.fromEntries(Object.entries(got).map(([name, v]) => [name, v.data as Float32Array]));
      for (const [name, v] of Object.entries(values)) expectFinite(name, v);
      return present(values, voxels);
    },
    dispose: () => program.dispose(),
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
