import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { consensus } from '../stages/1-structure/index.ts';
import { generateAssets, imageTo3D, loadModel } from './index.ts';

const chair = readFileSync('examples/chair.png');
const prompt = { kind: 'image', pictures: [chair] } as const;

test('an asset of two candidates is the consensus of the two samples of that seed, of which the first is the one drawn alone', async () => {
  // In a frame without outlines, to which each sample would be made to agree.
  const mini = { ...(await loadModel('models/mini')), frame: 'picture' as const };
  const run = { seed: 5, steps: 2 };
  const samples = await generateAssets(mini, prompt, { ...run, samples: 2, candidates: 1 });
  expect(samples[0].logits).not.toEqual(samples[1].logits);
  const [one] = await generateAssets(mini, prompt, { ...run, candidates: 2 });
  expect(one.logits).toEqual(consensus(samples.map(({ logits }) => logits)));
  const alone = await imageTo3D(mini, chair, { ...run, candidates: 1 });
  const differing = alone.logits.filter((v, i) => v > 0 !== samples[0].logits[i] > 0).length;
  expect(differing).toBeLessThan(0.01 * (alone.coords.length / 3)); // sums of another order
});

test('a number of candidates that means nothing is an error', async () => {
  const mini = await loadModel('models/mini');
  for (const candidates of [0, 1.5, 101])
    await expect(imageTo3D(mini, chair, { candidates })).rejects.toThrow(
      /candidates must be a whole number from 1 to 100/,
    );
});
