import fc from 'fast-check';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { NpzError, readNpy, readNpz, writeNpy, writeNpz } from './npz.ts';

const arrays = {
  feats: { shape: [2, 3], data: new Float32Array([1, 2, 3, 4, 5, Number.NaN]) },
  coords: { shape: [2, 2], data: new Int32Array([1, -2, 3, 4]) },
  bytes: { shape: [3], data: new Uint8Array([1, 2, 255]) },
  long: { shape: [1], data: new BigInt64Array([-7n]) },
  none: { shape: [0, 4], data: new Float32Array() },
  scalar: { shape: [], data: new Float64Array([0.5]) },
};

test('arrays survive a round trip with shape and type', () => {
  expect(Object.fromEntries(readNpz(writeNpz(arrays)))).toEqual(arrays);
});

test('the same arrays make the same bytes', () => {
  expect(writeNpz(arrays)).toEqual(writeNpz(arrays));
});

test('an array is laid out as numpy.save lays it out', () => {
  const file = writeNpy({ shape: [2], data: new Float32Array([1, 2]) });
  expect(file.length).toBe(128 + 8);
  const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  expect(new TextDecoder('latin1').decode(file.subarray(0, 128))).toBe(
    `\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`,
  );
});

test.each([
  ['big-endian floats', "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", /astype/],
  ['objects', "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", /elements \|O/],
  ['Fortran order', "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", /ascontiguousarray/],
  ['a shape that lies', "{'descr': '<f4', 'fortran_order': False, 'shape': (9, 9), }", /needs 324 bytes, got 4/],
])('%s are refused with the way out', (_, header, reason) => {
  const file = new Uint8Array(10 + 100 + 4);
  file.set(writeNpy({ shape: [1], data: new Float32Array(1) }).subarray(0, 8));
  file[8] = 100;
  file.set(new TextEncoder().encode(header.padEnd(100)), 10);
  expect(() => readNpy(file)).toThrow(reason);
});

test('an archive larger than allowed is refused before it is unpacked', () => {
  const bomb = zipSync({ 'a.npy': new Uint8Array(1e6) });
  expect(() => readNpz(bomb, { maxBytes: 1000 })).toThrow(/more than 1000 bytes/);
});

test('no damage to an archive makes the reader fail in any way but its own', () => {
  const whole = writeNpz(arrays);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.nat(whole.length),
      (changes, keep) => {
        const file = whole.slice();
        for (const [at, byte] of changes) file[at] = byte;
        for (const bytes of [file, file.slice(0, keep)]) {
          try {
            readNpz(bytes);
          } catch (error) {
            if (!(error instanceof NpzError)) throw error;
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});
