import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeSafetensors } from '../formats/index.ts';
import { input, scope, torchGenerator } from '../tensor/index.ts';
import { lpips, openLpips } from './lpips.ts';

const folder = await mkdtemp(join(tmpdir(), 'lpips-'));
afterAll(() => rm(folder, { recursive: true }));

// Random weights under the official names: features of the real network's shapes, meaning nothing.
const rng = torchGenerator(3);
const declared = scope();
lpips(declared, input('a', [1, 3, 16, 16]), input('b', [1, 3, 16, 16]));
const weights = new Map(
  [...declared.parameters].map(([name, { shape }]) => {
    const sizes = shape as number[];
    const count = sizes.reduce((n, d) => n * d, 1);
    const values = rng.uniform(count);
    if (!name.startsWith('lin')) {
      const reach = name.endsWith('bias') ? 0.1 : Math.sqrt(6 / (sizes[1] * 9));
      for (let i = 0; i < count; i++) values[i] = reach * (2 * values[i] - 1);
    }
    return [name, { shape: sizes, data: values }] as const;
  }),
);
const path = join(folder, 'vgg.safetensors');
await writeFile(
  path,
  writeSafetensors(
    Object.fromEntries([...weights].map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data }])),
  ),
);

const size = { width: 17, height: 16 }; // an odd side: the last column is left out where pictures are halved
const count = 2 * 3 * size.width * size.height;
const [picture, target] = [rng.uniform(count), rng.uniform(count)];

/** LPIPS from its definition, in double precision and plain loops. */
function twin(planes: Float64Array): number {
  let total = 0;
  for (let item = 0; item < 2; item++) {
    const left = features(planes.subarray((item * count) / 2, ((item + 1) * count) / 2));
    for (const [i, { width, height, channels, values }] of left.entries()) {
      const lin = weights.get(`lin${i}.model.1.weight`)!.data;
      const right = targetFeatures[item][i].values;
      const pixels = width * height;
      for (let p = 0; p < pixels; p++) {
        const norm = (at: Float64Array) => {
          let square = 0;
          for (let c = 0; c < channels; c++) square += at[c * pixels + p] ** 2;
          return Math.sqrt(square) + 1e-10;
        };
        const [na, nb] = [norm(values), norm(right)];
        for (let c = 0; c < channels; c++)
          total += (lin[c] * (values[c * pixels + p] / na - right[c * pixels + p] / nb) ** 2) / (pixels * 2);
      }
    }
  }
  return total;
}

interface Features {
  width: number;
  height: number;
  channels: number;
  values: Float64Array;
}

function features(planes: Float64Array): Features[] {
  const pixels = size.width * size.height;
  const [shift, scale] = [
    [-0.03, -0.088, -0.188],
    [0.458, 0.448, 0.45],
  ];
  let at: Features = {
    ...size,
    channels: 3,
    values: planes.map((v, i) => (2 * v - 1 - shift[Math.floor(i / pixels)]) / scale[Math.floor(i / pixels)]),
  };
  const out: Features[] = [];
  for (const [i, layers] of [
    [0, 2],
    [5, 7],
    [10, 12, 14],
    [17, 19, 21],
    [24, 26, 28],
  ].entries()) {
    if (i > 0) at = pooled(at);
    for (const layer of layers) at = convolved(at, `net.slice${i + 1}.${layer}`);
    out.push(at);
  }
  return out;
}

function convolved({ width, height, channels, values }: Features, name: string): Features {
  const { shape, data } = weights.get(`${name}.weight`)!;
  const bias = weights.get(`${name}.bias`)!.data;
  const pixels = width * height;
  const out = new Float64Array(shape[0] * pixels);
  for (let o = 0; o < shape[0]; o++) {
    out.fill(bias[o], o * pixels, (o + 1) * pixels);
    for (let c = 0; c < channels; c++)
      for (let tap = 0; tap < 9; tap++) {
        const weight = data[(o * channels + c) * 9 + tap];
        const [dy, dx] = [Math.floor(tap / 3) - 1, (tap % 3) - 1];
        for (let y = Math.max(0, -dy); y < height - Math.max(0, dy); y++)
          for (let x = Math.max(0, -dx); x < width - Math.max(0, dx); x++)
            out[o * pixels + y * width + x] += weight * values[c * pixels + (y + dy) * width + x + dx];
      }
  }
  for (let i = 0; i < out.length; i++) out[i] = Math.max(0, out[i]);
  return { width, height, channels: shape[0], values: out };
}

function pooled({ width, height, channels, values }: Features): Features {
  const [w, h] = [width >> 1, height >> 1];
  const out = new Float64Array(channels * w * h).fill(-Infinity);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < 2 * h; y++)
      for (let x = 0; x < 2 * w; x++) {
        const to = (c * h + (y >> 1)) * w + (x >> 1);
        out[to] = Math.max(out[to], values[(c * height + y) * width + x]);
      }
  return { width: w, height: h, channels, values: out };
}

const targetFeatures = [0, 1].map((item) =>
  features(Float64Array.from(target.subarray((item * count) / 2, ((item + 1) * count) / 2))),
);

test('the loss equals its definition, and its gradient central differences', async () => {
  const network = await openLpips(path);
  const { value, gradient } = await network.loss(picture, target, size);
  const exact = Float64Array.from(picture);
  expect(Math.abs(value - twin(exact))).toBeLessThan(1e-4 * value);
  for (let trial = 0; trial < 2; trial++) {
    const direction = rng.normal(count);
    const h = 1e-7; // no feature crosses its kink within it
    const slope =
      (twin(exact.map((v, i) => v + h * direction[i])) - twin(exact.map((v, i) => v - h * direction[i]))) / (2 * h);
    const along = gradient.reduce((s, g, i) => s + g * direction[i], 0);
    expect(Math.abs(along - slope)).toBeLessThan(1e-3 * Math.hypot(...gradient));
  }
  const same = await network.loss(picture, picture, size);
  expect(same.value).toBe(0);
  expect(same.gradient.every((g) => g === 0)).toBe(true);
  const black = await network.loss(new Float32Array(count), target, size);
  expect(black.gradient.every(Number.isFinite)).toBe(true);
  await expect(network.loss(picture, target, { width: 8, height: 34 })).rejects.toThrow(
    /at least 16 pixels a side, got 8 × 34/,
  );
  await expect(network.loss(picture, target, { width: 16, height: 16 })).rejects.toThrow(/\[B, 3, 16, 16\]/);
  await network.dispose();
});

test('without its weights the loss says how to get them', async () => {
  await expect(openLpips(undefined)).rejects.toThrow(/no file of weights was given.*pip install lpips/s);
  await expect(openLpips(join(folder, 'none.safetensors'))).rejects.toThrow(
    /there is no such file.*pip install lpips/s,
  );
  const other = join(folder, 'other.safetensors');
  await writeFile(other, writeSafetensors({ 'lin0.weight': { dtype: 'F32', shape: [1], data: Float32Array.of(1) } }));
  await expect(openLpips(other)).rejects.toThrow(
    /lacks the tensor "net.slice1.0.weight" \[64, 3, 3, 3\].*pip install/s,
  );
  const wrong = join(folder, 'wrong.safetensors');
  const alex = { dtype: 'F32', shape: [64, 3, 1, 1], data: new Float32Array(192) } as const;
  await writeFile(wrong, writeSafetensors({ 'net.slice1.0.weight': alex }));
  await expect(openLpips(wrong)).rejects.toThrow(/must be \[64, 3, 3, 3\], found \[64, 3, 1, 1\]/);
});
