/**
 * At which times a structure flow decides what a shape is: the error of its x₀ by time, with the picture and with the empty prompt (the
 * gap is what the picture says then), and how much noise in a latent its decoder forgives (below that, a flow has nothing left to decide).
 * Held-out assets; the flow must predict x₀.
 *
 *   npx tsx bench/flow-times.ts <dataset root> <model folder> [run of its autoencoder]
 */
import { loadModel, readWeights } from '../src/pipelines/index.ts';
import { patchEncoder } from '../src/stages/0-condition/index.ts';
import { compareOccupancies, structureDecoder, structureFlow } from '../src/stages/1-structure/index.ts';
import { compile, floats, input, mul, scope, torchGenerator } from '../src/tensor/index.ts';
import { cropOccupancy } from '../src/training/index.ts';
import { valuesOf } from '../src/training/load-autoencoder.ts';
import { structureFlowRecipe } from '../src/training/recipes/2-structure-flow.ts';
import { structureFlowData } from '../src/training/structure-flow-data.ts';
import { record } from './measure.ts';

const [root, folder, vae = folder] = process.argv.slice(2);
if (!folder) throw new Error('give dataset root and model: npx tsx bench/flow-times.ts <dataset root> <model folder>');

const BATCH = 32;
const ROUNDS = 2;
const model = await loadModel(folder);
const { sparse_structure_flow_model: flow, image_cond_model: encoder } = model.networks;
if (model.prediction !== 'x0' || encoder?.name !== 'PatchEncoder')
  throw new Error(`${folder}: expected a flow that predicts x0 behind a PatchEncoder.`);
const { in_channels: channels, resolution: r } = flow.config;
const { image_size: size } = encoder.config;
const data = await structureFlowData({
  roots: root,
  vae,
  frame: model.frame,
  mirror: structureFlowRecipe.mirror,
  views: 8,
  pictureSize: size,
});
const state = Object.fromEntries([
  ...Object.entries(await readWeights(flow)).map(([name, values]) => [`flow.${name}`, values]),
  ...Object.entries(await readWeights(encoder)).map(([name, values]) => [`encoder.${name}`, values]),
]);
const dims = [BATCH, channels, r, r, r];
const places = { pictures: [BATCH, size, size, 3], kept: [BATCH, 1, 1] };
const tokens = patchEncoder(encoder.config, scope().at('encoder'), input('pictures', places.pictures));
const cond = mul(tokens, input('kept', places.kept));
const x0 = structureFlow(flow.config, scope().at('flow'), input('x', dims), input('t', [BATCH]), cond);
const program = await compile({ x0 }, { state, device: 'cpu' });
const held = data.indices('validation');
const latentSize = channels * r ** 3;

/** Mean squared error of x₀, over its mean square, at one time. */
async function errorAt(t: number, kept: 0 | 1): Promise<number> {
  const rng = torchGenerator(7);
  let [error, square] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const x = rng.normal(BATCH * latentSize);
    const target = new Float32Array(x.length);
    const pictures = new Float32Array(BATCH * size ** 2 * 3);
    for (let i = 0; i < BATCH; i++) {
      const asset = held[(round * BATCH + i) % held.length];
      const view = (3 * i) % data.viewsOf(asset);
      target.set(data.latent(asset, view), i * latentSize);
      pictures.set(
        Float32Array.from(data.picture(asset, view), (v) => v / 255),
        (i * pictures.length) / BATCH,
      );
    }
    for (let j = 0; j < x.length; j++) x[j] = (1 - t) * target[j] + t * x[j];
    const feeds = {
      x: floats(x, dims),
      t: floats(new Float32Array(BATCH).fill(1000 * t), [BATCH]),
      pictures: floats(pictures, places.pictures),
      kept: floats(new Float32Array(BATCH).fill(kept), places.kept),
    };
    const got = (await program.run(feeds)).x0.data;
    for (let j = 0; j < x.length; j++) {
      error += (Number(got[j]) - target[j]) ** 2;
      square += target[j] ** 2;
    }
  }
  return error / square;
}

const figures: Record<string, string> = {};
for (const t of [1, 0.98, 0.95, 0.9, 0.85, 0.75, 0.5, 0.25]) {
  const [seen, unseen] = [await errorAt(t, 1), await errorAt(t, 0)];
  figures[`error of x₀ at t = ${t}: with the picture, without, gap`] =
    `${seen.toFixed(3)}, ${unseen.toFixed(3)}, ${(unseen - seen).toFixed(3)}`;
}
const { config, arrays } = data.autoencoder.decoder;
const latent = [1, channels, r, r, r];
const logits = structureDecoder(config, scope(), input('latent', latent), { winograd: true });
const decoder = await compile({ logits }, { state: valuesOf(arrays), device: 'cpu' });
for (const deviation of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
  const rng = torchGenerator(3);
  let [iou, fScore] = [0, 0];
  const some = held.slice(0, 12);
  for (const asset of some) {
    const noise = rng.normal(latentSize);
    const z = data
      .latent(asset, 1)
      .map((v, j) => (v + deviation * noise[j]) * data.scale[Math.floor((j / latentSize) * channels)]);
    const decoded = (await decoder.run({ latent: floats(z, latent) })).logits.data;
    const truth = Uint8Array.from(cropOccupancy(data.coords(asset, 1), 64));
    const compared = compareOccupancies(
      Uint8Array.from(decoded as Float32Array, (v) => Number(v > 0)),
      truth,
      64,
      [1],
    );
    iou += compared.iou / some.length;
    fScore += compared.scores[0].fScore / some.length;
  }
  figures[`decoded with noise of ${deviation} of a channel's deviation: IoU, F-score at 1 voxel`] =
    `${iou.toFixed(3)}, ${fScore.toFixed(3)}`;
}
await record('flow-times', `What is decided at which time, ${folder}, ${held.length} held-out assets`, figures);
process.exit();
