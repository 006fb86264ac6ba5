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

function generate(picture: string, out = at('out.glb'), model = at('model')) {
  const args = ['--import', 'tsx', 'apps/cli/main.ts', 'generate', picture, '--out', out, '--model', model];
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 60_000 });
}

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
  expect(generate(at('ball.png'), at('x.obj')).stderr).toMatch(/must end in \.glb/);
});
