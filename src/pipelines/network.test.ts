import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { floatsToHalves, type SafetensorsInput, writeSafetensors } from '../formats/index.ts';
import { patchEncoder } from '../stages/0-condition/index.ts';
import { compile, floats, initialize, input, scope, torchGenerator } from '../tensor/index.ts';
import { localFile } from './local-file.ts';
import { checkedNetwork, checkNetwork, openWeights, readWeights } from './network.ts';

const config = { image_size: 16, patch_size: 8, model_channels: 16, num_blocks: 1, num_heads: 2 };
let path: string;
let cache: string;
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-network-'));
  path = join(folder, 'encoder.safetensors');
  cache = join(folder, 'cache');
  writeFileSync(path, whole);
});

const graph = (p = scope()) => patchEncoder(config, p, input('pictures', [1, 16, 16, 3]));

function tensors(dtype: 'F32' | 'F16' | 'BF16' = 'F32'): Record<string, SafetensorsInput> {
  const p = scope();
  graph(p);
  const rng = torchGenerator(3);
  return Object.fromEntries(
    [...p.parameters].map(([key, t]) => [
      key,
      { shape: t.shape as number[], data: initialize(t.attributes.init, t.shape, rng), dtype },
    ]),
  );
}
const whole = writeSafetensors(tensors());

const load = async () => checkedNetwork('PatchEncoder', await localFile(path), config, 'encoder.json');

async function tokens(weights: Awaited<ReturnType<typeof openWeights>>): Promise<number[]> {
  const program = await compile({ tokens: graph() }, weights);
  const pictures = floats(
    new Float32Array(16 * 16 * 3).map((_, i) => Math.sin(i)),
    [1, 16, 16, 3],
  );
  const got = (await program.run({ pictures })).tokens.data as Float32Array;
  await program.dispose();
  return [...got];
}

test.each(['F32', 'F16', 'BF16'] as const)('weights stored as %s run the same in memory and mapped', async (dtype) => {
  writeFileSync(path, writeSafetensors(tensors(dtype)));
  const network = await load();
  expect(new Set(Object.values(network.dtypes))).toEqual(new Set([dtype]));
  const state = await readWeights(network);
  const mapped = await openWeights(network, { cache, inMemory: 0 });
  expect(mapped.external).toBeDefined();
  expect(await tokens(mapped)).toEqual(await tokens({ state }));
});

test('loading reads the header alone: the weights may be gone', async () => {
  const network = await load();
  expect(network.parameters).toBe(network.weights.reduce((n, { begin, end }) => n + (end - begin) / 4, 0));
  rmSync(path);
  await expect(readWeights(network)).rejects.toThrow(/ENOENT/);
});

test('a file of another size than at loading is an error when it is read', async () => {
  const network = await load();
  truncateSync(path, whole.length - 4);
  await expect(checkNetwork(network)).rejects.toThrow(/after its header had been read\. It changed; load it again/);
});

test('a header larger than any network’s is refused before it is read', async () => {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, 9e7, true);
  writeFileSync(path, head);
  truncateSync(path, 1e8); // sparse: no disk is used
  await expect(load()).rejects.toThrow(/has a header of 90000008 bytes, expected at most 16777216/);
});

test('a file that claims far more weights than it has is refused by the shapes of its network', async () => {
  const p = scope();
  graph(p);
  const [first] = p.parameters.keys();
  const size = 2 ** 36;
  const header = JSON.stringify({ [first]: { dtype: 'F32', shape: [size / 4], data_offsets: [0, size] } });
  const head = new Uint8Array(8 + header.length);
  new DataView(head.buffer).setUint32(0, header.length, true);
  head.set(new TextEncoder().encode(header), 8);
  writeFileSync(path, head);
  truncateSync(path, head.length + size);
  await expect(load()).rejects.toThrow(/must be \[.*\], found \[17179869184\]/);
});

test('every infinity and NaN of a half is found', async () => {
  const values = tensors();
  const key = Object.keys(values)[0];
  for (const bits of [0x7c00, 0xfc00, 0x7e00, 0xffff]) {
    const halves = floatsToHalves(values[key].data as Float32Array);
    halves[halves.length - 1] = bits;
    writeFileSync(path, writeSafetensors({ ...values, [key]: { ...values[key], data: halves, dtype: 'F16' } }));
    await expect(checkNetwork(await load())).rejects.toThrow(`"${key}" holds values that are not finite`);
  }
});

test('no damage to a file does more than an error that names it, or other finite weights', async () => {
  const header = 8 + new DataView(whole.buffer).getUint32(0, true);
  const damage = fc.record({
    changes: fc.array(
      fc.tuple(fc.oneof(fc.nat(header + 8), fc.nat(whole.length - 1)), fc.integer({ min: 0, max: 255 })),
      { minLength: 1, maxLength: 4 },
    ),
    keep: fc.oneof(fc.constant(whole.length), fc.nat(whole.length)),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ changes, keep }) => {
      const bytes = whole.slice(0, keep);
      for (const [at, byte] of changes) if (at < keep) bytes[at] = byte;
      writeFileSync(path, bytes);
      try {
        const network = await load();
        const weights = await readWeights(network);
        for (const [key, shape] of Object.entries(network.shapes))
          expect(weights[key].length).toBe(shape.reduce((a, d) => a * d, 1));
        expect(Object.values(weights).every((w) => w.every(Number.isFinite))).toBe(true);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith(path)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});
