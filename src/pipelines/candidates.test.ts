import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { consensus } from '../stages/1-structure/index.ts';
import { generateAssets, imageTo3D, loadModel } from './index.ts';

const trunk = readFileSync('examples/trunk.png');
const prompt = { kind: 'image', pictures: [trunk] } as const;

test('an asset of three candidates is the consensus of what three samples of the seed would be', async () => {
  const mini = await loadModel('models/mini');
  const run = { seed: 5, steps: 3 };
  const samples = await generateAssets(mini, prompt, { ...run, samples: 3, candidates: 1 });
  const [one] = await generateAssets(mini, prompt, { ...run, candidates: 3 });
  expect(one.logits).toEqual(consensus(samples.map(({ logits }) => logits)));
  const [first, second] = await generateAssets(mini, prompt, { ...run, samples: 2, candidates: 2 });
  expect(first.logits).not.toEqual(second.logits);
});

test('samples that are drawn together are those that are drawn alone', async () => {
  const mini = await loadModel('models/mini');
  const run = { seed: 5, steps: 3, candidates: 1 };
  const [together] = await generateAssets(mini, prompt, { ...run, samples: 3 });
  const alone = await imageTo3D(mini, trunk, run);
  const differing = alone.logits.filter((v, i) => v > 0 !== together.logits[i] > 0).length;
  expect(differing).toBeLessThan(0.01 * (alone.coords.length / 3)); // sums of another order
});

test('a number of candidates that means nothing is an error', async () => {
  const mini = await loadModel('models/mini');
  for (const candidates of [0, 1.5, 101])
    await expect(imageTo3D(mini, trunk, { candidates })).rejects.toThrow(
      /candidates must be a whole number from 1 to 100/,
    );
});
