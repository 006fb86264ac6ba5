import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `samples/stepNNNNNNN.png` of a run folder. */
export async function saveSample(folder: string, step: number, png: Uint8Array): Promise<void> {
  const path = join(folder, 'samples', `step${String(step).padStart(7, '0')}.png`);
  await mkdir(join(folder, 'samples'), { recursive: true });
  await writeFile(`${path}.tmp`, png);
  await rename(`${path}.tmp`, path);
}
