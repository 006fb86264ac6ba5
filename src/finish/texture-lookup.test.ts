import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addVariationGradient } from './optimize-texture.ts';
import {
  emptyPyramid,
  fillPyramid,
  fillPyramidBackward,
  type LookupPlaces,
  lookup,
  lookupBackward,
} from './texture-lookup.ts';

const SIZE = 8;

/** Places inside, at the borders and beyond them, on levels between, on, and above those there are. */
const places: LookupPlaces = (() => {
  const uv: number[] = [];
  const level: number[] = [];
  for (let i = 0; i < 60; i++) {
    uv.push(((i * 0.618) % 1.2) - 0.1, (i * 0.414) % 1);
    level.push([0, 0.3, 1, 1.75, 2, 3.5, 9][i % 7]);
  }
  return { count: level.length, uv: Float32Array.from(uv), level: Float32Array.from(level) };
})();

function pyramidOf(texels: ArrayLike<number>, levels = 4) {
  const pyramid = emptyPyramid(SIZE, levels);
  pyramid.levels[0].set(texels);
  fillPyramid(pyramid);
  return pyramid;
}

const wave = Float32Array.from({ length: SIZE * SIZE * 3 }, (_, i) => 0.5 + 0.4 * Math.sin(1.7 * i));

test('the gradient of trilinear lookups meets central differences at every texel', () => {
  const upstream = Float32Array.from({ length: places.count * 3 }, (_, i) => Math.cos(0.9 * i));
  const gradient = emptyPyramid(SIZE, 4);
  lookupBackward(gradient, places, upstream);
  fillPyramidBackward(gradient);
  const loss = (texels: Float32Array): number => {
    const out = new Float32Array(places.count * 3);
    lookup(pyramidOf(texels), places, out);
    return out.reduce((sum, value, i) => sum + value * upstream[i], 0);
  };
  for (let i = 0; i < wave.length; i++) {
    const step = 0.25; // lookups are linear in the texels: any step is exact
    const [up, down] = [wave.slice(), wave.slice()];
    up[i] += step;
    down[i] -= step;
    expect(gradient.levels[0][i]).toBeCloseTo((loss(up) - loss(down)) / (2 * step), 4); // single precision
  }
});

test('a texture of one colour is that colour everywhere, and no lookup leaves the range of the texels', () => {
  const out = new Float32Array(places.count * 3);
  lookup(pyramidOf(new Float32Array(SIZE * SIZE * 3).fill(0.25)), places, out);
  for (const value of out) expect(value).toBeCloseTo(0.25, 6);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 192, maxLength: 192 }), (texels) => {
      lookup(pyramidOf(texels), places, out);
      expect(Math.min(...out)).toBeGreaterThanOrEqual(Math.min(...texels) - 1e-6);
      expect(Math.max(...out)).toBeLessThanOrEqual(Math.max(...texels) + 1e-6);
    }),
    { numRuns: 30 },
  );
});

test('the middle of a texel reads that texel, and the highest level the mean of all', () => {
  const at = { count: 2, uv: Float32Array.from([2.5 / 8, 5.5 / 8, 0.3, 0.9]), level: Float32Array.from([0, 3]) };
  const out = new Float32Array(6);
  lookup(pyramidOf(wave), at, out);
  for (let c = 0; c < 3; c++) {
    expect(out[c]).toBeCloseTo(wave[3 * (5 * SIZE + 2) + c], 6);
    const mean = wave.reduce((sum, value, i) => sum + (i % 3 === c ? value / (SIZE * SIZE) : 0), 0);
    expect(out[3 + c]).toBeCloseTo(mean, 5);
  }
});

test('a side that does not halve ends the pyramid', () => {
  expect(emptyPyramid(12, 9).levels.map(({ length }) => length)).toEqual([432, 108, 27]);
});

test('the gradient of the total variation meets central differences away from its kinks', () => {
  const variation = (texels: Float64Array): number => {
    let sum = 0;
    for (let y = 0; y < SIZE; y++)
      for (let x = 0; x < SIZE; x++)
        for (let c = 0; c < 3; c++) {
          const i = 3 * (y * SIZE + x) + c;
          if (x + 1 < SIZE) sum += Math.abs(texels[i + 3] - texels[i]);
          if (y + 1 < SIZE) sum += Math.abs(texels[i + 3 * SIZE] - texels[i]);
        }
    return (0.7 * sum) / (3 * SIZE * (SIZE - 1));
  };
  const gradient = new Float32Array(wave.length);
  // Rows one by one, as charts give them: the last column has nothing to its right, the last row nothing below.
  const rows = Uint32Array.from({ length: 2 * SIZE }, (_, i) => SIZE * (i >> 1) + (i % 2) * SIZE);
  addVariationGradient(wave, gradient, SIZE, 0.7, rows);
  for (let i = 0; i < wave.length; i++) {
    const [up, down] = [Float64Array.from(wave), Float64Array.from(wave)];
    up[i] += 1e-6; // smaller than any difference of two neighbors
    down[i] -= 1e-6;
    expect(gradient[i]).toBeCloseTo((variation(up) - variation(down)) / 2e-6, 5);
  }
});
