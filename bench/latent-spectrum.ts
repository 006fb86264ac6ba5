/**
 * How coarse the latents of a structure autoencoder are: the share of their energy that means over blocks of cells keep (of white
 * noise 1/8 over 2³, 1/64 over 4³), and how like the latent of a shape that of the same shape is some voxels aside. The latent of
 * nothing is taken off first. Held-out assets, turned to one of their views.
 *
 *   npx tsx bench/latent-spectrum.ts <dataset root> [model folder or run] [assets]
 */
import { structureEncoder } from '../src/stages/1-structure/index.ts';
import { compile, floats, input, scope } from '../src/tensor/index.ts';
import { cropOccupancy, structureSamples } from '../src/training/index.ts';
import { loadAutoencoder, valuesOf } from '../src/training/load-autoencoder.ts';
import { record } from './measure.ts';

const [root, vae = 'models/mini', count = '54'] = process.argv.slice(2);
if (!root)
  throw new Error('give the dataset root: npx tsx bench/latent-spectrum.ts <dataset root> [model folder or run]');

const { config, arrays } = (await loadAutoencoder(vae)).encoder;
const channels = config.latent_channels;
const { mean } = structureEncoder(config, scope(), input('ss', [1, 1, 64, 64, 64]));
const program = await compile({ mean }, { state: valuesOf(arrays) });
const encode = async (coords: Uint8Array): Promise<Float32Array> =>
  (await program.run({ ss: floats(cropOccupancy(coords, 64), [1, 1, 64, 64, 64]) })).mean.data as Float32Array;

const samples = await structureSamples(root, { cond: true, frame: 'view' });
const held = samples.filter(({ split }) => split === 'validation').slice(0, Number(count));
const nothing = await encode(new Uint8Array());
const latentOf = async (coords: Uint8Array) => (await encode(coords)).map((v, i) => v - nothing[i]);
const side = Math.round(Math.cbrt(nothing.length / channels));

/** Σ of squares of the means over blocks of `of`³ cells, each as often as it has cells. */
function energyKept(latent: Float32Array, of: number): number {
  const n = side / of;
  const sums = new Float64Array(channels * n ** 3);
  for (const [i, v] of latent.entries()) {
    const [x, y, z] = [Math.floor(i / side ** 2) % side, Math.floor(i / side) % side, i % side];
    const channel = Math.floor(i / side ** 3);
    sums[((channel * n + Math.floor(x / of)) * n + Math.floor(y / of)) * n + Math.floor(z / of)] += v;
  }
  return sums.reduce((total, s) => total + s * s, 0) / of ** 3;
}

/** The shape `by` voxels further along x; what leaves the cube stays at its face. */
const moved = (coords: Uint8Array, by: number) => coords.map((c, i) => (i % 3 === 0 ? Math.min(63, c + by) : c));

function correlation(a: Float32Array, b: Float32Array): number {
  const dot = (p: Float32Array, q: Float32Array) => p.reduce((sum, v, i) => sum + v * q[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

const sums: Record<string, number> = {};
const add = (name: string, value: number) => {
  sums[name] = (sums[name] ?? 0) + value / held.length;
};
for (const { turned, coords } of held) {
  const shape = turned?.[3] ?? coords;
  const latent = await latentOf(shape);
  for (const of of [2, 4])
    add(`energy kept by means over ${of}³ cells`, energyKept(latent, of) / energyKept(latent, 1));
  for (const by of [1, 2, 4])
    add(`correlation, ${by} voxels aside`, correlation(latent, await latentOf(moved(shape, by))));
}
await program.dispose();
await record(
  'latent-spectrum',
  `How coarse the latents of ${vae} are, ${held.length} held-out shapes`,
  Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, Number(value.toFixed(3))])),
);
process.exit();
