import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  parseSafetensorsHeader,
  readSafetensors,
  SafetensorsError,
  safetensorsEntry,
  toFloat32,
  writeSafetensors,
} from './safetensors.ts';

function fileOf(header: unknown, dataBytes: number, headerText = JSON.stringify(header)): Uint8Array {
  const json = new TextEncoder().encode(headerText);
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setUint32(0, json.length, true);
  file.set(json, 8);
  return file;
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

test('tensors and metadata survive a round trip, and the data is ordered by element size, then name', () => {
  const file = writeSafetensors(
    new Map([
      ['b', { shape: [2, 1], data: new Float32Array([1.5, -2]) }],
      ['mask', { shape: [3], data: new Uint8Array([0, 1, 1]), dtype: 'BOOL' as const }],
      ['half', { shape: [2], data: new Float32Array([0.1, 7]), dtype: 'F16' as const }],
      ['__proto__', { shape: [0, 9], data: new Int32Array() }],
      ['10', { shape: [], data: new Float32Array([3]) }],
      ['9', { shape: [1], data: new BigInt64Array([-5n]) }],
    ]),
    { note: 'two "words"' },
  );
  const { tensors, metadata } = readSafetensors(file);
  expect([...tensors.keys()]).toEqual(['9', '10', '__proto__', 'b', 'half', 'mask']);
  expect(metadata).toEqual({ note: 'two "words"' });
  expect(tensors.get('b')).toEqual({ dtype: 'F32', shape: [2, 1], data: new Float32Array([1.5, -2]) });
  expect(toFloat32(tensors.get('half')!)).toEqual(new Float32Array([0.0999755859375, 7]));
  expect(toFloat32(tensors.get('9')!)).toEqual(new Float32Array([-5]));
  expect(parseSafetensorsHeader(file).dataBegin % 8).toBe(0);
});

test('a file at an odd address reads the same', () => {
  const file = writeSafetensors({ x: { shape: [3], data: new Float32Array([1, 2, 3]) } });
  const odd = new Uint8Array(file.length + 1);
  odd.set(file, 1);
  expect(readSafetensors(odd.subarray(1)).tensors.get('x')!.data).toEqual(new Float32Array([1, 2, 3]));
});

test('the header alone is enough to read one tensor by range', () => {
  const file = writeSafetensors({
    a: { shape: [2], data: new Float32Array([1, 2]) },
    b: { shape: [1], data: new Float32Array([3]) },
  });
  const header = parseSafetensorsHeader(file.slice(0, file.length - 12), file.length);
  const range = header.tensors.get('b')!;
  expect(safetensorsEntry(range, file.subarray(range.begin, range.end)).data).toEqual(new Float32Array([3]));
});

test('files written by the reference library are read', () => {
  const { tensors, metadata } = readSafetensors(readFileSync('test/golden/samplers.safetensors'));
  expect(tensors.get('in.noise')!.shape).toEqual([2, 4, 3, 3, 3]);
  expect(tensors.get('out.euler.t_seq')!.data).toBeInstanceOf(Float64Array);
  expect(metadata.class).toBe('FlowEulerSampler family');
});

test.each([
  ['nothing', new Uint8Array(), /at least 8 bytes/],
  ['a huge header', Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 0), /header claims .* limit/],
  ['a header longer than the file', Uint8Array.of(40, 0, 0, 0, 0, 0, 0, 0, 123, 125), /truncated/],
  ['a range outside the file', fileOf({ x: f32(0, 8) }, 4), /download it again/],
  ['an overlap', fileOf({ x: f32(0, 8), y: f32(4, 12) }, 12), /overlaps/],
  ['a gap', fileOf({ x: f32(0, 4), y: f32(8, 12) }, 12), /belong to no tensor/],
  ['trailing bytes', fileOf({ x: f32(0, 4) }, 8), /after the last tensor/],
  ['a shape that disagrees', fileOf({ x: f32(0, 8, [3]) }, 8), /needs 12 bytes, got 8/],
  ['a shape that overflows', fileOf({ x: f32(0, 8, [2 ** 31, 2 ** 31]) }, 8), /more than 2⁵³/],
  ['a negative size', fileOf({ x: f32(0, 4, [-1]) }, 4), /integers ≥ 0/],
  ['a fractional size', fileOf({ x: f32(0, 4, [0.5, 2]) }, 4), /integers ≥ 0/],
  ['an unknown dtype', fileOf({ x: { ...f32(0, 4), dtype: 'toString' } }, 4), /dtype "toString"/],
  [
    'a key given twice',
    fileOf(0, 4, `{"x":${JSON.stringify(f32(0, 4))},"\\u0078":${JSON.stringify(f32(0, 4))}}`),
    /names "x" twice/,
  ],
  ['deep nesting', fileOf(0, 0, `{"x":${'['.repeat(10000)}`), /nested/],
  ['metadata of numbers', fileOf({ __metadata__: { n: 1 } }, 0), /must be a string/],
  ['a name of a million escapes', fileOf(0, 0, `{"${'\\n'.repeat(1e6)}":0}`), /must be an object/],
  ['a raw line break in a name', fileOf(0, 0, '{"a\nb":0}'), /not valid JSON/],
  ['text', fileOf(0, 0, 'hello'), /not valid JSON/],
  ['a trailing comma', fileOf(0, 0, '{"__metadata__":{},}'), /not valid JSON/],
])('%s is refused with the reason', (_, file, reason) => {
  expect(() => readSafetensors(file)).toThrow(SafetensorsError);
  expect(() => readSafetensors(file)).toThrow(reason);
});

test('no damage to a file makes the reader fail in any way but its own', () => {
  const whole = writeSafetensors(
    { a: { shape: [2, 3], data: new Float32Array(6) }, b: { shape: [5], data: new Uint8Array(5) } },
    { k: 'v' },
  );
  const damaged = fc.tuple(
    fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    fc.nat(whole.length),
  );
  fc.assert(
    fc.property(damaged, ([changes, keep]) => {
      const file = whole.slice();
      for (const [at, byte] of changes) file[at] = byte;
      for (const bytes of [file, file.slice(0, keep)]) {
        try {
          for (const { shape, data } of readSafetensors(bytes).tensors.values())
            expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
        } catch (error) {
          if (!(error instanceof SafetensorsError)) throw error;
        }
      }
    }),
    { numRuns: 2000 },
  );
});

/** Headers that are JSON and lie: about types, shapes, places, each other and the file. */
const crafted = fc.dictionary(
  fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('__proto__', 'constructor', '__metadata__', '')),
  fc.oneof(
    fc.record(
      {
        dtype: fc.oneof(
          fc.constantFrom('F32', 'F16', 'BF16', 'I64', 'BOOL', 'F8', '', 'hasOwnProperty'),
          fc.anything(),
        ),
        shape: fc.oneof(
          fc.array(fc.oneof(fc.nat(9), fc.constantFrom(2 ** 31, 2 ** 53, -1, 0.5, 1e308)), { maxLength: 5 }),
          fc.anything(),
        ),
        data_offsets: fc.oneof(
          fc.tuple(
            fc.oneof(fc.nat(64), fc.constantFrom(-1, 2 ** 53, 1e300)),
            fc.oneof(fc.nat(64), fc.constantFrom(2 ** 53)),
          ),
          fc.anything(),
        ),
      },
      { requiredKeys: [] },
    ),
    fc.jsonValue(),
  ),
  { maxKeys: 5 },
);

test('a crafted header is read as true ranges that tile the file, or refused; nothing is allocated for its claims', () => {
  fc.assert(
    fc.property(crafted, fc.nat(64), fc.constantFrom(0, 2 ** 40, 2 ** 52), (header, dataBytes, more) => {
      const bytes = fileOf(header, dataBytes);
      const fileSize = bytes.length + more; // a file whose rest is not in memory
      let read: ReturnType<typeof parseSafetensorsHeader>;
      try {
        read = parseSafetensorsHeader(bytes, fileSize);
      } catch (error) {
        if (!(error instanceof SafetensorsError)) throw error;
        expect(error.message.length).toBeLessThan(400); // names are cut, so that a message can be shown
        return;
      }
      const ranges = [...read.tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end);
      let at = read.dataBegin;
      for (const { begin, end, shape } of ranges) {
        expect(begin).toBe(at);
        expect(shape.every((n) => Number.isSafeInteger(n) && n >= 0)).toBe(true);
        at = end;
      }
      expect(at).toBe(fileSize);
      if (more === 0) expect(readSafetensors(bytes).tensors.size).toBe(ranges.length);
    }),
    { numRuns: 1500 },
  );
});

test('headers that the generator can make are also read: the property above is not empty', () => {
  const good = fileOf({ a: f32(0, 8), b: f32(8, 12), __metadata__: { k: 'v' }, none: f32(12, 12, [0, 3]) }, 12);
  expect(parseSafetensorsHeader(good).tensors.size).toBe(3);
});

test('a header of twenty thousand tensors is read, and one of two hundred thousand brackets refused, without delay', () => {
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`t${i}`, f32(0, 0, [0])]));
  expect(parseSafetensorsHeader(fileOf(many, 0)).tensors.size).toBe(20_000);
  for (const text of [
    '['.repeat(2e5),
    '{"a":'.repeat(5e4),
    '"'.repeat(2e5),
    `${' '.repeat(2e5)}x`,
    `{${'"a":0,'.repeat(5e4)}`,
  ])
    expect(() => parseSafetensorsHeader(fileOf(0, 0, text))).toThrow(SafetensorsError);
});

test('the writer refuses a shape that does not fit and the reserved name', () => {
  expect(() => writeSafetensors({ x: { shape: [2], data: new Float32Array(3) } })).toThrow(
    /shape \[2\] but 3 elements/,
  );
  expect(() => writeSafetensors({ __metadata__: { shape: [0], data: new Float32Array(0) } })).toThrow(/reserved/);
  expect(() => writeSafetensors({ x: { shape: [1], data: new Int32Array(1), dtype: 'F16' } })).toThrow(
    /cannot be stored as F16/,
  );
});
