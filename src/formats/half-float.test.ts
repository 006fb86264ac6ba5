import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bfloatsToFloats,
  floatsToBfloats,
  floatsToHalves,
  fromHalfBits,
  halvesToFloats,
  toHalfBits,
} from './half-float.ts';

test('every half that is not NaN survives the way to a number and back', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = fromHalfBits(bits);
    if (Number.isNaN(value)) expect(fromHalfBits(toHalfBits(value))).toBeNaN();
    else if (toHalfBits(value) !== bits)
      expect.fail(`0x${bits.toString(16)} → ${value} → 0x${toHalfBits(value).toString(16)}`);
  }
});

test('the midpoint of two neighboring halves goes to the even one, and anything beside it to the nearer', () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const low = fromHalfBits(bits);
    const high = fromHalfBits(bits + 1);
    const middle = (low + high) / 2;
    const nudge = (high - low) * 1e-10;
    const got = [middle - nudge, middle, middle + nudge, -middle].map(toHalfBits);
    const even = bits % 2 === 0 ? bits : bits + 1;
    if (got.join() !== [bits, even, bits + 1, even | 0x8000].join()) expect.fail(`around ${middle}: ${got}`);
  }
});

test('halves know infinity, signed zero and overflow', () => {
  expect(toHalfBits(65519.99)).toBe(0x7bff);
  expect(toHalfBits(65520)).toBe(0x7c00);
  expect(toHalfBits(Number.NEGATIVE_INFINITY)).toBe(0xfc00);
  expect(toHalfBits(-0)).toBe(0x8000);
  expect(Object.is(fromHalfBits(0x8000), -0)).toBe(true);
  expect(halvesToFloats(floatsToHalves([1, -2.5]))).toEqual(new Float32Array([1, -2.5]));
});

test('bfloat16 keeps eight bits of the mantissa, nearest even', () => {
  fc.assert(
    fc.property(
      fc.float({ noNaN: true, noDefaultInfinity: true, max: Math.fround(1e38), min: Math.fround(-1e38) }),
      (x) => {
        const [y] = bfloatsToFloats(floatsToBfloats([x]));
        expect(Math.abs(y - x)).toBeLessThanOrEqual(Math.max(Math.abs(x) * 2 ** -8, 2 ** -134));
        expect(bfloatsToFloats(floatsToBfloats([y]))[0]).toBe(y);
      },
    ),
  );
  expect(bfloatsToFloats(floatsToBfloats([Number.NaN]))[0]).toBeNaN();
  expect(floatsToBfloats([1 + 2 ** -8, 1 + 3 * 2 ** -8])).toEqual(new Uint16Array([0x3f80, 0x3f82]));
});
