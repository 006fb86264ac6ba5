/** `espalier finish` and `espalier check` as a user meets them: the commands themselves, on good input and bad. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
// @ts-expect-error the validator ships without types
import validator from 'gltf-validator';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { checkCommand } from '../apps/cli/check.ts';
import { finishCommand } from '../apps/cli/finish.ts';
import { readModelFile } from '../src/dataset/index.ts';
import { NEUTRAL_MATERIAL, writeGlb, writePlyMesh, writeSplatPly, writeStl } from '../src/formats/index.ts';
import { cube, sphere, together } from './solid-shapes.ts';

const folder = mkdtempSync(join(tmpdir(), 'espalier-finish-'));
const at = (name: string) => join(folder, name);

/** What the command wrote to the terminal. */
async function run(command: Command, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += text;
      return true;
    }),
  );
  try {
    await command.exitOverride().parseAsync(args, { from: 'user' });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return said;
}

beforeAll(() => {
  const { positions, indices } = together(sphere(0.4, 6), cube(0.2, 2), cube(0.01, 1, [0.5, 0, 0]));
  const colors = new Float32Array((positions.length / 3) * 4).fill(1);
  for (let v = 0; v < colors.length / 4; v++) colors[4 * v] = positions[3 * v] + 0.5;
  writeFileSync(
    at('raw.ply'),
    writePlyMesh({ primitives: [{ positions, indices, colors, material: NEUTRAL_MATERIAL }] }),
  );
  writeFileSync(at('text.ply'), 'not a mesh');
});

afterEach(() => {
  process.exitCode = undefined;
});

test('a raw mesh becomes a textured .glb, which check finds usable', async () => {
  const { stdout } = await run(
    finishCommand(),
    at('raw.ply'),
    '--out',
    at('ball.glb'),
    '--faces',
    '300',
    '--texture',
    '128',
    '--json',
  );
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.filter(({ kind }) => kind === 'step').map(({ note }) => note)).toContain('bake');
  expect(events.find(({ stage, kind }) => kind === 'done' && stage === 'finish insides').summary).toBe(
    '48 inner faces removed',
  );
  expect(events.at(-1)).toMatchObject({
    kind: 'done',
    stage: 'finish',
    summary: expect.stringMatching(/^\d+ faces, texture 128 × 128$/),
  });
  expect(events.at(-2)).toMatchObject({ kind: 'file', path: at('ball.glb') });
  const bytes = readFileSync(at('ball.glb'));
  const { issues } = await validator.validateBytes(new Uint8Array(bytes));
  expect(issues.numErrors).toBe(0);

  const check = await run(checkCommand(), at('ball.glb'), '--json');
  const report = JSON.parse(check.stdout);
  expect(report).toMatchObject({ isUsable: true, findings: [], shape: { components: 1, isClosed: true } });
  expect(report.atlases[0].overlapShare).toBe(0);
  expect(process.exitCode).toBeUndefined();
  expect((await run(checkCommand(), at('ball.glb'))).stdout).toMatch(
    /faces, .* 1 part, closed\n {2}texture 128 × 128: .*\n {2}no findings\n$/,
  );
});

test('check ends with exit code 1 for an asset that is inside out, and says why', async () => {
  const { positions, indices } = cube(1);
  const normals = positions.map((x) => x / Math.sqrt(0.75));
  writeFileSync(at('turned.glb'), await writeGlb({ positions, indices: indices.toReversed(), normals }));
  const { stdout } = await run(checkCommand(), at('turned.glb'));
  expect(stdout).toMatch(/unusable: The mesh is closed, but its faces look inward.*\n {2}not usable/);
  expect(process.exitCode).toBe(1);
});

test('bad input is an error that says how to mend it, and leaves no file', async () => {
  const before = readdirSync(folder);
  const out = ['--out', at('none.glb')];
  await expect(run(finishCommand(), at('missing.ply'), ...out)).rejects.toThrow('there is no such file');
  await expect(run(finishCommand(), at('text.ply'), ...out)).rejects.toThrow(/ply/i);
  await expect(run(finishCommand(), at('raw.ply'), '--out', at('none.obj'))).rejects.toThrow(
    'a name that ends in .glb',
  );
  await expect(run(finishCommand(), at('a.glb'), '--out', at('a.glb'))).rejects.toThrow('would replace itself');
  await expect(run(finishCommand(), at('raw.ply'), ...out, '--faces', '3')).rejects.toThrow(
    'expected a whole number in 4',
  );
  await expect(run(finishCommand(), at('raw.ply'), ...out, '--texture', '9000')).rejects.toThrow('16 … 8192');
  await expect(run(checkCommand(), at('missing.glb'))).rejects.toThrow('there is no such file');
  expect(readdirSync(folder)).toEqual(before);
  expect(existsSync(at('none.glb'))).toBe(false);
});

test.each([
  ['finish', finishCommand, '  espalier finish raw.ply --out chair.glb --faces 20000\n'],
  ['check', checkCommand, '  espalier check chair.glb\n'],
])('the help of %s ends with a line to copy', async (_, command, line) => {
  let help = '';
  const shown = command().configureOutput({ writeOut: (text) => (help += text) });
  await expect(shown.exitOverride().parseAsync(['--help'], { from: 'user' })).rejects.toThrow();
  expect(help.endsWith(line)).toBe(true);
});

test('Gaussians paint a mesh without colours, and the file is packed as asked', async () => {
  const { positions, indices } = sphere(0.4, 6);
  const count = positions.length / 3;
  writeFileSync(at('plain.stl'), writeStl({ primitives: [{ positions, indices, material: NEUTRAL_MATERIAL }] }));
  const splats = {
    means: positions,
    scales: new Float32Array(3 * count).fill(0.05),
    rotations: Float32Array.from({ length: 4 * count }, (_, i) => (i % 4 === 0 ? 1 : 0)),
    opacities: new Float32Array(count).fill(0.95),
    shDegree: 0 as const,
    shDc: Float32Array.from({ length: 3 * count }, (_, i) => (i % 3 === 0 ? 1.7 : -1.7)),
    shRest: new Float32Array(0),
  };
  writeFileSync(at('red.ply'), writeSplatPly(splats));
  const small = ['--faces', '200', '--texture', '64', '--views', '12', '--texture-format', 'webp', '--meshopt'];
  const out = ['--out', at('red.glb')];
  await run(finishCommand(), at('plain.stl'), ...out, '--from', at('red.ply'), ...small, '--texture-mode', 'fast');
  const { primitives } = await readModelFile(at('red.glb'));
  const { data } = primitives[0].material.baseColorTexture!;
  for (let i = 0; i < data.length; i += 4) {
    expect(data[i]).toBeGreaterThan(180);
    expect(data[i + 1]).toBeLessThan(90);
  }
  const json = readFileSync(at('red.glb')).toString('latin1');
  expect(json).toContain('EXT_meshopt_compression');
  expect(json).toContain('EXT_texture_webp');
  await expect(run(finishCommand(), at('plain.stl'), ...out, '--from', at('none.ply'))).rejects.toThrow('no such file');
});
