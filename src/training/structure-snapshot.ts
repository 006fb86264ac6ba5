import type { Prediction } from '../flow/index.ts';
import type { OrbitView } from '../render/index.ts';
import { type PatchEncoderConfig, patchEncoder } from '../stages/0-condition/index.ts';
import {
  compareOccupancies,
  openStructureDecoder,
  openStructureSampler,
  type StructureFlowConfig,
  structureSamplerDefaults,
} from '../stages/1-structure/index.ts';
import { compile, type Device, floats, input, scope, torchGenerator } from '../tensor/index.ts';
import { cropOccupancy } from './augment.ts';
import { exampleSheet, type StructureExample } from './example-sheet.ts';
import { valuesOf } from './load-autoencoder.ts';
import type { FlowData } from './structure-flow-data.ts';
import type { States } from './training-program.ts';

export interface SnapshotOptions {
  denoiser: StructureFlowConfig;
  conditioner: PatchEncoderConfig;
  prediction: Prediction;
  /** averaged weights, `denoiser.…` and `conditioner.…` */
  weights: States;
  data: FlowData;
  /** which views of which assets are sampled, all in one batch */
  picked: readonly { index: number; view: number }[];
  guidance: number;
  device?: Device | 'auto';
}

/** From obliquely above and in front, where the camera of a shape in the picture's frame stands. */
const VIEW: OrbitView = { yaw: Math.PI - 0.3, pitch: 0.4, radius: 2.6, fovRadians: 0.65 };

/** What a flow makes of some pictures: F-scores at one and two voxels, and a sheet of picture, truth and result as PNG. */
export async function structureSnapshot(
  options: SnapshotOptions,
): Promise<{ fScore1: number; fScore2: number; sheet: Uint8Array }> {
  const { denoiser, conditioner, prediction, weights, data, picked, guidance, device } = options;
  const batch = picked.length;
  const size = conditioner.image_size;
  const tokens = (size / conditioner.patch_size) ** 2;
  const pictures = picked.map(({ index, view }) => data.picture(index, view));
  const latentSize = denoiser.in_channels * denoiser.resolution ** 3;
  const dims = [batch, size, size, 3];
  const prompt = patchEncoder(conditioner, scope().at('conditioner'), input('pictures', dims));
  const encoder = await compile({ prompt }, { state: weights, device });
  const sampler = await openStructureSampler(
    denoiser,
    { state: weights },
    { batch, tokens, prediction },
    device,
    (root) => root.at('denoiser'),
  );
  const { config, arrays } = data.autoencoder.decoder;
  const decoder = await openStructureDecoder(
    config,
    { state: valuesOf(arrays) },
    { batch: 1, resolution: denoiser.resolution },
    device,
  );
  try {
    const pixels = Float32Array.from(
      pictures.flatMap((p) => [...p]),
      (v) => v / 255,
    );
    const cond = (await encoder.run({ pictures: floats(pixels, dims) })).prompt.data as Float32Array;
    const noise = torchGenerator(0).normal(batch * latentSize); // the same at every snapshot
    const latents = await sampler.sample(noise, cond, { ...structureSamplerDefaults, guidance });
    const voxels = denoiser.resolution ** 3;
    const examples: StructureExample[] = [];
    let [fScore1, fScore2] = [0, 0];
    for (const [i, { index, view }] of picked.entries()) {
      const latent = latents.slice(i * latentSize, (i + 1) * latentSize);
      for (let j = 0; j < latentSize; j++) latent[j] *= data.scale[Math.floor(j / voxels)];
      const result = Uint8Array.from(await decoder.decode(latent), (logit) => (logit > 0 ? 1 : 0));
      const truth = Uint8Array.from(cropOccupancy(data.coords(index, view), 64));
      if (result.includes(1)) {
        const { scores } = compareOccupancies(result, truth, 64, [1, 2]);
        fScore1 += scores[0].fScore / batch;
        fScore2 += scores[1].fScore / batch;
      }
      examples.push({ view: VIEW, picture: pictures[i], truth, result });
    }
    return { fScore1, fScore2, sheet: await exampleSheet(examples) };
  } finally {
    await Promise.all([encoder.dispose(), sampler.dispose(), decoder.dispose()]);
  }
}
