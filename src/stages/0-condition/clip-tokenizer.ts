import { Tokenizer } from '@huggingface/tokenizers';

/** A text as CLIP reads it. */
export interface ClipTokenizer {
  /** ids [length]: start, at most length − 2 pieces of the text, end, and ends again up to `length`. */
  encode(text: string, length: number): Int32Array;
}

const START = '<|startoftext|>';
const END = '<|endoftext|>';

/** More characters than the pieces of a prompt can hold; what follows is cut before the slower steps see it. */
const MOST_CHARACTERS = 10_000;

/** Contractions, words, single digits, runs of other signs; the rest separates. */
const PIECES = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/**
 * CLIP's tokenizer from its two files: byte-level pairs merged in order, over lower-cased text with collapsed spaces.
 * @param vocab   content of `vocab.json`: piece → id
 * @param merges  content of `merges.txt`: one pair a line, the earliest first
 * @throws Error when a file is not what it should be
 * Source: Radford et al. 2021, §2.4; Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units".
 */
export function clipTokenizer(vocab: string, merges: string): ClipTokenizer {
  const ids = vocabulary(vocab);
  const pairs = merges
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#version'))
    .map((line, i) => {
      const pair = line.trim().split(' ');
      if (pair.length !== 2)
        throw new Error(
          `merges.txt: line ${i + 1} must hold two pieces and one space, got ${JSON.stringify(line.slice(0, 60))}.`,
        );
      return pair;
    });
  const special = (content: string) => ({
    id: ids[content],
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return withEnds({
    version: '1.0',
    added_tokens: [special(START), special(END)],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PIECES }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
      ],
    },
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      unk_token: END,
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      vocab: ids,
      merges: pairs,
    },
  });
}

/**
 * The same from a single `tokenizer.json`.
 * @throws Error when the file is not a tokenizer whose vocabulary has CLIP's start and end
 */
export function clipTokenizerFromJson(text: string): ClipTokenizer {
  const spec = jsonObject('tokenizer.json', text);
  if (typeof spec.model !== 'object' || spec.model === null)
    throw new Error('tokenizer.json: must have a "model". Give the tokenizer.json of a CLIP text encoder.');
  return withEnds({ normalizer: null, pre_tokenizer: null, decoder: null, ...spec, post_processor: null });
}

function withEnds(spec: object): ClipTokenizer {
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(spec, {});
  } catch (error) {
    throw new Error(`clip tokenizer: its files cannot be used (${(error as Error).message}). Fetch them again.`);
  }
  const idOf = (piece: string): number => {
    const id = tokenizer.token_to_id(piece);
    if (id === undefined)
      throw new Error(`clip tokenizer: the vocabulary lacks "${piece}". Give the files of a CLIP text encoder.`);
    return id;
  };
  const [start, end] = [idOf(START), idOf(END)];
  return {
    encode(text, length) {
      const pieces = tokenizer
        .encode(text.replace(/\s+/g, ' ').slice(0, MOST_CHARACTERS), { add_special_tokens: false })
        .ids.slice(0, length - 2);
      const ids = new Int32Array(length).fill(end);
      ids.set([start, ...pieces]);
      return ids;
    },
  };
}

function vocabulary(text: string): Record<string, number> {
  const ids = jsonObject('vocab.json', text);
  for (const [piece, id] of Object.entries(ids))
    if (!Number.isSafeInteger(id) || (id as number) < 0)
      throw new Error(
        `vocab.json: ${JSON.stringify(piece.slice(0, 60))} must have a whole number as id, got ${JSON.stringify(id)}.`,
      );
  for (const piece of [START, END])
    if (!Object.hasOwn(ids, piece))
      throw new Error(`vocab.json: lacks "${piece}". Give the vocabulary of a CLIP text encoder.`);
  return ids as Record<string, number>;
}

function jsonObject(name: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name}: is not JSON (${(error as Error).message}).`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${name}: must hold an object.`);
  return value as Record<string, unknown>;
}
