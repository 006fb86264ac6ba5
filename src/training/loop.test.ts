import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { toyDataset } from '../../test/toy-dataset.ts';
import { latestCheckpoint } from './checkpoint.ts';
import type { TrainEvent } from './loop.ts';
import { runRecipe } from './run-recipe.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'loop-'));
const steps = 30;
const common = { batchSize: 2, maxSteps: steps, saveEvery: 4, validateEvery: 1000, logEvery: 1, warmupSteps: 5 };
const overrides: Record<string, Record<string, unknown>> = {
  'structure-vae': {
    ...common,
    encoder: {
      in_channels: 1,
      latent_channels: 2,
      num_res_blocks: 0,
      num_res_blocks_middle: 0,
      channels: [2, 2, 4, 4],
    },
    decoder: {
      out_channels: 1,
      latent_channels: 2,
      num_res_blocks: 0,
      num_res_blocks_middle: 0,
      channels: [4, 4, 2, 2],
    },
    crop: 16,
    coarseLevels: 1,
  },
  'structure-flow': {
    ...common,
    denoiser: {
      resolution: 8,
      in_channels: 2,
      out_channels: 2,
      model_channels: 24,
      cond_channels: 16,
      num_blocks: 1,
      num_heads: 2,
      patch_size: 4,
    },
    conditioner: { image_size: 32, patch_size: 16, model_channels: 16, num_blocks: 1, num_heads: 2 },
  },
};

let data: string;
const unbroken: Record<string, string> = {};
const options = (recipe: string, out: string) => ({
  data,
  out,
  vae: unbroken['structure-vae'],
  overrides: overrides[recipe],
  device: 'cpu' as const,
});

beforeAll(async () => {
  data = await toyDataset();
  for (const recipe of ['structure-vae', 'structure-flow']) {
    const out = newFolder();
    await runRecipe(recipe, { ...options(recipe, out), clock: () => 0 });
    unbroken[recipe] = out;
  }
});

const lines = (folder: string) =>
  readFileSync(join(folder, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; loss?: number; gradNorm: number })
    .filter((line) => line.loss !== undefined);

test.each(['structure-vae', 'structure-flow'])(
  '%s: killed at any moment and resumed, a run repeats the unbroken one',
  async (recipe) => {
    const whole = lines(unbroken[recipe]);
    expect(whole.map(({ step }) => step)).toEqual([...Array(steps).keys()].map((i) => i + 1));
    const out = newFolder();
    const delay = Math.random() * 800;
    await killedRun(recipe, out, delay);
    const saved = latestCheckpoint(out) ?? 0;
    expect(saved, `killed ${delay} ms after the first checkpoint`).toBeGreaterThan(0);
    expect(saved).toBeLessThan(steps);
    const events: TrainEvent[] = [];
    await runRecipe(recipe, { ...options(recipe, out), clock: () => 0, onEvent: (event) => events.push(event) });
    expect(events.find((event) => event.kind === 'resumed')).toEqual({ kind: 'resumed', step: saved });
    const resumed = lines(out);
    expect(resumed.map(({ step }) => step)).toEqual(whole.map(({ step }) => step));
    for (const [i, { loss, gradNorm }] of whole.entries()) {
      expect(Math.abs((resumed[i].loss as number) / (loss as number) - 1), `loss ${i + 1}`).toBeLessThan(1e-6);
      expect(Math.abs(resumed[i].gradNorm / gradNorm - 1), `norm ${i + 1}`).toBeLessThan(1e-5);
    }
  },
);

/** A run in a process of its own, which SIGKILL ends `delay` ms after its first checkpoint. */
async function killedRun(recipe: string, out: string, delay: number): Promise<void> {
  const script = join(newFolder(), 'run.mts');
  const module = pathToFileURL(join(import.meta.dirname, 'run-recipe.ts')).href;
  writeFileSync(
    script,
    `import { runRecipe } from ${JSON.stringify(module)};
    const pause = new Int32Array(new SharedArrayBuffer(4));
    await runRecipe(${JSON.stringify(recipe)}, {
      ...${JSON.stringify(options(recipe, out))},
      clock: () => 0,
      onEvent(event) {
        if (event.kind === 'saved') process.stdout.write('saved\\n');
        if (event.kind === 'step' && event.stage === 'train') Atomics.wait(pause, 0, 0, 50); // so that it is not over before the kill
      },
    });`,
  );
  const child = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), delay));
  const signal = await new Promise((resolve) => child.on('close', (_, by) => resolve(by)));
  expect(signal, complaint).toBe('SIGKILL');
}

test('a folder that holds a run of another recipe is refused, and says what to do', async () => {
  const out = unbroken['structure-vae'];
  const other = options('structure-vae', out);
  await expect(
    runRecipe('structure-vae', { ...other, overrides: { ...other.overrides, lambdaKl: 0.5 }, clock: () => 0 }),
  ).rejects.toThrow(/holds a run of another recipe[\s\S]*"lambdaKl":0.001[\s\S]*"lambdaKl":0.5[\s\S]*another folder/);
  await expect(runRecipe('structure-flow', { ...options('structure-flow', out), clock: () => 0 })).rejects.toThrow(
    'holds a run of another recipe',
  );
});

test('an unknown option of a recipe is named', async () => {
  const wrong = { ...options('structure-vae', newFolder()), overrides: { batchsize: 2 }, clock: () => 0 };
  await expect(runRecipe('structure-vae', wrong)).rejects.toThrow('no option "batchsize"');
  await expect(runRecipe('structure', wrong)).rejects.toThrow('no recipe "structure"');
});
