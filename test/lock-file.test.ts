/** The lock file names every package by its content, and no address: any registry or mirror serves, and none can swap a package. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
}

const lock: { lockfileVersion: number; packages: Record<string, LockEntry> } = JSON.parse(
  readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'),
);
const entries = Object.entries(lock.packages).filter(([path]) => path !== '');

test('every package of the lock file, of all platforms, has the hash of its content', () => {
  expect(entries.length).toBeGreaterThan(100);
  const without = entries.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''));
  expect(without.map(([path]) => path)).toEqual([]);
});

test('no package of the lock file is tied to an address', () => {
  expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
});
