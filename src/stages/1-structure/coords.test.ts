import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coordsToOccupancy, logitsToCoords, occupancyToCoords } from './coords.ts';

describe('coords', () => {
  it('lists the voxels with a logit above 0, z fastest', () => {
    const logits = new Float32Array(27).fill(-1);
    logits[1] = 0.1;
    logits[5] = 0; // not above
    logits[(2 * 3 + 1) * 3] = 3;
    expect([...logitsToCoords(logits, 3)]).toEqual([0, 0, 1, 2, 1, 0]);
  });

  it('comes back from the dense grid', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 125, maxLength: 125, max: 1 }), (occupancy) => {
        expect(coordsToOccupancy(occupancyToCoords(occupancy, 5), 5)).toEqual(occupancy);
      }),
    );
  });

  it('names the row outside the grid, and a wrong size', () => {
    expect(() => coordsToOccupancy(Int32Array.of(0, 0, 0, 1, 4, 0), 4)).toThrow(
      /row 1 is \(1, 4, 0\), expected 0 to 3/,
    );
    expect(() => coordsToOccupancy(Int32Array.of(0, 0, 0, 1), 4)).toThrow(/batch column/);
    expect(() => logitsToCoords(new Float32Array(5), 2)).toThrow(/5 values, expected 2³ = 8/);
  });
});
