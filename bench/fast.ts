/**
 * What `fast` saves and what it changes: the shapes of models/mini against those of all evaluations, voxel IoU, and beside
 * it a plain run of fewer steps that costs as much.
 *
 *   npx tsx bench/fast.ts [picture …]      # examples/chair.png when none is given
 */
import { readFileSync } from 'node:fs';
import { evaluatedSteps, schedule } from '../src/flow/index.ts';
import { imageTo3D, loadModel } from '../src/pipelines/index.ts';
import { occupancyIou } from '../src/stages/1-structure/index.ts';
import { record } from './measure.ts';

const pictures = process.argv.length > 2 ? process.argv.slice(2) : ['examples/chair.png'];
const model = await loadModel('models/mini');
const { steps, interval, rescale } = model.structureSampler;

/** Network evaluations of a run: two at guided steps. */
function evaluations(count: number, evaluated: readonly boolean[]): number {
  const times = schedule(count, { rescale });
  return evaluated.reduce((n, is, i) => n + (is ? (times[i] >= interval[0] && times[i] <= interval[1] ? 2 : 1) : 0), 0);
}
const all = (count: number) => evaluations(count, Array(count).fill(true));
const cost = { exact: all(steps), fast: evaluations(steps, evaluatedSteps(steps)) };
const plain = Array.from({ length: steps }, (_, i) => i + 1).findLast((count) => all(count) <= cost.fast) as number;

const occupied = (logits: Float32Array) => Uint8Array.from(logits, (v) => Number(v > 0));
const iou: { fast: number[]; plain: number[]; seed: number[] } = { fast: [], plain: [], seed: [] };
for (const picture of pictures) {
  const bytes = readFileSync(picture);
  const shape = async (options: object) =>
    occupied((await imageTo3D(model, bytes, { seed: 1, candidates: 1, ...options })).logits);
  const exact = await shape({});
  iou.fast.push(occupancyIou(await shape({ fast: true }), exact));
  iou.plain.push(occupancyIou(await shape({ steps: plain }), exact));
  iou.seed.push(occupancyIou(await shape({ seed: 2 }), exact));
  console.log(picture, iou.fast.at(-1), iou.plain.at(-1), iou.seed.at(-1));
}
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
await record('fast', `Fast sampling of models/mini: shapes against those of all ${steps} steps`, {
  pictures: pictures.length,
  'network evaluations, exact': cost.exact,
  'network evaluations, fast': cost.fast,
  'evaluations saved, times faster': cost.exact / cost.fast,
  'IoU fast, mean': mean(iou.fast),
  'IoU fast, least': Math.min(...iou.fast),
  [`IoU of ${plain} plain steps (${all(plain)} evaluations), mean`]: mean(iou.plain),
  [`IoU of ${plain} plain steps, least`]: Math.min(...iou.plain),
  'IoU of another seed, mean': mean(iou.seed),
});
