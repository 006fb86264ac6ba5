import { logitNormal, SIGMA_MIN, uniform, velocityPerX0 } from '../flow/index.ts';
import { pitchTarget } from '../stages/0-condition/index.ts';
import { PITCH_BINS } from '../stages/1-structure/index.ts';
import { floats, type Generator, type Value } from '../tensor/index.ts';
import { type FlowTable, latentAt, pictureAt, viewsOf } from './flow-table.ts';
import type { StructureFlowRecipe } from './recipes/2-structure-flow.ts';

/** The largest weight of an x0’s error: nearer to the data it is that of t = 1/6. Larger ones drown what is learned at high noise. */
const MOST = 6;

/**
 * What a step of the structure flow reads, from a random view of each picked asset: x_t, t (0 … 1000), target, pictures, 0 where the
 * prompt is dropped, by how much an error of the output is larger in the velocity, and in the view's frame the camera's pitch.
 */
export function flowFeeds(
  recipe: StructureFlowRecipe,
  table: FlowTable,
  picked: readonly number[],
  rng: Generator,
  train: boolean,
): Record<string, Value> {
  const { denoiser, conditioner, prediction, frame, jitter, pUncond } = recipe;
  const batch = picked.length;
  const size = denoiser.in_channels * denoiser.resolution ** 3;
  const times = recipe.timeSchedule === 'uniform' ? uniform : logitNormal(recipe.timeMean, recipe.timeStd);
  const t = times(rng, batch);
  const x = rng.normal(batch * size); // noise at first
  const target = new Float32Array(batch * size);
  const pixels = conditioner.image_size ** 2 * 3;
  const pictures = new Float32Array(batch * pixels);
  const pitch = new Float32Array(batch * PITCH_BINS);
  const chance = rng.uniform(batch);
  for (const [i, asset] of picked.entries()) {
    const row = table.firstRows[asset] + rng.integer(viewsOf(table, asset));
    const latent = latentAt(table, row);
    const a = 1 - t[i];
    const b = SIGMA_MIN + (1 - SIGMA_MIN) * t[i];
    for (let j = 0, k = i * size; j < size; j++, k++) {
      const e = x[k];
      x[k] = a * latent[j] + b * e;
      target[k] = prediction === 'x0' ? latent[j] : (1 - SIGMA_MIN) * e - latent[j];
    }
    const picture = pictureAt(table, row);
    const gains = rng.uniform(3).map((u) => (train ? 1 + jitter * (2 * u - 1) : 1) / 255);
    for (let j = 0; j < pixels; j++) pictures[i * pixels + j] = Math.min(1, picture[j] * gains[j % 3]);
    pitch.set(pitchTarget(table.pitches[row], PITCH_BINS), i * PITCH_BINS);
  }
  const r = denoiser.resolution;
  const dims = [batch, denoiser.in_channels, r, r, r];
  const scale = t.map((v) => (prediction === 'x0' ? Math.min(MOST, velocityPerX0(v)) : 1));
  const feeds = {
    x: floats(x, dims),
    target: floats(target, dims),
    scale: floats(scale, [batch, 1, 1, 1, 1]),
    t: floats(
      t.map((v) => v * 1000),
      [batch],
    ),
    pictures: floats(pictures, [batch, conditioner.image_size, conditioner.image_size, 3]),
    kept: floats(
      chance.map((c) => (train && c < pUncond ? 0 : 1)),
      [batch, 1, 1],
    ),
  };
  return frame === 'view' ? { ...feeds, pitchTarget: floats(pitch, [batch, PITCH_BINS]) } : feeds;
}
