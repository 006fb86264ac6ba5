import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clipTokenizer, clipTokenizerFromJson } from './clip-tokenizer.ts';

interface Cases {
  eos: number;
  max_length: number;
  cases: { text: string; ids: number[] }[];
}

const here = (name: string) => readFileSync(new URL(`../../../test/golden/${name}`, import.meta.url), 'utf8');
const { cases, max_length: length, eos } = JSON.parse(here('clip_tokenizer.json')) as Cases;

// The official vocabulary, cut to the pieces that the texts of the golden file can be made of; ids are the official ones.
const [vocab, merges] = [here('clip_pieces/vocab.json'), here('clip_pieces/merges.txt')];
const tokenizer = clipTokenizer(vocab, merges);

const padded = (ids: number[]) => Int32Array.from({ length }, (_, i) => ids[i] ?? eos);

test.each(cases)('ids are the official ones: $text', ({ text, ids }) => {
  expect(tokenizer.encode(text, length)).toEqual(padded(ids));
});

test('tokenizer.json says the same as vocab.json and merges.txt', () => {
  const spec = {
    added_tokens: [{ id: 49406, content: '<|startoftext|>', special: true, normalized: false }],
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          behavior: 'Removed',
          invert: true,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
      ],
    },
    post_processor: { type: 'RobertaProcessing', sep: ['<|endoftext|>', 49407], cls: ['<|startoftext|>', 49406] },
    model: {
      type: 'BPE',
      unk_token: '<|endoftext|>',
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      vocab: JSON.parse(vocab),
      merges: merges.trim().split('\n').slice(1),
    },
  };
  const same = clipTokenizerFromJson(JSON.stringify(spec));
  for (const { text, ids } of cases) expect(same.encode(text, length)).toEqual(padded(ids));
});

test('any text becomes start, pieces, end and padding; case and spaces do not matter', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      const ids = tokenizer.encode(text, length);
      expect(ids.length).toBe(length);
      expect(ids[0]).toBe(49406);
      expect(ids[length - 1]).toBe(eos);
      expect(tokenizer.encode(`\t ${text.replaceAll(' ', ' \n ')}  `, length)).toEqual(ids);
    }),
  );
  expect(tokenizer.encode('A CHAIR', length)).toEqual(tokenizer.encode('a chair', length));
});

test('a text of megabytes is cut, not read', () => {
  expect(tokenizer.encode('castle '.repeat(1e6), length)).toEqual(tokenizer.encode('castle '.repeat(80), length));
  expect(tokenizer.encode('x'.repeat(1e6), length)[75]).toBe(32035);
});

test.each<[string, () => unknown, RegExp]>([
  ['a vocabulary that is no JSON', () => clipTokenizer('{', merges), /vocab\.json: is not JSON/],
  ['a vocabulary of texts', () => clipTokenizer('{"a": "b"}', merges), /"a" must have a whole number as id, got "b"/],
  ['a vocabulary without the end', () => clipTokenizer('{"<|startoftext|>": 1}', merges), /lacks "<\|endoftext\|>"/],
  ['a merge of three', () => clipTokenizer(vocab, 'a b c\n'), /line 1 must hold two pieces/],
  ['a tokenizer.json without a model', () => clipTokenizerFromJson('{}'), /must have a "model"/],
  [
    'a tokenizer.json of something else',
    () => clipTokenizerFromJson('{"model": {"type": "Nonsense"}}'),
    /Fetch them again/,
  ],
  ['a list', () => clipTokenizerFromJson('[]'), /must hold an object/],
])('%s is an error that says so', (_, read, message) => {
  expect(read).toThrow(message);
});
