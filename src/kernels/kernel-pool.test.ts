import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { type GaussianKernel, gaussianKernel, openKernel } from './index.ts';

afterEach(() => vi.unstubAllGlobals());

test('without SharedArrayBuffer the same code runs on the calling thread', async () => {
  vi.stubGlobal('SharedArrayBuffer', undefined);
  const kernel = await openKernel<GaussianKernel>(gaussianKernel, { threads: 4 });
  expect(kernel.threads).toBe(1);
  expect(await kernel.once('scratchBytes')).toBeGreaterThan(0);
  await kernel.dispose();
});

test.each([1, 2])('a kernel that leaves its memory fails, and the next call works (%i threads)', async (threads) => {
  const kernel = await openKernel<GaussianKernel>(gaussianKernel, { threads });
  await expect(kernel.once('fill', 1, 0, 0, 1, 1, -64, 0, 0, 0)).rejects.toThrow(/out of bounds/);
  expect(await kernel.once('scratchBytes')).toBeGreaterThan(0);
  await kernel.dispose();
});

test('idle threads let the process end', () => {
  const index = new URL('./index.ts', import.meta.url).href;
  const code = `const { openKernel, gaussianKernel } = await import('${index}');
    const kernel = await openKernel(gaussianKernel, { threads: 2 });
    console.log(kernel.threads, await kernel.once('scratchBytes') > 0);`;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(child.stdout + child.stderr).toBe('2 true\n');
  expect(child.status).toBe(0);
});

test('memory is handed out in multiples of 64 bytes, and at most 2 GiB of it', async () => {
  const { memory, dispose } = await openKernel<GaussianKernel>(gaussianKernel, { threads: 1 });
  const [a, b] = [memory.place(1), memory.place(100_000)];
  expect([a % 64, b - a]).toEqual([0, 64]);
  expect(memory.memory.buffer.byteLength).toBeGreaterThanOrEqual(b + 100_000);
  memory.reset(b);
  expect(memory.place(4)).toBe(b);
  expect(() => memory.place(2 ** 31)).toThrow(/at most 2048/);
  await dispose();
});
