/**
 * Guidance asks the flow twice at a step: with the prompt, and with the empty one. Two forwards, or one forward of both as a
 * batch? Seconds of each with models/mini, and with the networks of the published picture model at full size.
 *
 *   npx tsx bench/guidance-batch.ts                    # models/mini
 *   npx tsx bench/guidance-batch.ts <folder>           # of bench/full-size-folder.ts
 *
 * Two forwards have an advantage that a batch has not: the tokens of a picture's empty prompt are all alike, so one stands for
 * all, and its attention costs next to nothing.
 */
import { loadModel, openWeights, promptTokenCount } from '../src/pipelines/index.ts';
import { openStructureSampler } from '../src/stages/1-structure/index.ts';
import { torchGenerator } from '../src/tensor/index.ts';
import { median, record } from './measure.ts';

const folder = process.argv[2] ?? 'models/mini';
const isFull = process.argv[2] !== undefined;
const steps = isFull ? 3 : 40;
const model = await loadModel(folder);
const network = model.networks.sparse_structure_flow_model;
const tokens = promptTokenCount(model);
const rng = torchGenerator(1);
const size = network.config.in_channels * network.config.resolution ** 3;
const cond = rng.normal(tokens * network.config.cond_channels);
const empty = new Float32Array(cond.length);

/** Median seconds of a forward after the first, which meets untouched memory. */
async function forward(conds: readonly Float32Array[]): Promise<number> {
  const batch = conds.length;
  const { prediction } = model;
  const sampler = await openStructureSampler(network.config, await openWeights(network), { batch, tokens, prediction });
  const all = new Float32Array(batch * cond.length);
  for (const [i, one] of conds.entries()) all.set(one, i * cond.length);
  const times: number[] = [];
  const options = { steps: steps + 1, guidance: 0, interval: [0, 1], rescale: 3 } as const;
  await sampler.sample(rng.normal(batch * size), all, options, { onStep: () => times.push(performance.now() / 1000) });
  await sampler.dispose();
  return median(times.slice(1).map((time, i) => time - times[i]));
}

const withPrompt = await forward([cond]);
const withEmpty = await forward([empty]);
const both = await forward([cond, empty]);
await record(
  isFull ? 'guidance-batch-full-size' : 'guidance-batch-mini',
  `A guided step of the stage-1 flow, ${isFull ? 'image-large at full size' : 'models/mini'}: two forwards, or one of a batch of two`,
  {
    'forward with the prompt, ms': 1000 * withPrompt,
    'forward with the empty prompt, ms': 1000 * withEmpty,
    'forward of both as a batch, ms': 1000 * both,
    'batch over two forwards': both / (withPrompt + withEmpty),
  },
);
process.exit();
