import { expect, test } from 'vitest';
import { textLines } from './text-lines.ts';

const lines = (text: string) => [...textLines(new TextEncoder().encode(text))];

test('the three kinds of line ends part lines, and the last line needs none', () => {
  expect(lines('a\nb\r\nc\rd')).toEqual(['a', 'b', 'c', 'd']);
  expect(lines('a\n\nb\n')).toEqual(['a', '', 'b']);
  expect(lines('')).toEqual([]);
});

test('lines that lie across the pieces that are decoded stay whole', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const wanted = Array.from({ length: 60_000 }, (_, i) => `line ${i} ü ${'x'.repeat(i % 50)}`); // about 2 MiB
    expect(lines(wanted.join(end))).toEqual(wanted);
  }
});

test('a file without lines is refused, not read into one string', () => {
  expect(() => [...textLines(new Uint8Array(20_000_000).fill(65))]).toThrow(/longer than/);
});
