/** `espalier generate` as a user meets it, in a process of its own, on bad input and good. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error the validator ships without types
import validator from 'gltf-validator';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { readModelFile } from '../src/dataset/index.ts';
import { readField, readSplatPly } from '../src/formats/index.ts';
import { saveOfficialFolder } from './official-folder.ts';
import { saveToyModel } from './toy-model.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'espalier-generate-'));
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  await saveToyModel(at('model'));
  const ball =
    '<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><circle cx="48" cy="48" r="30" fill="#c33"/></svg>';
  const png = await sharp(Buffer.from(ball)).png().toBuffer();
  writeFileSync(at('ball.png'), png);
  writeFileSync(at('truncated.png'), png.subarray(0, png.length / 2));
  writeFileSync(at('empty.png'), '');
  writeFileSync(at('text.png'), 'not a picture');
  writeFileSync(
    at('nothing.png'),
    await sharp({ create: { width: 64, height: 64, channels: 4, background: '#0000' } })
      .png()
      .toBuffer(),
  );
  // A header that claims 60 000 × 60 000 pixels.
  const huge = Buffer.from(
    await sharp({ create: { width: 4, height: 4, channels: 3, background: '#fff' } })
      .png()
      .toBuffer(),
  );
  huge.writeUInt32BE(60000, 16);
  huge.writeUInt32BE(60000, 20);
  writeFileSync(at('huge.png'), huge);
});

function espalier(...args: string[]) {
  const program = ['--import', 'tsx', 'apps/cli/main.ts', ...args];
  return spawnSync(process.execPath, program, { cwd: root, encoding: 'utf8', timeout: 110_000 });
}

const generate = (picture: string, out = at('out.glb'), model = at('model')) =>
  espalier('generate', picture, '--out', out, '--model', model);

test('a picture becomes a .glb that the validator passes', async () => {
  const { status, stderr } = generate(at('ball.png'));
  expect(stderr).not.toMatch(/error/);
  expect(status).toBe(0);
  const report = await validator.validateBytes(new Uint8Array(readFileSync(at('out.glb'))));
  expect(report.issues.numErrors).toBe(0);
});

test.each([
  ['no such file', 'missing.png', /no such file/],
  ['text', 'text.png', /picture/],
  ['a truncated PNG', 'truncated.png', /./],
  ['an empty file', 'empty.png', /empty/],
  ['a picture of nothing', 'nothing.png', /object|opaque|pixel/],
  ['60 000 × 60 000 pixels', 'huge.png', /./],
])('%s is a clear error, and no file is left', (_, picture, message) => {
  const { status, stderr } = generate(at(picture), at('bad.glb'));
  expect(stderr).toMatch(/^error: /m);
  expect(stderr).toMatch(message);
  expect(status).toBe(1);
  expect(readdirSync(folder).filter((name) => name.startsWith('bad'))).toEqual([]);
});

test('a target that cannot be written, and a model that is not there, are clear errors', () => {
  expect(generate(at('ball.png'), join(folder, 'no', 'folder', 'x.glb')).stderr).toMatch(/^error: .*folder/m);
  expect(generate(at('ball.png'), at('x.glb'), at('nowhere')).stderr).toMatch(/not a model folder/);
  expect(generate(at('ball.png'), at('x.abc')).stderr).toMatch(/must end in \.glb/);
});

test('a model with both stages writes numbered samples, each in every format asked for', async () => {
  await saveOfficialFolder(at('whole'), { takes: 'image', withLatent: true });
  const out = ['--out', at('two.ply'), '--out', at('two.spz')];
  const few = ['--samples', '2', '--steps', '1', '--latent-steps', '1', '--latent-interval', '0,1'];
  const run = espalier('generate', at('ball.png'), at('ball.png'), ...out, ...few, '--model', at('whole'), '--json');
  expect(run.stderr).toBe('');
  expect(readdirSync(folder).filter((name) => name.startsWith('two'))).toEqual([
    'two-1.ply',
    'two-1.spz',
    'two-2.ply',
    'two-2.spz',
  ]);
  const [one, two] = ['two-1.ply', 'two-2.ply'].map((name) => readSplatPly(readFileSync(at(name))).splats);
  expect(one.means.length).toBe(12 * 752);
  expect(two.shDc).not.toEqual(one.shDc);
  const events = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.filter((e) => e.kind === 'warning').map((e) => e.stage)).toEqual(['structure', 'latent']);
  expect(events.at(-1)).toMatchObject({ kind: 'done', stage: 'generate' });
});

test('the radiance field goes into a file of its own, which reads as it was made', () => {
  const few = ['--steps', '1', '--latent-steps', '1', '--model', at('whole'), '--json'];
  const run = espalier('generate', at('ball.png'), '--out', at('field.safetensors'), ...few);
  expect(run.stderr).toBe('');
  const { field, warnings } = readField(readFileSync(at('field.safetensors')));
  expect(warnings).toEqual([]);
  expect([field.resolution, field.positions.length / 3]).toEqual([64, 752]);
  const events = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.filter((e) => e.kind === 'step').map((e) => e.stage)).toContain('radiance-field');
  expect(events.at(-1)).toMatchObject({ kind: 'done', stage: 'generate', summary: '752 voxels, 752 cells' });
});

test('a mesh of stage two is written finished, with a texture taken from its Gaussians, or raw', async () => {
  await saveOfficialFolder(at('painted'), { takes: 'image', withLatent: true });
  const few = '--steps 1 --latent-steps 1 --views 4 --texture-mode fast --model'.split(' ').concat(at('painted'));
  const size = ['--faces', '500', '--texture', '64'];
  const run = espalier('generate', at('ball.png'), '--out', at('painted.glb'), ...few, ...size);
  expect(run.stderr).not.toMatch(/^error/m);
  const { primitives } = await readModelFile(at('painted.glb'));
  expect(primitives[0].indices.length / 3).toBeLessThan(2000); // of 76 000: a foam of random weights cannot come down to 500 without tearing
  expect(primitives[0].material.baseColorTexture).toMatchObject({ width: 64, height: 64 });
  expect(run.stderr).toMatch(/observe .*4 views of the gaussians/);
  expect(run.stderr).toMatch(/warning: no view sees any part of the mesh; its texture shows the colours/); // random weights: a fog
  expect(espalier('generate', at('ball.png'), '--out', at('x.glb'), '--raw', '--faces', '9').stderr).toMatch(
    /--raw.*cannot/,
  );
});

test('a text gives a mesh another look', async () => {
  await saveOfficialFolder(at('text'), { takes: 'text', withLatent: true });
  writeFileSync(at('strip.obj'), 'v 0 0 0\nv 40 0 0\nv 40 0 1\nv 0 0 1\nf 1 2 3\nf 1 3 4\n');
  const args = ['--text', 'rusty iron', '--mesh', at('strip.obj'), '--latent-steps', '1', '--model', at('text')];
  const { status, stderr } = espalier('generate', ...args, '--out', at('variant.ply'));
  expect(stderr).not.toMatch(/error/);
  expect(status).toBe(0);
  expect(readSplatPly(readFileSync(at('variant.ply'))).splats.means.length).toBe(12 * 256);
});

test.each<[string, string[], RegExp]>([
  ['neither picture nor text', [], /expected a picture, or --text/],
  ['picture and text', [at('ball.png'), '--text', 'a ball'], /give pictures or --text, not both/],
  ['a text for a picture model', ['--text', 'a ball'], /makes assets from pictures, not from text/],
  ['a mesh that is not there', [at('ball.png'), '--mesh', 'test/none.obj'], /none\.obj: there is no such file/],
  ['a preset that is none', [at('ball.png'), '--preset', 'fast'], /Allowed choices are published-image/],
  ['an interval that is none', [at('ball.png'), '--interval', '1,0'], /0 ≤ from ≤ to ≤ 1/],
])('%s is a clear error', (_, args, message) => {
  const { status, stderr } = espalier('generate', ...args, '--out', at('bad.glb'), '--model', at('model'));
  expect(stderr).toMatch(message);
  expect(status).toBe(1);
});

test('Gaussians of a model without stage two are a clear error, and the help ends with a line to copy', () => {
  expect(generate(at('ball.png'), at('bad.ply')).stderr).toMatch(/^error: .* has no "slat_flow_model"/m);
  const { stdout } = espalier('generate', '--help');
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^ {2}espalier generate /);
});
