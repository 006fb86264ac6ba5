/**
 * `espalier/web` in Chromium, from the sources, held to what Node makes of the same prompt and seed. Skipped where
 * there is no /usr/bin/chromium (Debian: apt-get install chromium). WebGPU is Chromium's software driver.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error the validator ships without types
import validator from 'gltf-validator';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { imageTo3D, loadModel } from '../src/pipelines/index.ts';
import type { Outcome } from './browser-page/main.ts';
import { leaveOnlyEdges } from './official-folder.ts';
import { bundlePage } from './page-bundle.ts';
import { type PageServer, servePages } from './page-server.ts';
import { saveToyModel } from './toy-model.ts';

const CHROMIUM = '/usr/bin/chromium';
const QUIET = [
  ...['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];
const SOFTWARE_GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

const mini = fileURLToPath(new URL('../models/mini', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'espalier-browser-'));
const noisy = join(folder, 'noisy'); // a model that makes 47 000 voxels
const toy = join(folder, 'toy'); // 752 voxels, whatever the prompt: most tests are about files
const FLOW = 'toy/ckpts/flow.safetensors';

let server: PageServer;
let browser: Browser;
let page: Page;
let modules: string[];

describe.skipIf(!existsSync(CHROMIUM))('in Chromium', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    modules = await bundlePage('test/browser-page', join(folder, 'page'));
    await saveToyModel(noisy);
    cpSync(noisy, toy, { recursive: true });
    leaveOnlyEdges(join(toy, 'ckpts/decoder.safetensors'));
    const unlisted = join(folder, 'unlisted');
    cpSync(toy, unlisted, { recursive: true });
    writeFileSync(join(toy, 'SHA256SUMS'), sums(toy));
    server = await servePages({ page: join(folder, 'page'), toy, noisy, unlisted, mini });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET, ...SOFTWARE_GPU] });
  }, 300_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  beforeEach(async () => {
    page = await (await browser.newContext()).newPage(); // with a file system of its own
    await open(page);
    server.log = [];
    server.alter = undefined;
    server.breakAfter.clear();
    return () => page.context().close();
  });

  test('a page gets nothing of Node in its bundle', () => {
    const own = modules.filter((id) => !id.includes('node_modules'));
    expect(own.length).toBeGreaterThan(100);
    expect(modules.filter((id) => /onnxruntime-node|\/sharp\/|\/picture\.ts|\/session-host\.ts/.test(id))).toEqual([]);
  });

  test('on WebAssembly the shipped model makes of a picture file what Node makes of it', async () => {
    const picture = await sharp(fileURLToPath(new URL('../examples/chair.png', import.meta.url)))
      .resize(256, 256, { fit: 'inside' })
      .png()
      .toBuffer();
    const expected = await imageTo3D(await loadModel(mini), picture, { seed: 1, steps: 4, candidates: 2 });
    const job = { source: '/mini/', device: 'wasm', picture: [...picture], steps: 4, candidates: 2 };
    const got = await generate(job);
    expect(got.error).toBeUndefined();
    expect(got).toMatchObject({ device: 'wasm', isolated: true });
    expect(steps(got, 'structure')).toEqual(['1/4', '2/4', '3/4', '4/4']);
    // The kernels sum in another order than Node's: about 1e-4 in the latent after some steps, which guidance amplifies
    // and the decoder more; only voxels whose logit is near 0 may differ.
    expect(agreement(integers(got.coords), expected.coords)).toBeGreaterThan(0.995);
    expect(typicalDifference(floats(got.logits), expected.logits)).toBeLessThan(0.05);
    const report = await validator.validateBytes(bytes(got.glb));
    expect(report.issues.numErrors).toBe(0);
    expect(server.log.filter((line) => line.includes('ss_enc'))).toEqual([]); // what generation needs not is not fetched
  });

  test('without a GPU the page says so and takes WebAssembly; asked for WebGPU, it refuses', async () => {
    const none = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
    try {
      const plain = await none.newPage();
      await open(plain);
      const got = await generate({ source: '/toy/' }, plain);
      expect(got.error).toBeUndefined();
      expect(got.device).toBe('wasm');
      const [warning] = got.events.filter((e) => e.kind === 'warning');
      expect(warning).toMatchObject({ stage: 'device', message: expect.stringMatching(/WebGPU is not used: .+/) });
      const refused = await generate({ source: '/toy/', device: 'webgpu' }, plain);
      expect(refused.error).toMatch(/^device "webgpu" cannot be used: .+ choose device 'wasm'/);
    } finally {
      await none.close();
    }
  });

  test('a second visit is served by what the first one kept, without the network', async () => {
    const first = await generate({ source: '/toy/', device: 'wasm' });
    expect(first.error).toBeUndefined();
    server.log = [];
    const again = await generate({ source: '/toy/', device: 'wasm' });
    expect(server.log.filter((line) => line.includes('toy'))).toEqual(['GET toy/SHA256SUMS']);
    expect(again.logits).toEqual(first.logits);
    server.log = [];
    const offline = await generate({ source: '/toy/', device: 'wasm', offline: true });
    expect(offline.logits).toEqual(first.logits);
    expect(server.log.filter((line) => line.includes('toy'))).toEqual([]);
    const fresh = await (await browser.newContext()).newPage();
    await open(fresh);
    expect((await generate({ source: '/toy/', device: 'wasm', offline: true }, fresh)).error).toMatch(
      /is not kept in this browser, and cannot be fetched: the page asked for offline/,
    );
    await fresh.context().close();
  });

  test('a folder without SHA256SUMS is kept too, and fetched anew when the server has another file', async () => {
    expect((await generate({ source: '/unlisted', device: 'wasm' })).error).toBeUndefined();
    server.log = [];
    await generate({ source: '/unlisted', device: 'wasm' });
    expect(server.log.filter((line) => line.startsWith('GET unlisted/ckpts'))).toEqual([]);
    writeFileSync(
      join(folder, 'unlisted/ckpts/encoder.json'),
      readFileSync(join(toy, 'ckpts/encoder.json'), 'utf8').concat(' '),
    );
    await generate({ source: '/unlisted', device: 'wasm' });
    expect(server.log.filter((line) => line.startsWith('GET unlisted/ckpts'))).toEqual([
      'GET unlisted/ckpts/encoder.json',
    ]);
  });

  test('a weight file with a wrong byte is refused by its hash, and nothing of it is kept', async () => {
    server.alter = (path, bytes) => {
      if (path !== FLOW) return undefined;
      const wrong = Buffer.from(bytes);
      wrong[wrong.length - 1] ^= 1;
      return wrong;
    };
    const got = await generate({ source: '/toy/', device: 'wasm' });
    expect(got.error).toMatch(/flow\.safetensors: the bytes have the hash [0-9a-f]{64}, expected [0-9a-f]{64}\./);
    server.alter = undefined;
    server.log = [];
    expect((await generate({ source: '/toy/', device: 'wasm' })).error).toBeUndefined();
    expect(server.log).toContain(`GET ${FLOW}`); // from its first byte
  });

  test('a broken download is gone on from where it ended', async () => {
    const size = statSync(join(folder, FLOW)).size;
    expect(size).toBeGreaterThan(150_000); // its header is read by a request of its own, of 131 072 bytes
    server.breakAfter.set(FLOW, 140_000);
    const got = await generate({ source: '/toy/', device: 'wasm' });
    expect(got.error).toBeUndefined();
    const ranges = server.log.filter((line) => line.startsWith(`GET ${FLOW} bytes=`)).map((line) => line.split('=')[1]);
    expect(ranges.some((range) => /^[1-9]\d*-$/.test(range))).toBe(true);
  });

  test('an abort stops between steps and within a download, with the reason given', async () => {
    const between = await generate({
      ...{ source: '/toy/', device: 'wasm', steps: 50 },
      abortAt: { kind: 'step', stage: 'structure', count: 3 },
    });
    expect(between.error).toBe('enough');
    expect(between.eventsAfterAbort).toBeLessThan(5); // of 50 steps
    await page.evaluate('tested.forget()');
    const within = await generate({
      ...{ source: '/mini/', device: 'wasm' },
      abortAt: { kind: 'step', stage: 'download', count: 12 },
    });
    expect(within.error).toBe('enough');
    expect(within.events.at(-1)).not.toMatchObject({ kind: 'done', stage: 'structure' });
  });

  // A minute alone, three beside other tests: only when asked for, with ESPALIER_SLOW_TESTS=1.
  test.skipIf(!process.env.ESPALIER_SLOW_TESTS)('on WebGPU a model makes what it makes in Node', async () => {
    const expected = await imageTo3D(await loadModel(noisy), disc(), { seed: 1, steps: 2 });
    const got = await generate({ source: '/noisy/', device: 'webgpu', steps: 2 });
    expect(got.error).toBeUndefined();
    expect(got.device).toBe('webgpu');
    expect(got.events.filter((e) => e.kind === 'warning')).toEqual([]);
    expect(agreement(integers(got.coords), expected.coords)).toBeGreaterThan(0.99);
    expect(typicalDifference(floats(got.logits), expected.logits)).toBeLessThan(0.01);
  });
});

async function open(one: Page): Promise<void> {
  await one.goto(`${server.url}/page/index.html`);
  await one.waitForFunction('window.tested');
}

function generate(job: object, one = page): Promise<Outcome> {
  return one.evaluate(`tested.generate(${JSON.stringify(job)})`);
}

const bytes = (base64 = ''): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(base64, 'base64'));
const floats = (base64?: string) => new Float32Array(bytes(base64).buffer);
const integers = (base64?: string) => new Int32Array(bytes(base64).buffer);

const steps = ({ events }: Outcome, stage: string) =>
  events.flatMap((e) => (e.kind === 'step' && e.stage === stage ? [`${e.step}/${e.of}`] : []));

/** Intersection over union of two sets of voxels, flattened [N, 3]. */
function agreement(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const keys = (c: ArrayLike<number>) =>
    new Set(Array.from({ length: c.length / 3 }, (_, i) => (c[3 * i] * 64 + c[3 * i + 1]) * 64 + c[3 * i + 2]));
  const [one, other] = [keys(a), keys(b)];
  const both = [...one].filter((key) => other.has(key)).length;
  return both / (one.size + other.size - both);
}

/** Mean difference in units of the expected values' deviation from 0. */
function typicalDifference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += Math.abs(got[i] - expected[i]);
    size += Math.abs(expected[i]);
  }
  return difference / size;
}

/** A white disc on a transparent ground, as the page draws it. */
function disc() {
  const data = new Uint8Array(64 * 64 * 4);
  for (let y = 0; y < 64; y++)
    for (let x = 0; x < 64; x++)
      if (Math.hypot(x - 32, y - 32) < 20) data.fill(255, (y * 64 + x) * 4, (y * 64 + x) * 4 + 4);
  return { width: 64, height: 64, data };
}

/** As `sha256sum` lists the files of a folder. */
function sums(of: string): string {
  const files = readdirSync(of, { recursive: true, encoding: 'utf8' }).map((name) => join(of, name));
  return files
    .filter((path) => statSync(path).isFile())
    .map((path) => `${createHash('sha256').update(readFileSync(path)).digest('hex')}  ${relative(of, path)}\n`)
    .join('');
}
