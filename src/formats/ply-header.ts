/** The header of any PLY file: which elements follow, how many of each, and the type of every property. */
import { ModelError } from './triangle-scene.ts';

export type PlyScalar = 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'float32' | 'float64';

/** Both families of names; a Map, since `property constructor x` must not find what every object has. */
const SCALARS = new Map<string, PlyScalar>([
  ['char', 'int8'],
  ['uchar', 'uint8'],
  ['short', 'int16'],
  ['ushort', 'uint16'],
  ['int', 'int32'],
  ['uint', 'uint32'],
  ['float', 'float32'],
  ['double', 'float64'],
]);
for (const type of [...SCALARS.values()]) SCALARS.set(type, type);

/** Size of a number in a binary file. */
export const PLY_BYTES = {
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  float64: 8,
} as const;

export interface PlyProperty {
  readonly name: string;
  readonly type: PlyScalar;
  readonly countType?: PlyScalar; // of a list
}

export interface PlyElement {
  readonly name: string;
  readonly count: number;
  readonly properties: readonly PlyProperty[];
}

export interface PlyHeader {
  readonly format: 'ascii' | 'binary_little_endian' | 'binary_big_endian';
  readonly elements: readonly PlyElement[];
  readonly bodyStart: number;
}

const MAX_HEADER_BYTES = 1 << 16;

/** @throws ModelError when the bytes do not begin with a whole, sensible header */
export function parsePlyHeader(bytes: Uint8Array): PlyHeader {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, MAX_HEADER_BYTES));
  const end = /(^|[\r\n])end_header[ \t]*(\r\n|\n|\r)/.exec(text);
  if (!/^ply\s/.test(text) || !end) {
    throw new ModelError(
      'PLY: expected a header from "ply" to "end_header" in the first 64 KiB, got none. It is no PLY file, or it was cut off.',
    );
  }
  let format: string | undefined;
  const elements: { name: string; count: number; properties: PlyProperty[] }[] = [];
  for (const line of text.slice(0, end.index).split(/[\r\n]+/)) {
    const words = line.trim().split(/\s+/);
    if (words[0] === 'format') format = words[1];
    else if (words[0] === 'element') elements.push(elementOf(words));
    else if (words[0] === 'property') {
      const element = elements[elements.length - 1];
      if (!element) throw new ModelError(`PLY: "${line.trim()}" stands before any element. Export the model again.`);
      element.properties.push(propertyOf(words));
    }
  }
  if (format !== 'ascii' && format !== 'binary_little_endian' && format !== 'binary_big_endian') {
    throw new ModelError(
      `PLY: expected format ascii, binary_little_endian or binary_big_endian, got ${format ?? 'none'}. Export the model again.`,
    );
  }
  return { format, elements, bodyStart: end.index + end[0].length };
}

function elementOf(words: string[]): { name: string; count: number; properties: PlyProperty[] } {
  const count = Number(words[2]);
  if (!words[1] || !Number.isSafeInteger(count) || count < 0) {
    throw new ModelError(`PLY: expected "element <name> <count>", got "${words.join(' ')}". Export the model again.`);
  }
  return { name: words[1], count, properties: [] };
}

function propertyOf(words: string[]): PlyProperty {
  const isList = words[1] === 'list';
  const type = SCALARS.get(words[isList ? 3 : 1]);
  const countType = isList ? SCALARS.get(words[2]) : undefined;
  const name = words[isList ? 4 : 2];
  if (!type || !name || (isList && !countType)) {
    throw new ModelError(`PLY: cannot read the property "${words.slice(1).join(' ')}". Export the model again.`);
  }
  return { name, type, countType };
}
