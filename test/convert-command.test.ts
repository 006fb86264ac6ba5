/** `espalier convert` as a user meets it: twice in a process of its own, else the command itself, on good input and bad. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error the validator ships without types
import validator from 'gltf-validator';
import sharp from 'sharp';
import { beforeAll, expect, test, vi } from 'vitest';
import { convertCommand } from '../apps/cli/convert.ts';
import { readModelFile } from '../src/dataset/index.ts';
import { readSplats, writeSplatPly } from '../src/formats/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'espalier-convert-'));
const at = (name: string) => join(folder, name);

/** What the command wrote to the terminal. */
async function convert(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += text;
      return true;
    }),
  );
  try {
    await convertCommand().exitOverride().parseAsync(args, { from: 'user' });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return said;
}

function inProcess(...args: string[]) {
  return spawnSync(process.execPath, ['--import', 'tsx', 'apps/cli/main.ts', 'convert', ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  });
}

beforeAll(async () => {
  mkdirSync(at('out'));
  writeFileSync(at('flag.mtl'), 'newmtl cloth\nmap_Kd flag.png\n');
  writeFileSync(
    at('flag.obj'),
    'mtllib flag.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0.5\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl cloth\nf 1/1 2/2 3/3 4/4\n',
  );
  await sharp({ create: { width: 4, height: 4, channels: 3, background: '#c83232' } }).toFile(at('flag.png'));
  const splats = {
    means: Float32Array.of(0.1, 0.2, 0.3),
    scales: Float32Array.of(0.01, 0.02, 0.03),
    rotations: Float32Array.of(1, 0, 0, 0),
    opacities: Float32Array.of(0.5),
    shDegree: 1,
    shDc: Float32Array.of(0.5, 0, -0.5),
    shRest: new Float32Array(9).fill(0.1),
  } as const;
  writeFileSync(at('splats.ply'), writeSplatPly(splats));
  writeFileSync(at('text.glb'), 'not a model');
  writeFileSync(at('glb.obj'), 'glTF and so on');
  writeFileSync(at('points.ply'), 'ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n0\n');
});

test('an OBJ with its texture goes through every mesh format and comes back', async () => {
  const steps = ['flag.obj', 'out/a.glb', 'out/b.obj', 'out/c.ply', 'out/d.stl', 'out/e.usdz'];
  expect(inProcess(at(steps[0]), at(steps[1]), '--webp')).toMatchObject({ status: 0, stdout: '' });
  const report = await validator.validateBytes(new Uint8Array(readFileSync(at('out/a.glb'))));
  expect(report.issues.numErrors).toBe(0);
  await convert(at(steps[1]), at(steps[2]));
  expect(readdirSync(at('out')).filter((name) => name.startsWith('b'))).toEqual(['b.mtl', 'b.obj', 'b.png']);
  const sampled = await convert(at(steps[2]), at(steps[3]));
  expect(sampled.stderr).toMatch(/PLY holds no texture/);
  const bare = await convert(at(steps[3]), at(steps[4]));
  expect(bare.stderr).toMatch(/STL holds no colours/);
  await convert(at(steps[1]), at(steps[5]));
  const corner = [1, 0, 1]; // (1, 1, 0) of the OBJ, y up
  for (const name of ['flag.obj', 'out/a.glb', 'out/b.obj', 'out/c.ply', 'out/d.stl']) {
    const { primitives } = await readModelFile(at(name));
    expect(primitives[0].indices.length, name).toBe(6);
    const rows = Array.from({ length: 4 }, (_, v) => [...primitives[0].positions.slice(3 * v, 3 * v + 3)]);
    expect(rows, name).toContainEqual(corner);
  }
});

test('Gaussians go through every splat format; a .ply is told from a mesh by its header', async () => {
  const steps = ['splats.ply', 'out/a.spz', 'out/b.splat', 'out/c.glb', 'out/d.ply'];
  for (let i = 0; i + 1 < steps.length; i++) await convert(at(steps[i]), at(steps[i + 1]));
  const { splats } = await readSplats(readFileSync(at('out/d.ply')), '.ply');
  for (const [c, value] of [0.1, 0.2, 0.3].entries()) expect(splats.means[c]).toBeCloseTo(value, 4);
  expect((await convert(at('out/a.spz'), at('out/e.splat'))).stderr).toMatch(/no harmonics/);
});

test('--to names the format where the ending does not; --json prints events', async () => {
  const run = await convert(at('flag.obj'), at('out/model.bin'), '--to', 'stl', '--json');
  const events = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.map(({ kind }) => kind)).toEqual(['warning', 'file', 'done']);
  expect(events[2].summary).toBe('2 triangles');
  expect(readFileSync(at('out/model.bin')).length).toBe(84 + 100);
});

test.each([
  ['no such file', ['missing.obj', 'bad.glb'], /missing\.obj: there is no such file/],
  ['a file that is no model', ['text.glb', 'bad.obj'], /begin with "not a model/],
  ['a file named after another format', ['glb.obj', 'bad.stl'], /is named \.obj, its content is a GLB.*ending \.glb/],
  ['a point cloud', ['points.ply', 'bad.glb'], /point cloud of 1 points/],
  ['an unknown ending', ['flag.obj', 'bad.fbx'], /expected a name that ends in \.glb/],
  ['glTF text', ['flag.obj', 'bad.gltf'], /A \.glb holds the same/],
  ['a mesh as Gaussians', ['flag.obj', 'bad.spz'], /a mesh cannot become \.spz/],
  ['Gaussians as a mesh', ['splats.ply', 'bad.obj'], /Gaussians cannot become \.obj/],
  ['its own name', ['flag.obj', 'flag.obj'], /would replace itself/],
  ['a folder that is not there', ['flag.obj', 'no/bad.obj'], /folder .*no does not exist/],
])('%s is a clear error, and no file is left', async (_, [from, to], message) => {
  await expect(convert(at(from), at(to))).rejects.toThrow(message);
  expect(readdirSync(folder).filter((name) => name.startsWith('bad'))).toEqual([]);
});

test('a model with a vertex that is not finite is written without it', async () => {
  writeFileSync(
    at('nan.ply'),
    'ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\nelement face 2\nproperty list uchar int vertex_indices\nend_header\n0 0 0\nnan 0 0\n1 0 0\n0 1 0\n0 0 1\n3 1 2 3\n3 0 2 3\n',
  );
  expect((await convert(at('nan.ply'), at('out/whole.glb'))).stderr).toMatch(
    /1 triangles have vertices that are not finite/,
  );
  const { primitives } = await readModelFile(at('out/whole.glb'));
  expect([primitives[0].indices.length, primitives[0].positions.length]).toEqual([3, 12]);
});

test('an error is one line on stderr and exit code 1; files that were there stay, new ones do not', () => {
  writeFileSync(at('out/kept.mtl'), 'old');
  mkdirSync(at('out/kept.obj')); // the model itself cannot be written
  const run = inProcess(at('flag.obj'), at('out/kept.obj'));
  expect(run.stderr).toMatch(/^error: Cannot write .*kept\.obj: it is a folder/m);
  expect(run.status).toBe(1);
  expect(readdirSync(at('out')).filter((name) => name.startsWith('kept'))).toEqual(['kept.mtl', 'kept.obj']);
});

test('a texture that a link leads out of the folder is not read', async () => {
  mkdirSync(at('linked'));
  symlinkSync(at('flag.png'), at('linked/flag.png'));
  writeFileSync(at('linked/flag.mtl'), readFileSync(at('flag.mtl')));
  writeFileSync(at('linked/flag.obj'), readFileSync(at('flag.obj')));
  expect((await convert(at('linked/flag.obj'), at('out/linked.glb'))).stderr).toMatch(/leads out of the folder/);
});

test('--help ends with a line to copy', () => {
  let text = '';
  const writeOut = (part: string) => {
    text += part;
  };
  convertCommand().configureOutput({ writeOut }).outputHelp();
  expect(text.trimEnd().split('\n').at(-1)).toMatch(/^ {2}espalier convert /);
});
