import { expect, test } from 'vitest';
import { formatCsv, parseCsv } from './csv.ts';

test('a table survives writing and reading, with commas, quotes, line breaks and empty cells', () => {
  const table = {
    columns: ['sha256', 'captions', 'note'],
    rows: [
      { sha256: 'a', captions: '["a ""red"", round cup"]', note: '' },
      { sha256: 'b', captions: '', note: 'two\nlines' },
      { sha256: '', captions: 'x', note: '' },
    ],
  };
  expect(parseCsv(formatCsv(table))).toEqual(table);
});

test('Windows line ends, a byte order mark and a missing last line end are read', () => {
  expect(parseCsv('\ufeffa,b\r\n1,"2"\r\n3,').rows).toEqual([
    { a: '1', b: '2' },
    { a: '3', b: '' },
  ]);
});

test('a quote that is never closed is an error that says where', () => {
  expect(() => parseCsv('a\n"b')).toThrow(/character 2/);
});
