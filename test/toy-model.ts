import { type SavedNetwork, saveModel } from '../src/pipelines/index.ts';
import { patchEncoder, pitchHead } from '../src/stages/0-condition/index.ts';
import { type Frame, PITCH_BINS, structureDecoder, structureFlow } from '../src/stages/1-structure/index.ts';
import { initialize, input, scope, torchGenerator } from '../src/tensor/index.ts';

/** Added to the random decoder’s logits, so that about a tenth of the voxels are occupied: the self-check takes up to 10⁵. */
const LESS_MATTER = -0.3;

/** A model folder of tiny networks with random weights: right in kind, meaningless in what it makes. */
export async function saveToyModel(folder: string, condChannels = 32, frame: Frame = 'canonical'): Promise<void> {
  const encoder = { image_size: 16, patch_size: 8, model_channels: 32, num_blocks: 1, num_heads: 2 };
  const flow = {
    resolution: 16,
    in_channels: 8,
    out_channels: 8,
    model_channels: 32,
    cond_channels: condChannels,
    num_blocks: 1,
    num_heads: 2,
    mlp_ratio: 2,
    patch_size: 4,
    qk_rms_norm: true,
    ...(frame === 'view' && { pixel_aligned_grid: 2 }),
  };
  const decoder = {
    out_channels: 1,
    latent_channels: 8,
    num_res_blocks: 0,
    num_res_blocks_middle: 1,
    channels: [8, 4, 4],
  };
  const p = { encoder: scope(), flow: scope(), decoder: scope(), head: scope() };
  const head = { cond_channels: condChannels, num_bins: PITCH_BINS };
  pitchHead(head, p.head, input('tokens', [1, 4, condChannels]));
  patchEncoder(encoder, p.encoder, input('pictures', [1, 16, 16, 3]));
  structureFlow(flow, p.flow, input('x', [1, 8, 16, 16, 16]), input('t', [1]), input('cond', [1, 4, condChannels]));
  structureDecoder(decoder, p.decoder, input('latent', [1, 8, 16, 16, 16]));
  const rng = torchGenerator(7);
  const saved = (
    component: string,
    name: SavedNetwork['name'],
    config: object,
    weights: ReturnType<typeof scope>,
  ): SavedNetwork => ({
    component: `ckpts/${component}`,
    name,
    config,
    weights: Object.fromEntries(
      [...weights.parameters].map(([key, { attributes, shape }]) => {
        const values = initialize(
          attributes.init.kind === 'zeros' ? { kind: 'normal', std: 0.02 } : attributes.init,
          shape,
          rng,
        );
        if (weights === p.decoder && key === 'out_layer.2.bias') values.fill(LESS_MATTER);
        return [key, { shape: shape as number[], data: values }];
      }),
    ),
  });
  await saveModel(
    folder,
    { sampler: { steps: 3, guidance: 1, interval: [0.5, 1], rescale: 3 }, frame, prediction: 'velocity' },
    {
      ...(frame === 'view' && { camera_pitch_model: saved('pitch', 'PitchHead', head, p.head) }),
      image_cond_model: saved('encoder', 'PatchEncoder', encoder, p.encoder),
      sparse_structure_flow_model: saved('flow', 'SparseStructureFlowModel', flow, p.flow),
      sparse_structure_decoder: saved('decoder', 'SparseStructureDecoder', decoder, p.decoder),
    },
  );
}
