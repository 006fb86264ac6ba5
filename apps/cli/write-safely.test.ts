import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeSafely } from './write-safely.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-write-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the file holds exactly the bytes given and nothing else is left in the folder', async () => {
  const data = new Uint8Array(100_000).map((_, i) => i % 251);
  await writeSafely(join(folder, 'a.glb'), data);
  expect(new Uint8Array(await readFile(join(folder, 'a.glb')))).toEqual(data);
  expect(await readdir(folder)).toEqual(['a.glb']);
});

test('an aborted write leaves the old file and no temporary one', async () => {
  const target = join(folder, 'a.glb');
  await writeFile(target, 'old');
  const controller = new AbortController();
  const writing = writeSafely(target, new Uint8Array(64 << 20), controller.signal);
  controller.abort(new DOMException('cancelled', 'AbortError'));
  await expect(writing).rejects.toThrow('cancelled');
  expect(await readFile(target, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['a.glb']);
});

test('a missing folder is named, with what to do', async () => {
  await expect(writeSafely(join(folder, 'no', 'a.glb'), 'x')).rejects.toThrow(/folder .*no does not exist\. Create it/);
});

test('a folder given as target is an error', async () => {
  await expect(writeSafely(folder, 'x')).rejects.toThrow('it is a folder');
});

test.skipIf(process.getuid?.() === 0)('a read-only folder is an error that says so', async () => {
  await chmod(folder, 0o500);
  await expect(writeSafely(join(folder, 'a.glb'), 'x')).rejects.toThrow('no permission to write');
});

test.skipIf(!existsSync('/proc/version'))('a place where nothing can be created is an error, not a hang', async () => {
  await expect(writeSafely('/proc/espalier.glb', 'x')).rejects.toThrow('Cannot write /proc/espalier.glb');
});

test.skipIf(!existsSync('/dev/full'))('a full disk is an error that says how much is needed', async () => {
  await expect(writeSafely('/dev/full', 'xyz')).rejects.toThrow('the disk is full; 3 bytes are needed');
});
