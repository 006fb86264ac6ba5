import { linear } from '../../nn/index.ts';
import { gelu, mean, type Scope, softmax, type Tensor } from '../../tensor/index.ts';

/**
 * How high the camera of a picture stands, read from the tokens of a picture encoder and trained along with a flow whose shapes stand as
 * the camera sees them (`frame: 'view'`): what it takes to set a finished shape upright.
 */
export interface PitchHeadConfig {
  /** K, channels of the tokens */
  cond_channels: number;
  /** equal bins from straight below, −90°, to straight above, 90° */
  num_bins: number;
}

/** Tokens [B, T, K] → a probability for each bin [B, bins]. */
export function pitchHead({ cond_channels: width, num_bins }: PitchHeadConfig, p: Scope, tokens: Tensor): Tensor {
  const hidden = gelu(linear(p.at('hidden_layer'), mean(tokens, { axes: [1] }), 2 * width), 'tanh');
  return softmax(linear(p.at('out_layer'), hidden, num_bins));
}

/** What the head is to say of a pitch in radians: a normal distribution of 5° over the bins, since neighbours are nearly right. */
export function pitchTarget(pitch: number, bins: number): Float32Array {
  const target = new Float32Array(bins);
  for (let i = 0; i < bins; i++) target[i] = Math.exp(-0.5 * ((pitch - binPitch(i, bins)) / DEVIATION) ** 2);
  const sum = target.reduce((a, b) => a + b, 0);
  return target.map((v) => v / sum);
}

const DEVIATION = (5 * Math.PI) / 180;

/** Radians at the middle of a bin. */
const binPitch = (bin: number, bins: number): number => ((bin + 0.5) / bins - 0.5) * Math.PI;
