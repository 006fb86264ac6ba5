/**
 * Any PLY file: elements with named properties, as text or binary in either byte order. What the numbers mean is the
 * business of `ply-mesh.ts` and `splat-ply.ts`. The header is untrusted: before anything is allocated, the bytes that
 * remain must be able to hold what it promises.
 */
import { ModelError } from './triangle-scene.ts';

type Scalar = 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'float32' | 'float64';

const SCALARS: Record<string, Scalar> = {
  char: 'int8',
  uchar: 'uint8',
  short: 'int16',
  ushort: 'uint16',
  int: 'int32',
  uint: 'uint32',
  float: 'float32',
  double: 'float64',
};
for (const type of Object.values(SCALARS)) SCALARS[type] = type;

const BYTES = { int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, float32: 4, float64: 8 } as const;

interface PlyProperty {
  readonly name: string;
  readonly type: Scalar;
  readonly countType?: Scalar; // of a list
}

interface PlyElement {
  readonly name: string;
  readonly count: number;
  readonly properties: readonly PlyProperty[];
}

export interface PlyHeader {
  readonly format: 'ascii' | 'binary_little_endian' | 'binary_big_endian';
  readonly elements: readonly PlyElement[];
  readonly bodyStart: number;
}

/** One number per row: [count]. Integers stay exact. */
export type PlyColumn = Float32Array | Float64Array;

/** Rows of different lengths, laid end to end: row i is `values[starts[i]] … values[starts[i + 1] − 1]`. */
export interface PlyLists {
  readonly starts: Uint32Array; // [count + 1]
  readonly values: Float64Array;
}

export interface PlyTable {
  readonly count: number;
  readonly columns: ReadonlyMap<string, PlyColumn>;
  readonly lists: ReadonlyMap<string, PlyLists>;
  /** Type of each column as the header names it; colours are read by it. */
  readonly types: ReadonlyMap<string, Scalar>;
}

const MAX_HEADER_BYTES = 1 << 16;
const MAX_ROWS = 100_000_000;

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
  const type = SCALARS[words[isList ? 3 : 1]];
  const countType = isList ? SCALARS[words[2]] : undefined;
  const name = words[isList ? 4 : 2];
  if (!type || !name || (isList && !countType)) {
    throw new ModelError(`PLY: cannot read the property "${words.slice(1).join(' ')}". Export the model again.`);
  }
  return { name, type, countType };
}

/**
 * Columns and lists of some elements; what is not asked for is passed over by its declared size.
 * @param wanted  names of properties by name of element; an element that the file lacks is absent from the result
 * @throws ModelError when the body is shorter than the header promises
 */
export function readPly(
  bytes: Uint8Array,
  header: PlyHeader,
  wanted: Readonly<Record<string, readonly string[]>>,
): Map<string, PlyTable> {
  const tables = new Map<string, PlyTable>();
  const cursor = header.format === 'ascii' ? textCursor(bytes, header) : binaryCursor(bytes, header);
  const left = new Set(Object.keys(wanted));
  for (const element of header.elements) {
    if (left.size === 0) break;
    const names = left.delete(element.name) ? wanted[element.name] : [];
    const table = readElement(element, names, cursor);
    if (names.length > 0) tables.set(element.name, table);
  }
  return tables;
}

/** The named columns side by side, [count, names.length]; undefined when one is missing. */
export function columnsOf(table: PlyTable, names: readonly string[]): Float32Array<ArrayBuffer> | undefined {
  const columns = names.map((name) => table.columns.get(name));
  const out = new Float32Array(table.count * names.length);
  for (const [c, column] of columns.entries()) {
    if (!column) return undefined;
    for (let i = 0; i < table.count; i++) out[i * names.length + c] = column[i];
  }
  return out;
}

/** Reads numbers one after the other. */
interface Cursor {
  next(type: Scalar): number;
  skip(type: Scalar, count: number): void;
  /** Bytes left for the body; and how few a number of `type` can take. */
  remaining(): number;
  leastBytes(type: Scalar): number;
  where(): number;
  seek(at: number): void;
}

function readElement(element: PlyElement, names: readonly string[], cursor: Cursor): PlyTable {
  const { name, count, properties } = element;
  const table = { count, columns: new Map(), lists: new Map(), types: new Map() };
  if (properties.length === 0 || count === 0) return table;
  const least = properties.reduce((sum, { type, countType }) => sum + cursor.leastBytes(countType ?? type), 0);
  if (count > MAX_ROWS || count * least > cursor.remaining() + 1) {
    throw new ModelError(
      `PLY: the header promises ${count} rows of "${name}", at least ${least} bytes each; ${cursor.remaining()} bytes follow. The file is cut off or damaged.`,
    );
  }
  const readers = properties.map((property) => {
    const isWanted = names.includes(property.name) && !table.types.has(property.name);
    if (isWanted) table.types.set(property.name, property.type);
    if (property.countType)
      return listReader(property, property.countType, isWanted ? table.lists : undefined, count, cursor);
    return columnReader(property, isWanted ? table.columns : undefined, count, cursor);
  });
  // Lists are measured on a first walk, so that the second fills an array of the right size.
  const start = cursor.where();
  if (properties.some((property) => property.countType && names.includes(property.name))) {
    for (let row = 0; row < count; row++) for (const reader of readers) reader.measure(row);
    cursor.seek(start);
    for (const reader of readers) reader.allocate();
  }
  for (let row = 0; row < count; row++) for (const reader of readers) reader.read(row);
  return table;
}

interface PropertyReader {
  measure(row: number): void;
  allocate(): void;
  read(row: number): void;
}

function columnReader(
  { name, type }: PlyProperty,
  columns: Map<string, PlyColumn> | undefined,
  count: number,
  cursor: Cursor,
): PropertyReader {
  const measure = () => cursor.skip(type, 1);
  if (!columns) return { measure, allocate: () => undefined, read: measure };
  const isExact = type === 'float32' || BYTES[type] < 4;
  const values = isExact ? new Float32Array(count) : new Float64Array(count);
  columns.set(name, values);
  return {
    measure,
    allocate: () => undefined,
    read: (row) => {
      values[row] = cursor.next(type);
    },
  };
}

function listReader(
  { name, type }: PlyProperty,
  countType: Scalar,
  lists: Map<string, PlyLists> | undefined,
  count: number,
  cursor: Cursor,
): PropertyReader {
  const length = () => {
    const n = cursor.next(countType);
    if (!Number.isInteger(n) || n < 0 || n * cursor.leastBytes(type) > cursor.remaining() + 1) {
      throw new ModelError(
        `PLY: a list "${name}" claims ${n} values, ${cursor.remaining()} bytes follow. The file is cut off or damaged.`,
      );
    }
    return n;
  };
  const pass = () => cursor.skip(type, length());
  if (!lists) return { measure: pass, allocate: () => undefined, read: pass };
  const starts = new Uint32Array(count + 1);
  let values = new Float64Array(0);
  let total = 0;
  return {
    measure(row) {
      const n = length();
      total += n;
      starts[row + 1] = total;
      cursor.skip(type, n);
    },
    allocate() {
      values = new Float64Array(total);
      lists.set(name, { starts, values });
    },
    read(row) {
      length();
      for (let i = starts[row]; i < starts[row + 1]; i++) values[i] = cursor.next(type);
    },
  };
}

function binaryCursor(bytes: Uint8Array, { format, bodyStart }: PlyHeader): Cursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = format === 'binary_little_endian';
  let at = bodyStart;
  const take = (size: number) => {
    if (at + size > bytes.length)
      throw new ModelError(
        `PLY: the file ends at byte ${bytes.length}, inside its data. It is cut off; copy it again.`,
      );
    at += size;
    return at - size;
  };
  return {
    next(type) {
      switch (type) {
        case 'int8':
          return view.getInt8(take(1));
        case 'uint8':
          return view.getUint8(take(1));
        case 'int16':
          return view.getInt16(take(2), little);
        case 'uint16':
          return view.getUint16(take(2), little);
        case 'int32':
          return view.getInt32(take(4), little);
        case 'uint32':
          return view.getUint32(take(4), little);
        case 'float32':
          return view.getFloat32(take(4), little);
        case 'float64':
          return view.getFloat64(take(8), little);
        default:
          return type satisfies never;
      }
    },
    skip: (type, count) => void take(BYTES[type] * count),
    remaining: () => bytes.length - at,
    leastBytes: (type) => BYTES[type],
    where: () => at,
    seek: (to) => {
      at = to;
    },
  };
}

/** Numbers between white space; the longest that is read has 64 characters. */
function textCursor(bytes: Uint8Array, { bodyStart }: PlyHeader): Cursor {
  let at = bodyStart;
  const word = (): string => {
    while (at < bytes.length && bytes[at] <= 32) at++;
    const start = at;
    while (at < bytes.length && bytes[at] > 32) at++;
    if (at === start)
      throw new ModelError(
        'PLY: the text ends before all numbers that the header promises. It is cut off; copy it again.',
      );
    if (at - start > 64) throw new ModelError(`PLY: expected a number at byte ${start}, got ${at - start} characters.`);
    let text = '';
    for (let i = start; i < at; i++) text += String.fromCharCode(bytes[i]);
    return text;
  };
  return {
    next() {
      const text = word();
      const value = Number(text);
      if (!Number.isNaN(value)) return value;
      if (/^[-+]?nan/i.test(text)) return Number.NaN;
      if (/^[-+]?inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
      throw new ModelError(`PLY: expected a number before byte ${at}, got "${text}". Export the model again.`);
    },
    skip(_, count) {
      for (let i = 0; i < count; i++) word();
    },
    remaining: () => bytes.length - at,
    leastBytes: () => 2, // a digit and what parts it from the next
    where: () => at,
    seek: (to) => {
      at = to;
    },
  };
}
