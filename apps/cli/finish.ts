/** `espalier finish`: a raw mesh becomes an asset of a given size, with one texture. */
import { parse, resolve } from 'node:path';
import { Command } from 'commander';
import { openModelFile, readModelFile } from '../../src/dataset/index.ts';
import {
  type ColorSource,
  FINISH_DEFAULTS,
  type FinishEvent,
  finishMesh,
  meshOfScene,
  observe,
  type RawMesh,
} from '../../src/finish/index.ts';
import { readSplats, type TriangleScene, writeGlb } from '../../src/formats/index.ts';
import { gaussiansOf } from '../../src/index.ts';
import { cancelSignal } from './cancel.ts';
import { addFinishFlags, type FinishFlags, wholeNumber } from './finish-flags.ts';
import { progress } from './progress.ts';
import { writeSafely } from './write-safely.ts';

interface Flags extends FinishFlags {
  out: string;
  faces: number;
  from?: string;
  json: boolean;
}

export function finishCommand(): Command {
  const command = new Command('finish')
    .description('a raw mesh → cleaned, closed, simplified, unwrapped, its colours in one texture')
    .argument('<mesh>', 'mesh to read: .glb .gltf .obj .stl .ply, with its textures or vertex colours')
    .requiredOption('--out <file>', 'file to write, .glb')
    .option('--faces <n>', 'faces of the result, at most', wholeNumber(4, 50_000_000), 50_000)
    .option('--from <splats>', 'take the colours from these Gaussians, in the frame of the mesh: .ply .splat .spz');
  return addFinishFlags(command)
    .option('--json', 'write events and the result as JSON lines', false)
    .addHelpText('after', '\nExample:\n  espalier finish raw.ply --out chair.glb --faces 20000')
    .action(finish);
}

async function finish(from: string, flags: Flags): Promise<void> {
  const { out, faces, texture = FINISH_DEFAULTS.texture, keepSpecks, json } = flags;
  if (parse(out).ext.toLowerCase() !== '.glb')
    throw new Error(`${out}: expected a name that ends in .glb. \`espalier convert\` makes other formats of it.`);
  if (resolve(from) === resolve(out))
    throw new Error(`${out}: the mesh would replace itself. Give another name to write to.`);
  const start = performance.now();
  const shown = progress({ json });
  try {
    const scene = await readModelFile(from, { maxTextureSide: 8192 });
    for (const message of scene.warnings) shown.onEvent({ kind: 'warning', stage: 'finish', message });
    const raw = meshOfScene(scene);
    const onEvent = (event: FinishEvent) => shown.onEvent(event);
    const source = texture > 0 ? await sourceOf(scene, raw, flags, shown.onEvent) : undefined;
    const { mesh } = await finishMesh(raw, {
      target: { faces },
      texture,
      keepSpecks,
      source,
      signal: cancelSignal,
      onEvent,
      clock: () => performance.now(),
    });
    const bytes = await writeGlb(mesh, {
      name: parse(out).name,
      textureFormat: flags.textureFormat,
      compression: flags.meshopt ? 'meshopt' : 'none',
    });
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

/** Gaussians, where given; the mesh's own textures, where it has any; else undefined: its vertices. */
async function sourceOf(
  scene: TriangleScene,
  raw: RawMesh,
  { from, views, textureMode }: Flags,
  onEvent: ReturnType<typeof progress>['onEvent'],
): Promise<Exclude<ColorSource, { kind: 'surface' }> | undefined> {
  if (from !== undefined) {
    const start = performance.now();
    const { bytes, extension } = await openModelFile(from);
    const { splats, warnings } = await readSplats(bytes, extension);
    for (const message of warnings) onEvent({ kind: 'warning', stage: 'observe', message });
    const onProgress = (share: number) =>
      onEvent({ kind: 'step', stage: 'observe', step: Math.floor(100 * share), of: 100 });
    const taken = await observe({ kind: 'gaussians', scene: gaussiansOf(splats) }, raw.positions, {
      ...(views !== undefined && { views }),
      signal: cancelSignal,
      onProgress,
    });
    onEvent({
      kind: 'done',
      stage: 'observe',
      seconds: (performance.now() - start) / 1000,
      summary: `${taken.length} views`,
    });
    return { kind: 'views', views: taken, mode: textureMode };
  }
  const isTextured = scene.primitives.some(({ uvs, material }) => uvs && material.baseColorTexture);
  return isTextured ? { kind: 'scene', scene } : undefined;
}
