import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { halvesToFloats, readSafetensors, SafetensorsError, writeSafetensors } from '../formats/index.ts';

/** Latents of one asset kept in a file, as half floats; undefined where there is none or a damaged one: they are made again. */
export async function readLatents(path: string): Promise<Uint16Array[] | undefined> {
  try {
    const mean = readSafetensors(await readFile(path)).tensors.get('mean');
    if (mean?.dtype !== 'F16' || mean.shape.length !== 2) return undefined;
    const [count, size] = mean.shape;
    return Array.from({ length: count }, (_, i) => (mean.data as Uint16Array).subarray(i * size, (i + 1) * size));
  } catch (error) {
    if (error instanceof SafetensorsError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whole or not at all. */
export async function writeLatents(path: string, latents: readonly Uint16Array[]): Promise<void> {
  const size = latents[0].length;
  const data = new Uint16Array(latents.length * size);
  for (const [i, latent] of latents.entries()) data.set(latent, i * size);
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, writeSafetensors({ mean: { dtype: 'F16', shape: [latents.length, size], data } }));
  await rename(temporary, path);
}

let table: Float32Array | undefined;

/** By a table of all halves: a batch is a million of them. */
export function latentFloats(halves: Uint16Array): Float32Array {
  table ??= halvesToFloats(Uint16Array.from({ length: 65536 }, (_, i) => i));
  const out = new Float32Array(halves.length);
  for (let i = 0; i < out.length; i++) out[i] = table[halves[i]];
  return out;
}
