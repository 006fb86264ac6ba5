/**
 * How shapes are best drawn: F-scores by strength of guidance, by how far the times are shifted towards noise, and by the share of
 * several candidates that a voxel must be in. F-scores reward bulk, so beside them stands how well the outlines from the right and from
 * above agree, which the picture does not show. Made to agree with the outline where the model's frame has one. One picture of each
 * held-out asset, as `espalier eval structure` chooses it.
 *
 *   npx tsx bench/structure-sampler.ts <dataset root> [model folder] [--guidance 3,5,8] [--rescale 3,8] [--candidates 8] [--assets 54]
 */
import { parseArgs } from 'node:util';
import { condPicture } from '../src/evaluation/index.ts';
import { agreed, loadModel, outlineOf, pictureSizeOf, promptTokens, structures } from '../src/pipelines/index.ts';
import { compareOccupancies, consensus, occupancyIou } from '../src/stages/1-structure/index.ts';
import { torchGenerator } from '../src/tensor/index.ts';
import { cropOccupancy, preparedViews, structureSamples } from '../src/training/index.ts';
import { record } from './measure.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    guidance: { type: 'string' },
    rescale: { type: 'string' },
    candidates: { type: 'string', default: '8' },
    assets: { type: 'string', default: '54' },
  },
});
const [root, folder = 'models/mini'] = positionals;
if (!root) throw new Error('give the dataset root: npx tsx bench/structure-sampler.ts <dataset root> [model folder]');

const shares = [0.1, 0.2, 0.3, 0.4, 0.5];
const most = Number(values.candidates);
const model = await loadModel(folder);
const standard = model.structureSampler;
const numbers = (list: string | undefined, byDefault: number) => (list ? list.split(',').map(Number) : [byDefault]);
const samples = await structureSamples(root, { cond: true, frame: model.frame });
const held = samples
  .filter(({ split }) => split === 'validation')
  .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
  .slice(0, Number(values.assets));

/** F-scores at one and two voxels, voxels over those of the truth, mean IoU of the outlines from the right and from above. */
type Figures = readonly [one: number, two: number, bulk: number, outlines: number];

/** The shape [64, 64, 64] seen along an axis, [64, 64]. */
function shadow(shape: Uint8Array, axis: 0 | 2): Uint8Array {
  const seen = new Uint8Array(64 ** 2);
  for (const [i, v] of shape.entries()) if (v) seen[axis === 0 ? i % 64 ** 2 : i >> 6] = 1;
  return seen;
}

const figures: Record<string, string> = {};
for (const guidance of numbers(values.guidance, standard.guidance))
  for (const rescale of numbers(values.rescale, standard.rescale)) {
    const sums = new Map<string, Figures>();
    for (const [asset, sample] of held.entries()) {
      const pictures = await preparedViews(sample.views as string, pictureSizeOf(model));
      const view = torchGenerator(asset).integer(pictures.length);
      const tokens = await promptTokens(model, Array(most).fill(pictures[view]));
      const drawn = await structures(model, tokens, { ...standard, guidance, rescale, seed: asset, candidates: 1 });
      const outline = model.frame === 'view' ? outlineOf(await condPicture(sample, view)) : undefined;
      const truth = Uint8Array.from(cropOccupancy(sample.turned?.[view] ?? sample.coords, 64));
      const scored = (name: string, logits: Float32Array) => {
        const shape = Uint8Array.from(agreed(logits, outline && { outline, pitch: new Float32Array() }), (v) =>
          Number(v > 0),
        );
        const [one, two, bulk, outlines] = sums.get(name) ?? [0, 0, 0, 0];
        if (!shape.includes(1)) return sums.set(name, [one, two, bulk, outlines]);
        const { scores } = compareOccupancies(shape, truth, 64, [1, 2]);
        const count = (grid: Uint8Array) => grid.reduce((sum, v) => sum + v, 0);
        const ofOutlines = (axis: 0 | 2) => occupancyIou(shadow(shape, axis), shadow(truth, axis));
        const share = 1 / held.length;
        return sums.set(name, [
          one + share * scores[0].fScore,
          two + share * scores[1].fScore,
          bulk + (share * count(shape)) / count(truth),
          outlines + (share / 2) * (ofOutlines(0) + ofOutlines(2)),
        ]);
      };
      scored('1 candidate', drawn[0]);
      for (const share of shares) scored(`${most} candidates, share ${share}`, consensus(drawn, share));
    }
    for (const [name, scores] of sums) {
      const row = `guidance ${guidance}, rescale ${rescale}, ${name}`;
      figures[row] = scores.map((score) => score.toFixed(3)).join(', ');
      console.log(`${row}: ${figures[row]}`);
    }
  }
await record(
  'structure-sampler',
  `F-scores at one and two voxels, voxels over the truth's, IoU of the outlines from aside, of ${folder}, ${held.length} held-out pictures`,
  figures,
);
process.exit();
