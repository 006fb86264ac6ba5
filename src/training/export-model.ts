import { type SavedNetwork, saveModel } from '../pipelines/index.ts';
import { PITCH_BINS, structureSamplerDefaults } from '../stages/1-structure/index.ts';
import { latestCheckpoint, loadCheckpoint } from './checkpoint.ts';
import { type Arrays, loadAutoencoder } from './load-autoencoder.ts';
import type { StructureFlowRecipe } from './recipes/2-structure-flow.ts';

export interface ExportSettings {
  guidance?: number;
  rescale?: number;
  candidates?: number;
  /** by which the pitch head's logits are divided: above 1 for one that is too sure, having learned its pictures by heart */
  pitchTemperature?: number;
}

/**
 * The averaged weights of an autoencoder (a run, or a model folder) and of a flow's run as a model folder. The flow learnt latents of unit
 * deviation; their scale goes into the autoencoder's border layers, so that the networks fit without a statistic.
 */
export async function exportStructureModel(
  runs: { vae: string; flow: string },
  folder: string,
  settings: ExportSettings = {},
): Promise<{ vaeStep?: number; flowStep: number }> {
  const { encoder, decoder, step: vaeStep } = await loadAutoencoder(runs.vae);
  const flowStep = newest(runs.flow);
  const flow = loadCheckpoint(runs.flow, flowStep);
  const { denoiser, conditioner, frame, prediction, latentScale } = (
    flow.misc as {
      identity: Pick<StructureFlowRecipe, 'denoiser' | 'conditioner' | 'frame' | 'prediction'> & {
        latentScale: number[];
      };
    }
  ).identity;
  const networks = {
    image_cond_model: network('img_enc_patch8', 'PatchEncoder', conditioner, flow.ema.models.conditioner as Arrays),
    ...(flow.ema.models.pitchHead && {
      camera_pitch_model: network(
        'camera_pitch',
        'PitchHead',
        { cond_channels: conditioner.model_channels, num_bins: PITCH_BINS },
        flattened(flow.ema.models.pitchHead as Arrays, settings.pitchTemperature),
      ),
    }),
    sparse_structure_flow_model: network(
      'ss_flow_img_dit_16l8_fp16',
      'SparseStructureFlowModel',
      { ...denoiser, pe_mode: 'ape' },
      flow.ema.models.denoiser as Arrays,
    ),
    sparse_structure_decoder: network(
      'ss_dec_conv3d_16l8_fp16',
      'SparseStructureDecoder',
      decoder.config,
      scaledDecoder(decoder.arrays, latentScale),
    ),
    sparse_structure_encoder: network(
      'ss_enc_conv3d_16l8_fp16',
      'SparseStructureEncoder',
      encoder.config,
      scaledEncoder(encoder.arrays, latentScale),
    ),
  };
  const { guidance = GUIDANCE, rescale = structureSamplerDefaults.rescale, candidates = CANDIDATES } = settings;
  const sampler = { ...structureSamplerDefaults, guidance, rescale };
  await saveModel(folder, { sampler, frame, prediction, candidates }, networks);
  return { vaeStep, flowStep };
}

/**
 * Strength of guidance in the sampler's settings. On 18 held-out pictures, four candidates, the model that ships scored .355 at 3, .347 at 5
 * (bench/results/training-choices.md); higher, shapes swell.
 */
const GUIDANCE = 3;

/** Structures drawn for an asset: on 54 held-out pictures eight raise the F-score by a third (bench/results/candidates.md). */
const CANDIDATES = 8;

/** The head's last layer takes the temperature. */
function flattened(head: Arrays, temperature = 1): Arrays {
  const last = Object.entries(head).filter(([name]) => name.startsWith('out_layer.'));
  const cooled = last.map(([name, { shape, data }]) => [name, { shape, data: data.map((w) => w / temperature) }]);
  return { ...head, ...Object.fromEntries(cooled) };
}

function newest(run: string): number {
  const step = latestCheckpoint(run);
  if (step === undefined)
    throw new Error(`export: ${run} holds no checkpoint. Train it first, or give another run folder.`);
  return step;
}

const network = (stem: string, name: SavedNetwork['name'], config: object, weights: Arrays): SavedNetwork => ({
  component: `ckpts/${stem}`,
  name,
  config,
  weights,
});

/** The decoder reads z·s where it read z: its first convolution takes the scale. */
function scaledDecoder(weights: Arrays, scale: readonly number[]): Arrays {
  const key = 'input_layer.weight';
  const { shape, data } = weights[key];
  const [, cin, ...kernel] = shape;
  const per = kernel.reduce((a, b) => a * b, 1);
  return { ...weights, [key]: { shape, data: data.map((w, i) => w * scale[Math.floor(i / per) % cin]) } };
}

/** The encoder gives mean/s and logvar − 2·ln s: its last convolution takes the scale. */
function scaledEncoder(weights: Arrays, scale: readonly number[]): Arrays {
  const c = scale.length;
  const { weight, bias } = { weight: weights['out_layer.2.weight'], bias: weights['out_layer.2.bias'] };
  const per = weight.data.length / weight.shape[0];
  const scaled = weight.data.map((w, i) => (i / per < c ? w / scale[Math.floor(i / per)] : w));
  const shifted = bias.data.map((b, i) => (i < c ? b / scale[i] : b - 2 * Math.log(scale[i - c])));
  return {
    ...weights,
    'out_layer.2.weight': { shape: weight.shape, data: scaled },
    'out_layer.2.bias': { shape: bias.shape, data: shifted },
  };
}
