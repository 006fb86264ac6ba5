import { expect, test } from 'vitest';
import { someField } from '../../test/some-field.ts';
import { type FieldArrays, readField, writeField } from './field-file.ts';
import { readModel } from './read-model.ts';
import { readSafetensors, type SafetensorsInput, writeSafetensors } from './safetensors.ts';
import { writeModel } from './write-model.ts';

const field = someField(6, 12, 3, 4);
const metadata = { format: 'espalier-radiance-field', version: '1', resolution: '6' };

/** The tensors of a file, to be changed. */
function partsOf(source: FieldArrays = field): Record<string, SafetensorsInput> {
  return Object.fromEntries(readSafetensors(writeField(source)).tensors);
}

test('a radiance field comes back to the last bit', () => {
  const { field: back, warnings } = readField(writeField(field));
  expect(back).toEqual(field);
  expect(warnings).toEqual([]);
});

test('it is a model like others: read by its ending, written by its format, and to no other', async () => {
  const model = await readModel(writeField(field), '.SAFETENSORS');
  expect(model).toEqual({ kind: 'radiance-field', field, warnings: [] });
  const { files } = await writeModel(model, 'safetensors', 'a');
  expect(files.map(({ name }) => name)).toEqual(['a.safetensors']);
  expect(readField(files[0].bytes).field).toEqual(field);
  await expect(writeModel(model, 'glb', 'a')).rejects.toThrow(/cannot become \.glb.*espalier render/);
});

test('halves are read as floats', () => {
  const parts = partsOf();
  for (const name of ['trivec', 'density', 'features_dc']) parts[name] = { ...parts[name], dtype: 'F16' };
  const back = readField(writeSafetensors(parts, metadata)).field;
  for (const [i, v] of back.trivec.entries()) expect(v).toBeCloseTo(field.trivec[i], 2); // 11 bits
});

test('cells with numbers that are not finite are left out with a warning', () => {
  const parts = partsOf();
  (parts['density'].data as Float32Array)[4] = Number.NaN; // cell 1 of rank 3
  const { field: back, warnings } = readField(writeSafetensors(parts, metadata));
  expect(back.positions).toEqual(Float32Array.of(...field.positions.slice(0, 3), ...field.positions.slice(6)));
  expect(back.trivec.length).toBe((11 / 12) * field.trivec.length);
  expect(warnings).toEqual([expect.stringMatching(/1 cells .* not finite/)]);
  (parts['density'].data as Float32Array).fill(Number.POSITIVE_INFINITY);
  expect(() => readField(writeSafetensors(parts, metadata))).toThrow(/all of its 12 cells/);
});

test.each<[string, (parts: Record<string, SafetensorsInput>, metadata: Record<string, string>) => void, RegExp]>([
  ['weights of a network', (_, m) => delete m['format'], /metadata entry format .*got none.*espalier info/],
  ['another format', (_, m) => (m['format'] = 'pt'), /got "pt"/],
  ['a later version', (_, m) => (m['version'] = '2'), /version "2".*reads "1"/],
  ['no resolution', (_, m) => delete m['resolution'], /resolution NaN, expected an integer in 1 … 256/],
  ['a huge resolution', (_, m) => (m['resolution'] = '4096'), /resolution 4096/],
  ['a missing tensor', (p) => delete p['density'], /lacks the tensor density/],
  ['a tensor too many', (p) => (p['more'] = p['density']), /a tensor "more"/],
  ['coordinates as floats', (p) => (p['coords'] = { shape: [12, 3], data: new Float32Array(36) }), /coords of F32/],
  ['misshapen lines', (p) => (p['trivec'] = { ...p['trivec'], shape: [12, 9, 1, 4] }), /trivec \[12,9,1,4\]/],
  ['another rank', (p) => (p['density'] = { shape: [12, 2], data: new Float32Array(24) }), /density \[12,2\]/],
  ['one line sample', (p) => (p['trivec'] = { ...p['trivec'], shape: [12, 12, 3, 1] }), /dim 1/],
  ['a cell outside', (p) => ((p['coords'].data as Int32Array)[5] = 6), /outside its grid of 6³/],
  ['a cell twice', (p) => (p['coords'].data as Int32Array).copyWithin(3, 0, 3), /twice/],
])('%s is a clear error', (_, change, message) => {
  const [parts, changed] = [partsOf(), { ...metadata }];
  change(parts, changed);
  expect(() => readField(writeSafetensors(parts, changed))).toThrow(message);
});

test('what makes no field is not written', () => {
  expect(() => writeField({ ...field, positions: field.positions.map((p) => p + 0.05) })).toThrow(
    /no center of a cell/,
  );
  expect(() => writeField({ ...field, density: field.density.slice(1) })).toThrow(/density has 35 values, expected 36/);
  expect(() => writeField({ ...field, trivec: field.trivec.map(() => Number.NaN) })).toThrow(/trivec must be finite/);
  expect(() => writeField({ ...field, positions: new Float32Array() })).toThrow(/at least one cell/);
});
