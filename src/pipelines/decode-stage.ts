/** Stage 3 of a model folder: structured latents → what was asked for. Each decoder is loaded, used for all, and freed. */
import type { Gaussians, RadianceField, SurfaceMesh } from '../representations/index.ts';
import { voxelsOfObjects } from '../sparse/index.ts';
import {
  type Decoder,
  openGaussianDecoder,
  openMeshDecoder,
  openRadianceFieldDecoder,
} from '../stages/3-decode/index.ts';
import { surfaceOf } from './asset.ts';
import type { StructuredLatent } from './latent-stage.ts';
import type { ModelFolder } from './model-folder.ts';
import { openWeights } from './network.ts';
import type { Role } from './network-classes.ts';
import { checkGaussians, checkMesh, checkRadianceField } from './self-checks.ts';
import { timed, using, type WorkOptions, weightsOptions } from './work.ts';

/** What a structured latent can be decoded to. */
export const assetFormats = ['gaussians', 'radiance-field', 'mesh'] as const;
export type AssetFormat = (typeof assetFormats)[number];

/** The role of a model folder that decodes each. */
export const decoderRoles = {
  gaussians: 'slat_decoder_gs',
  'radiance-field': 'slat_decoder_rf',
  mesh: 'slat_decoder_mesh',
} as const satisfies Record<AssetFormat, Role>;

export interface Decoded {
  gaussians?: Gaussians;
  radianceField?: RadianceField;
  mesh?: SurfaceMesh;
}

/** @throws Error naming the decoder that the model lacks */
export function expectDecoders(model: ModelFolder, formats: readonly AssetFormat[]): void {
  for (const format of formats) {
    const role = decoderRoles[format];
    if (!role) throw new RangeError(`there is no format "${format}"; there are ${assetFormats.join(', ')}.`);
    if (!model.networks[role]) {
      const others = assetFormats.filter((other) => model.networks[decoderRoles[other]]);
      throw new Error(
        `${model.folder} has no "${role}", which makes ${format}; it can make ${others.join(', ') || 'none of them'}.`,
      );
    }
  }
}

export async function decodeLatents(
  model: ModelFolder,
  latents: readonly StructuredLatent[],
  formats: readonly AssetFormat[],
  work: WorkOptions,
): Promise<Decoded[]> {
  expectDecoders(model, formats);
  const { slat_decoder_gs: gs, slat_decoder_rf: rf, slat_decoder_mesh: mesh } = model.networks;
  const decoded: Decoded[] = latents.map(() => ({}));
  const weights = weightsOptions(work);
  const options = { device: work.device };
  if (gs && formats.includes('gaussians'))
    await each('gaussians', openGaussianDecoder(gs.config, await openWeights(gs, weights), options), (one, into) => {
      checkGaussians(one);
      into.gaussians = one;
    });
  if (rf && formats.includes('radiance-field'))
    await each(
      'radiance-field',
      openRadianceFieldDecoder(rf.config, await openWeights(rf, weights), options),
      (one, into) => {
        checkRadianceField(one);
        into.radianceField = one;
      },
    );
  if (mesh && formats.includes('mesh'))
    await each('mesh', openMeshDecoder(mesh.config, await openWeights(mesh, weights), options), (one, into) => {
      checkMesh(one);
      into.mesh = surfaceOf(one);
    });
  return decoded;

  async function each<T>(stage: AssetFormat, opening: Promise<Decoder<T>>, keep: (one: T, into: Decoded) => void) {
    await timed(stage, work.onEvent, () =>
      using(opening, async (decoder) => {
        for (const [i, { coords, feats }] of latents.entries()) {
          work.signal?.throwIfAborted();
          const [one] = await decoder.decode(voxelsOfObjects([coords]), feats).catch((error: Error) => {
            throw new Error(`${stage}: ${error.message}`, { cause: error });
          });
          keep(one, decoded[i]);
          work.onEvent?.({ kind: 'step', stage, step: i + 1, of: latents.length });
        }
      }),
    );
  }
}
