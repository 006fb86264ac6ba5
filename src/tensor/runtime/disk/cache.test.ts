import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { cachedFile, cacheFolder } from './cache.ts';
import { requireSpace } from './disk-space.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'espalier-cache-'));
});

const item = { kind: 'f32', source: 'source', version: '1' };
const bytes = (n: number) => new Uint8Array(n).fill(7);

test('the folder is that of ESPALIER_CACHE, else that of the user', () => {
  expect(cacheFolder({ ESPALIER_CACHE: '/disk/cache', XDG_CACHE_HOME: '/x' })).toBe('/disk/cache');
  expect(cacheFolder({ XDG_CACHE_HOME: '/x' })).toBe(join('/x', 'espalier'));
  expect(cacheFolder({ ESPALIER_CACHE: '' })).toBe(join(homedir(), '.cache', 'espalier'));
});

test('a full disk, before or while writing, is an error that says where, how much and what to do; no draft stays', async () => {
  await expect(requireSpace(cache, 1e18, 'Free some.')).rejects.toThrow(
    /expected room for 1000000000000 MB, \d+ MB are free\. Free some\./,
  );
  await expect(cachedFile(item, 1e18, async () => {}, { cache })).rejects.toThrow(/ESPALIER_CACHE/);
  const full = async (append: (chunk: Uint8Array) => Promise<void>) => {
    await append(bytes(5));
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  await expect(cachedFile(item, 10, full, { cache })).rejects.toThrow(
    /espalier-cache-.*: expected room for 1 MB, the disk is full\. Free some, or name a folder on another disk with ESPALIER_CACHE/,
  );
  expect(readdirSync(cache)).toEqual([]);
});

test('a file that came out with another size is not kept', async () => {
  await expect(cachedFile(item, 10, (append) => append(bytes(9)), { cache })).rejects.toThrow(/internal: .* got 9/);
  expect(readdirSync(cache)).toEqual([]);
});

test('drafts that a killed process left a day ago are removed, younger ones are not', async () => {
  for (const name of ['old.tmp', 'young.tmp']) writeFileSync(join(cache, name), '');
  utimesSync(join(cache, 'old.tmp'), 1e9, 1e9);
  await cachedFile(item, 3, (append) => append(bytes(3)), { cache });
  expect(readdirSync(cache).sort()).toEqual(['source.1.f32', 'young.tmp']);
});

test('processes that make the same file at the same time all end with it whole', async () => {
  const script = join(cache, 'make.mjs');
  const loader = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/, '.mjs');
  const source = new URL('./cache.ts', import.meta.url).href;
  writeFileSync(
    script,
    `import { register } from ${JSON.stringify(pathToFileURL(loader).href)};
     register();
     const { cachedFile } = await import(${JSON.stringify(source)});
     const write = async (append) => {
       for (let i = 0; i < 20; i++) {
         await append(new Uint8Array(1000).fill(i));
         await new Promise((next) => setTimeout(next, 2));
       }
     };
     await cachedFile({ kind: 'f32', source: 'shared', version: '1' }, 20000, write, { cache: ${JSON.stringify(cache)} });`,
  );
  const codes = await Promise.all(
    [1, 2, 3].map(() => new Promise((done) => fork(script, { execArgv: [] }).on('exit', done))),
  );
  expect(codes).toEqual([0, 0, 0]);
  const made = readFileSync(join(cache, 'shared.1.f32'));
  expect(made.length).toBe(20000);
  expect(made.every((v, i) => v === Math.floor(i / 1000))).toBe(true);
  expect(readdirSync(cache).sort()).toEqual(['make.mjs', 'shared.1.f32']);
});
