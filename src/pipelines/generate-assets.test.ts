import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// @ts-expect-error the validator ships without types
import validator from 'gltf-validator';
import { beforeAll, expect, test } from 'vitest';
import { expectClose } from '../../test/golden.ts';
import { saveOfficialFolder } from '../../test/official-folder.ts';
import { readSafetensors, readSplatPly, toFloat32, writeSafetensors } from '../formats/index.ts';
import { coordsToOccupancy } from '../stages/1-structure/index.ts';
import { torchGenerator } from '../tensor/index.ts';
import {
  type Asset,
  describeModel,
  type EspalierEvent,
  generateAssets,
  imageTo3D,
  loadModel,
  type ModelFolder,
  textTo3D,
} from './index.ts';

const home = mkdtempSync(join(tmpdir(), 'espalier-whole-'));
let pictures: ModelFolder;
let texts: ModelFolder;
beforeAll(async () => {
  await saveOfficialFolder(join(home, 'image'), { takes: 'image', withLatent: true });
  await saveOfficialFolder(join(home, 'text'), { takes: 'text', withLatent: true });
  pictures = await loadModel(join(home, 'image'));
  texts = await loadModel(join(home, 'text'));
});

/** A disc of one color on a transparent ground. */
function disc(radius: number, color = [255, 255, 255]): { width: number; height: number; data: Uint8Array } {
  const data = new Uint8Array(64 * 64 * 4);
  for (let y = 0; y < 64; y++)
    for (let x = 0; x < 64; x++) if (Math.hypot(x - 32, y - 32) < radius) data.set([...color, 255], (y * 64 + x) * 4);
  return { width: 64, height: 64, data };
}

/** A strip of 40 × 1 × 0, far away: 256 voxels. */
const strip = {
  primitives: [
    {
      positions: Float32Array.of(100, 0, 7, 140, 0, 7, 140, 1, 7, 100, 1, 7),
      indices: Uint32Array.of(0, 1, 2, 0, 2, 3),
    },
  ],
};

const feats = (asset: Asset) => asset.slat?.feats as Float32Array;

test('an official folder loads whole, and says what it makes', () => {
  expect(pictures.leftOut).toEqual([{ role: 'unheard_of', reason: 'no stage knows this role' }]);
  expect(describeModel(pictures).makes).toEqual([
    'picture → shape',
    'picture → mesh',
    'picture → gaussians',
    'picture → radiance field',
    'voxel features → structured latent',
  ]);
});

test('a picture becomes voxels, a latent at each, and all that was asked for', async () => {
  const events: EspalierEvent[] = [];
  const asset = await imageTo3D(pictures, disc(20), {
    seed: 1,
    formats: ['gaussians', 'radiance-field', 'mesh'],
    onEvent: (e) => events.push(e),
  });
  const n = asset.coords.length / 3;
  expect(n).toBe(12 * 62 + 8);
  expect(feats(asset).length).toBe(8 * n);
  expect(asset.gaussians?.opacities.length).toBe(4 * n);
  expect(asset.radianceField?.density.length).toBe(2 * n);
  expect(asset.mesh.colors?.length).toBe(asset.mesh.positions.length);
  const done = events.filter((e) => e.kind === 'done').map((e) => e.stage);
  expect(done).toEqual(['condition', 'structure', 'latent', 'gaussians', 'radiance-field', 'mesh']);
  expect(events.filter((e) => e.kind === 'step' && e.stage === 'latent')).toHaveLength(3);

  const report = await validator.validateBytes(await asset.glb());
  expect(report.issues.numErrors).toBe(0);
  const { splats } = readSplatPly(asset.ply());
  expect(splats.means.length).toBe(12 * n);
  for (const i of [0, 1, 2]) expect(splats.means[i]).toBeCloseTo(asset.gaussians?.means[i] as number, 5);
});

test('the noise of the latents is drawn after that of the structures, for all samples in the order of the voxels', async () => {
  // The toy structure is the same for any noise, and a flow that puts out zeros leaves its noise as it was.
  const still = await loadModel(await withFlowEnd('still', 0));
  const run = { seed: 3, formats: [], samples: 2, steps: 1, latent: { steps: 1 } } as const;
  const assets = await generateAssets(still, { kind: 'image', pictures: [disc(20)] }, run);
  const rng = torchGenerator(3);
  rng.normal(2 * 8 * 16 ** 3);
  const [rows, { mean, std }] = [assets[0].coords.length / 3, still.latentNormalization ?? { mean: [], std: [] }];
  const expected = rng.normal(2 * rows * 8).map((v, i) => v * std[i % 8] + mean[i % 8]); // in the scale of the encoder
  for (const [i, asset] of assets.entries())
    expectClose(feats(asset), expected.subarray(i * rows * 8, (i + 1) * rows * 8), 1e-5);
});

test('several pictures all lead the sample; of stochastic ones step k follows picture k mod n', async () => {
  const [white, red] = [disc(20), disc(12, [255, 0, 0])];
  const of = async (list: (typeof white)[], multiImage: 'stochastic' | 'multidiffusion', steps = 2) =>
    feats(await imageTo3D(pictures, list, { shape: strip, formats: [], multiImage, latent: { steps, guidance: 0 } }));
  const alone = await of([white], 'stochastic');
  expect(await of([white, red], 'stochastic')).not.toEqual(alone);
  expect(await of([white, red], 'stochastic', 1)).toEqual(await of([white], 'stochastic', 1));
  expect(await of([white, white], 'multidiffusion')).toEqual(alone);
  expect(await of([white, red], 'multidiffusion')).not.toEqual(alone);
});

test('fewer steps than stochastic pictures is a warning', async () => {
  const warned: string[] = [];
  const onEvent = (e: EspalierEvent) => e.kind === 'warning' && void warned.push(`${e.stage}: ${e.message}`);
  const two = [disc(20), disc(12)];
  await imageTo3D(pictures, two, { formats: [], steps: 1, latent: { steps: 2 }, onEvent });
  expect(warned).toEqual([expect.stringMatching(/^structure: 2 pictures and 1 steps/)]);
});

test('a text becomes an asset', async () => {
  const chair = await textTo3D(texts, 'a wooden chair', { steps: 1, formats: ['gaussians'] });
  expect(chair.gaussians?.means.length).toBe((12 * chair.coords.length) / 3);
  expect(chair.mesh.colors).toBeUndefined(); // the surface of the voxels
});

test('a variant keeps the voxels of the mesh, of any size and place, and takes its look from the text', async () => {
  const run = { seed: 1, formats: [], shape: strip, samples: 2, latent: { steps: 1 } } as const;
  const [a, b] = await generateAssets(texts, { kind: 'text', text: 'rusty iron' }, run);
  expect(a.coords).toEqual(b.coords);
  expect(feats(a)).not.toEqual(feats(b));
  // Its longest side is that of the box; z = 0 is a wall between two layers.
  const sides = [0, 1, 2].map((axis) => new Set(a.coords.filter((_, i) => i % 3 === axis)).size);
  expect(sides).toEqual([64, 2, 2]);
  const occupied = coordsToOccupancy(a.coords, 64);
  expect(a.logits.every((v, i) => v > 0 === (occupied[i] === 1))).toBe(true);
  const [other] = await generateAssets(texts, { kind: 'text', text: 'glass' }, run);
  expect(other.coords).toEqual(a.coords);
  expect(feats(other)).not.toEqual(feats(a));
  const flat = { primitives: [{ positions: new Float32Array(9), indices: Uint32Array.of(0, 1, 2) }] };
  await expect(textTo3D(texts, 'glass', { shape: flat })).rejects.toThrow(/voxelize: the longest side .* got 0/);
});

test('presets set the steps of both stages, and what is given beside them wins', async () => {
  const count: Record<string, number> = {};
  const onEvent = (e: EspalierEvent) => {
    if (e.kind === 'step') count[e.stage] = e.of;
  };
  const run = { preset: 'image-app', latent: { guidance: 0 }, steps: 1, formats: [], onEvent } as const;
  await imageTo3D(pictures, disc(20), run);
  expect(count).toEqual({ structure: 1, latent: 12 });
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  ['a text for a picture model', () => textTo3D(pictures, 'a chair'), /makes assets from pictures, not from text/],
  ['a picture for a text model', () => imageTo3D(texts, disc(20)), /makes assets from text, not from pictures/],
  ['an empty text', () => textTo3D(texts, ' '), /the text is empty/],
  ['no picture', () => imageTo3D(pictures, []), /one picture or more, got none/],
  [
    'a preset that is none',
    () => imageTo3D(pictures, disc(20), { preset: 'fast' as never }),
    /no preset "fast"; there are published-image/,
  ],
  [
    'no samples',
    () => generateAssets(pictures, { kind: 'image', pictures: [disc(20)] }, { samples: 0 }),
    /samples must be/,
  ],
  ['no step of stage two', () => imageTo3D(pictures, disc(20), { latent: { steps: 0 } }), /latent: steps must be/],
  [
    'an interval the wrong way',
    () => imageTo3D(pictures, disc(20), { latent: { interval: [0.9, 0.5] } }),
    /latent: interval must be \[from, to\]/,
  ],
  [
    'Gaussians of a model that has no stage two',
    async () => imageTo3D(await loadModel(join(home, 'image'), { roles: [] }), disc(20), { formats: ['gaussians'] }),
    /has no "slat_flow_model": it makes shapes alone/,
  ],
  [
    'a radiance field of a model that has no decoder for it',
    async () =>
      imageTo3D(await loadModel(join(home, 'image'), { roles: ['slat_flow_model', 'slat_decoder_gs'] }), disc(20), {
        formats: ['radiance-field'],
      }),
    /has no "slat_decoder_rf", which makes radiance-field; it can make gaussians/,
  ],
])('%s is an error that says how to mend it', async (_, ask, message) => {
  await expect(ask()).rejects.toThrow(message);
});

test('a latent that leaves the bounds fails with the name of its stage', async () => {
  const wild = await loadModel(await withFlowEnd('wild', 50));
  await expect(imageTo3D(wild, disc(20), { shape: strip, formats: [] })).rejects.toThrow(
    /latent: channel 0 has mean -\d+\.\d\d and deviation/,
  );
});

/** The picture model with a latent flow that puts out `bias` everywhere. */
async function withFlowEnd(name: string, bias: number): Promise<string> {
  const folder = join(home, name);
  await saveOfficialFolder(folder, { takes: 'image', withLatent: true });
  const path = join(folder, 'ckpts/slat_flow.safetensors');
  const tensors = Object.fromEntries(
    [...readSafetensors(readFileSync(path)).tensors].map(([key, t]) => {
      const data = toFloat32(t).slice();
      if (key.startsWith('out_layer.')) data.fill(key.endsWith('bias') ? bias : 0);
      return [key, { shape: t.shape, data }];
    }),
  );
  writeFileSync(path, writeSafetensors(tensors));
  return folder;
}
