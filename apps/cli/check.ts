/** `espalier check`: what is wrong with an asset; the exit code is 1 when it cannot be used. */
import { Command } from 'commander';
import { readModelFile } from '../../src/dataset/index.ts';
import { checkScene, type SceneCheck } from '../../src/finish/index.ts';
import { exitCodes } from './exit-codes.ts';

export function checkCommand(): Command {
  return new Command('check')
    .description('holes, windings, parts, texture of a mesh; exit code 1 when it cannot be used')
    .argument('<asset>', 'mesh to read: .glb .gltf .obj .stl .ply')
    .option('--json', 'write the report as JSON', false)
    .addHelpText('after', '\nExample:\n  espalier check chair.glb')
    .action(check);
}

async function check(path: string, { json }: { json: boolean }): Promise<void> {
  const scene = await readModelFile(path, { maxTextureSide: 8192 });
  const report = checkScene(scene);
  const warnings = scene.warnings;
  process.stdout.write(
    json ? `${JSON.stringify({ ...report, warnings }, undefined, 2)}\n` : text(path, report, warnings),
  );
  if (!report.isUsable) process.exitCode = exitCodes.failed;
}

function text(
  path: string,
  { shape, atlases, findings, isUsable, faces, vertices }: SceneCheck,
  warnings: readonly string[],
): string {
  const parts = `${shape.components} ${shape.components === 1 ? 'part' : 'parts'}`;
  return [
    `${path}: ${faces} faces, ${vertices} vertices, ${parts}, ${shape.isClosed ? 'closed' : 'not closed'}`,
    ...atlases.map(
      ({ size, usedShare, overlapShare, range }) =>
        `  texture ${size} × ${size}: ${percent(usedShare)} in use, ${percent(overlapShare)} overlapping` +
        (range ? `, values ${range[0]} … ${range[1]}` : ''),
    ),
    ...warnings.map((message) => `  reading: ${message}`),
    ...findings.map(({ severity, message }) => `  ${severity}: ${message}`),
    isUsable ? (findings.length > 0 ? '  usable' : '  no findings') : '  not usable',
    '',
  ].join('\n');
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;
