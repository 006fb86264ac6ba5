import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { occupancyToCoords } from './coords.ts';
import { squaredDistanceTransform } from './distance-transform.ts';
import { compareOccupancies, occupancyIou } from './metrics.ts';

const R = 5;
/** Grids from nearly empty to nearly full. */
const occupancies = fc
  .tuple(
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: R ** 3, maxLength: R ** 3 }),
    fc.constantFrom(0.02, 0.1, 0.5, 0.95),
  )
  .map(([values, density]) => Uint8Array.from(values, (v) => (v < density ? 1 : 0)));

/** Nearest squared distance from (x, y, z) to any row of coords, by trying all. */
function nearest(x: number, y: number, z: number, coords: Int32Array): number {
  let best = Infinity;
  for (let i = 0; i < coords.length; i += 3) {
    best = Math.min(best, (coords[i] - x) ** 2 + (coords[i + 1] - y) ** 2 + (coords[i + 2] - z) ** 2);
  }
  return best;
}

/** From each row of `from`, the nearest distance to `to`. */
function allNearest(from: Uint8Array, to: Uint8Array): number[] {
  const [a, b] = [occupancyToCoords(from, R), occupancyToCoords(to, R)];
  return Array.from({ length: a.length / 3 }, (_, i) => Math.sqrt(nearest(a[i * 3], a[i * 3 + 1], a[i * 3 + 2], b)));
}

describe('squaredDistanceTransform', () => {
  it('agrees with trying all pairs', () => {
    fc.assert(
      fc.property(occupancies, (occupancy) => {
        const coords = occupancyToCoords(occupancy, R);
        const distances = squaredDistanceTransform(occupancy, R);
        distances.forEach((d, i) => {
          expect(d).toBe(nearest(Math.floor(i / (R * R)), Math.floor(i / R) % R, i % R, coords));
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('compareOccupancies', () => {
  it('agrees with trying all pairs', () => {
    const share = (d: number[], limit: number) => d.filter((v) => v <= limit).length / d.length;
    const mean = (d: number[]) => d.reduce((a, b) => a + b, 0) / d.length;
    fc.assert(
      fc.property(occupancies, occupancies, (predicted, truth) => {
        fc.pre(predicted.includes(1) && truth.includes(1));
        const [there, back] = [allNearest(predicted, truth), allNearest(truth, predicted)];
        const { scores, chamfer } = compareOccupancies(predicted, truth, R);
        [1, 2].forEach((d, k) => {
          expect(scores[k].precision).toBeCloseTo(share(there, d), 10);
          expect(scores[k].recall).toBeCloseTo(share(back, d), 10);
        });
        expect(chamfer).toBeCloseTo(mean(there) + mean(back), 5);
      }),
      { numRuns: 100 },
    );
  });

  it('is 1 for equal grids and 0 against an empty one', () => {
    const one = Uint8Array.from({ length: 27 }, (_, i) => (i === 13 ? 1 : 0));
    const none = new Uint8Array(27);
    const perfect = { precision: 1, recall: 1, fScore: 1 };
    expect(compareOccupancies(one, one, 3)).toEqual({ iou: 1, scores: [perfect, perfect], chamfer: 0 });
    expect(compareOccupancies(none, none, 3)).toEqual({ iou: 1, scores: [perfect, perfect], chamfer: 0 });
    expect(compareOccupancies(none, one, 3)).toMatchObject({ iou: 0, chamfer: Infinity });
    expect(compareOccupancies(none, one, 3).scores[1]).toEqual({ precision: 0, recall: 0, fScore: 0 });
  });

  it('matches a shift by a voxel at distance 1, though the IoU falls', () => {
    const a = Uint8Array.from({ length: 64 }, (_, i) => (i % 4 === 1 ? 1 : 0));
    const b = Uint8Array.from({ length: 64 }, (_, i) => (i % 4 === 2 ? 1 : 0));
    expect(occupancyIou(a, b)).toBe(0);
    expect(compareOccupancies(a, b, 4, [1]).scores[0].fScore).toBe(1);
  });

  it('says when the grids differ in size', () => {
    expect(() => occupancyIou(new Uint8Array(8), new Uint8Array(27))).toThrow(/8 voxels, expected 27/);
  });
});
