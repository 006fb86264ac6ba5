/** `espalier finish`: a raw mesh becomes an asset of a given size, with one texture. */
import { parse, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { readModelFile } from '../../src/dataset/index.ts';
import { type FinishEvent, finishMesh, meshOfScene } from '../../src/finish/index.ts';
import { writeGlb } from '../../src/formats/index.ts';
import { cancelSignal } from './cancel.ts';
import { progress } from './progress.ts';
import { writeSafely } from './write-safely.ts';

interface FinishFlags {
  out: string;
  faces: number;
  texture: number;
  json: boolean;
}

export function finishCommand(): Command {
  return new Command('finish')
    .description('a raw mesh → cleaned, closed, simplified, unwrapped, its colours in one texture')
    .argument('<mesh>', 'mesh to read: .glb .gltf .obj .stl .ply; its colours are taken at its vertices')
    .requiredOption('--out <file>', 'file to write, .glb')
    .option('--faces <n>', 'faces of the result, at most', wholeNumber(4, 50_000_000), 50_000)
    .option('--texture <n>', 'texels per side of the texture; 0 keeps vertex colours', texels, 1024)
    .option('--json', 'write events and the result as JSON lines', false)
    .addHelpText('after', '\nExample:\n  espalier finish raw.ply --out chair.glb --faces 20000')
    .action(finish);
}

async function finish(from: string, { out, faces, texture, json }: FinishFlags): Promise<void> {
  if (parse(out).ext.toLowerCase() !== '.glb')
    throw new Error(`${out}: expected a name that ends in .glb. \`espalier convert\` makes other formats of it.`);
  if (resolve(from) === resolve(out))
    throw new Error(`${out}: the mesh would replace itself. Give another name to write to.`);
  const start = performance.now();
  const shown = progress({ json });
  try {
    const scene = await readModelFile(from, { maxTextureSide: 8192 });
    for (const message of scene.warnings) shown.onEvent({ kind: 'warning', stage: 'finish', message });
    const onEvent = (event: FinishEvent) => shown.onEvent(event);
    const clock = () => performance.now();
    const { mesh } = await finishMesh(meshOfScene(scene), {
      target: { faces },
      texture,
      signal: cancelSignal,
      onEvent,
      clock,
    });
    const bytes = await writeGlb(mesh, { name: parse(out).name });
    await writeSafely(out, bytes, cancelSignal);
    shown.onEvent({ kind: 'file', stage: 'finish', path: out, bytes: bytes.length });
    shown.onEvent({
      kind: 'done',
      stage: 'finish',
      seconds: (performance.now() - start) / 1000,
      summary: `${mesh.indices.length / 3} faces${mesh.texture ? `, texture ${texture} × ${texture}` : ''}`,
    });
  } finally {
    shown.end();
  }
}

function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const n = Number(text);
    if (text.trim() !== '' && Number.isInteger(n) && n >= least && n <= most) return n;
    throw new InvalidArgumentError(`expected a whole number in ${least} … ${most}.`);
  };
}

function texels(text: string): number {
  return text === '0' ? 0 : wholeNumber(16, 8192)(text);
}
