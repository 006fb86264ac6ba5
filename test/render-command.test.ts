/** `espalier render` as a user meets it: the command itself, and in a process of its own where it is cancelled. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { renderCommand } from '../apps/cli/render.ts';
import { writeModel, writeSafetensors } from '../src/formats/index.ts';
import { ballField, ballMesh, ballSplats } from './colored-balls.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'espalier-render-'));
const at = (name: string) => join(folder, name);
const PATH = process.env['PATH'];

/** What the command wrote to the terminal. */
async function render(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += text;
      return true;
    }),
  );
  try {
    await renderCommand().exitOverride().parseAsync(args, { from: 'user' });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return said;
}

const eventsOf = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  const balls = { glb: ballMesh(), obj: ballMesh(), ply: ballSplats(), spz: ballSplats(), safetensors: ballField() };
  for (const [format, ball] of Object.entries(balls)) {
    const { files } = await writeModel({ ...ball, warnings: [] }, format as keyof typeof balls, 'ball');
    for (const { name, bytes } of files) writeFileSync(at(name), bytes);
  }
  writeFileSync(at('weights.safetensors'), writeSafetensors({ w: { shape: [1], data: Float32Array.of(1) } }));
  writeFileSync(at('text.glb'), 'not a model');
});

afterEach(() => {
  process.env['PATH'] = PATH;
});

test.each([
  ['ball.glb', 'mesh.png', []],
  ['ball.obj', 'mesh-sheet.png', ['--views', '4']],
  ['ball.ply', 'splats.png', ['--map', 'depth']],
  ['ball.spz', 'splats.webp', ['--frames', '3', '--turns', '-1']],
  ['ball.safetensors', 'field.png', ['--map', 'normal']],
])('%s becomes %s', async (from, out, flags) => {
  const { stdout } = await render(at(from), '--out', at(out), '--size', '32', '--json', ...flags);
  const events = eventsOf(stdout);
  expect(events.at(-2)).toMatchObject({ kind: 'file', stage: 'render', path: at(out) });
  expect(events.at(-1)).toMatchObject({ kind: 'done', summary: expect.stringMatching(/^(32|64) × (32|64)/) });
  expect((await sharp(at(out)).metadata()).width).toBe(out.includes('sheet') ? 64 : 32);
});

test('--view, --background, --distance and --fov are what the picture shows', async () => {
  const pixels = async (...flags: string[]) => {
    await render(at('ball.glb'), '--out', at('view.png'), '--size', '33', ...flags);
    const { data } = await sharp(at('view.png')).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const of = (x: number, y: number) => [...data.subarray(4 * (y * 33 + x), 4 * (y * 33 + x) + 4)];
    return { middle: of(16, 16), corner: of(0, 0), beside: of(9, 16) };
  };
  const right = await pixels('--view', 'right', '--background', '#102030');
  expect(right.corner).toEqual([16, 32, 48, 255]);
  expect(right.middle[0]).toBeGreaterThan(120);
  expect(Math.max(right.middle[1], right.middle[2])).toBeLessThan(60);
  const same = await pixels('--view', '90,0', '--background', 'transparent');
  expect(same.corner).toEqual([0, 0, 0, 0]);
  expect(same.middle).toEqual(right.middle);
  const left = await pixels('--view', '-90,0');
  expect(left.middle[0]).toBeLessThan(60);
  expect((await pixels('--distance', '6')).beside).toEqual([255, 255, 255, 255]); // smaller than fitted
  expect((await pixels('--distance', '6', '--fov', '8')).beside).not.toEqual([255, 255, 255, 255]);
});

test.each<[string, string[], RegExp]>([
  ['no such file', ['none.glb', 'bad.png'], /none\.glb: there is no such file/],
  ['a file that is no model', ['text.glb', 'bad.png'], /begin with "not a model/],
  ['weights of a network', ['weights.safetensors', 'bad.png'], /espalier-radiance-field.*espalier info/],
  ['an unknown ending', ['ball.glb', 'bad.gif'], /ends in \.png .*\.webp or \.mp4/],
  ['frames of a picture', ['ball.glb', 'bad.png', '--frames', '9'], /--frames is of turntables/],
  ['a sheet as a turntable', ['ball.glb', 'bad.webp', '--views', '4'], /--views makes a sheet/],
  ['a view that is none', ['ball.glb', 'bad.png', '--view', 'behind'], /front, right, .* such as 30,20/],
  ['a view beyond the pole', ['ball.glb', 'bad.png', '--view', '0,95'], /−90 … 90/],
  ['a color that is none', ['ball.glb', 'bad.png', '--background', 'pinkish'], /#rrggbb, transparent/],
  ['a map that is none', ['ball.glb', 'bad.png', '--map', 'heat'], /Allowed choices are color, depth/],
  ['too many pixels', ['ball.glb', 'bad.png', '--size', '9999'], /a whole number in 1 … 4096/],
  ['a folder that is not there', ['ball.glb', 'no/bad.png', '--size', '8'], /folder .*no does not exist/],
])('%s is a clear error, and no file is left', async (_, [from, out, ...flags], message) => {
  await expect(render(at(from), '--out', at(out), ...flags)).rejects.toThrow(message);
  expect(readdirSync(folder).filter((name) => name.includes('bad'))).toEqual([]);
});

test('without ffmpeg an .mp4 is an error that says how to mend it', async () => {
  process.env['PATH'] = at('nowhere');
  await expect(render(at('ball.glb'), '--out', at('bad.mp4'))).rejects.toThrow(/none on the PATH.*ends in \.webp/);
  expect(readdirSync(folder).filter((name) => name.includes('bad'))).toEqual([]);
});

test.skipIf(process.platform === 'win32')('an ffmpeg that fails is heard, and leaves nothing', async () => {
  mkdirSync(at('bin'), { recursive: true });
  writeFileSync(at('bin/ffmpeg'), '#!/bin/sh\n[ "$1" = -version ] && exit 0\necho "no such encoder" >&2\nexit 3\n');
  chmodSync(at('bin/ffmpeg'), 0o755);
  process.env['PATH'] = `${at('bin')}:${PATH}`;
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('espalier-mp4-'));
  const film = render(at('ball.glb'), '--out', at('bad.mp4'), '--size', '32', '--frames', '4');
  await expect(film).rejects.toThrow(/ffmpeg could not make the \.mp4: no such encoder/);
  expect(readdirSync(folder).filter((name) => name.includes('bad'))).toEqual([]);
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('espalier-mp4-'))).toEqual(before);
});

test('Ctrl-C ends it with 130 and leaves no file', async () => {
  const args = ['render', at('ball.ply'), '--out', at('bad.webp'), '--frames', '900', '--json'];
  const child = spawn(process.execPath, ['--import', 'tsx', 'apps/cli/main.ts', ...args], { cwd: root });
  let [said, asked] = ['', false];
  child.stdout.on('data', (text) => {
    if (!asked && String(text).includes('"step":1,')) asked = child.kill('SIGINT');
  });
  child.stderr.on('data', (text) => {
    said += text;
  });
  const code = await new Promise((resolve) => child.on('exit', resolve));
  expect(code).toBe(130);
  expect(said).toMatch(/cancelled/);
  expect(readdirSync(folder).filter((name) => name.includes('bad'))).toEqual([]);
});

test('--help ends with a line to copy', () => {
  let text = '';
  const writeOut = (part: string) => {
    text += part;
  };
  renderCommand().configureOutput({ writeOut }).outputHelp();
  expect(text.trimEnd().split('\n').at(-1)).toMatch(/^ {2}espalier render /);
});
