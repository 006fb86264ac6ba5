/**
 * What candidates gain: F-scores of shapes made of 1, 2, 4 and 8 structures drawn for a picture, by the share of them that
 * a voxel must be in. One picture of each held-out asset, as `espalier eval structure` chooses it.
 *
 *   npx tsx bench/candidates.ts <dataset root> [model folder]
 */
import { loadModel, pictureSizeOf, promptTokens, structures } from '../src/pipelines/index.ts';
import { compareOccupancies, consensus } from '../src/stages/1-structure/index.ts';
import { torchGenerator } from '../src/tensor/index.ts';
import { cropOccupancy, preparedViews, structureSamples } from '../src/training/index.ts';
import { record } from './measure.ts';

const [root, folder = 'models/mini'] = process.argv.slice(2);
if (!root) throw new Error('give the dataset root: npx tsx bench/candidates.ts <dataset root> [model folder]');

const counts = [1, 2, 4, 8];
const shares = [0.1, 0.2, 0.3, 0.5];
const most = Math.max(...counts);
const model = await loadModel(folder);
const samples = await structureSamples(root, { cond: true, frame: model.frame });
const held = samples.filter(({ split }) => split === 'validation').sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
const sums = new Map<string, [one: number, two: number]>();
for (const [asset, { views, turned, coords }] of held.entries()) {
  const pictures = await preparedViews(views as string, pictureSizeOf(model));
  const view = torchGenerator(asset).integer(pictures.length);
  const tokens = await promptTokens(model, Array(most).fill(pictures[view]));
  const drawn = await structures(model, tokens, { ...model.structureSampler, seed: asset, candidates: 1 });
  const truth = Uint8Array.from(cropOccupancy(turned?.[view] ?? coords, 64));
  for (const count of counts)
    for (const share of count === 1 ? [0.5] : shares) {
      const shape = Uint8Array.from(consensus(drawn.slice(0, count), share), (v) => Number(v > 0));
      const { scores } = compareOccupancies(shape, truth, 64, [1, 2]);
      const [one, two] = sums.get(`${count} ${share}`) ?? [0, 0];
      const [a, b] = shape.includes(1) ? scores.map(({ fScore }) => fScore / held.length) : [0, 0];
      sums.set(`${count} ${share}`, [one + a, two + b]);
    }
  console.log(`${asset + 1} of ${held.length}`);
}
const figures: Record<string, string> = {};
for (const [key, scores] of sums) {
  const [count, share] = key.split(' ');
  const name = count === '1' ? '1 candidate' : `${count} candidates, in a share above ${share} of them`;
  figures[name] = scores.map((score) => score.toFixed(3)).join(', ');
}
await record(
  'candidates',
  `F-scores at one and two voxels of ${folder} by candidates, ${held.length} held-out pictures, guidance ${model.structureSampler.guidance}`,
  figures,
);
process.exit();
