/**
 * The safetensors container: 8 bytes of header length, a JSON header, raw little-endian tensors.
 *   { "name": { "dtype": "F16", "shape": [..], "data_offsets": [begin, end] }, …, "__metadata__": { .. } }
 * Offsets count from the end of the header. A file is untrusted: everything the header says is checked against the
 * file before a tensor is touched, so a later view or range read cannot leave it.
 * Source: https://huggingface.co/docs/safetensors, "Format".
 */
import { bfloatsToFloats, floatsToBfloats, floatsToHalves, halvesToFloats } from './half-float.ts';

/** Bytes per element of each dtype. */
// biome-ignore format: rows of equal size
const BYTES = {
  F64: 8, I64: 8, U64: 8,
  F32: 4, I32: 4, U32: 4,
  F16: 2, BF16: 2, I16: 2, U16: 2,
  I8: 1, U8: 1, BOOL: 1,
} as const;

export type SafetensorsDtype = keyof typeof BYTES;

// biome-ignore format: one list
/** Elements as stored; F16 and BF16 stay bit patterns in a Uint16Array, see `toFloat32`. */
export type SafetensorsData =
  | Float64Array | BigInt64Array | BigUint64Array | Float32Array | Int32Array | Uint32Array
  | Uint16Array | Int16Array | Int8Array | Uint8Array;

/** One tensor in memory. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: SafetensorsData;
}

/** Where one tensor lies: bytes [begin, end) counted from the start of the file. */
export interface SafetensorsRange {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: Map<string, SafetensorsRange>;
  readonly metadata: Record<string, string>;
  /** First byte of tensor data, counted from the start of the file. */
  readonly dataBegin: number;
}

/** What `writeSafetensors` takes: dtype defaults to the array's own; F16 and BF16 may be given as floats. */
export interface SafetensorsInput {
  readonly shape: readonly number[];
  readonly data: SafetensorsData;
  readonly dtype?: SafetensorsDtype;
}

/** The format's own limit on the header, 100 MB. */
const MAX_HEADER_BYTES = 100_000_000;

/** Not a well-formed safetensors file. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

/** Bytes a reader must have before `parseSafetensorsHeader`: 8 + header length. `bytes` needs the first 8. */
export function safetensorsHeaderBytes(bytes: Uint8Array, fileSize = bytes.byteLength): number {
  if (bytes.byteLength < 8 || fileSize < 8)
    fail(
      `expected at least 8 bytes, got ${Math.min(bytes.byteLength, fileSize)}. The file is empty or truncated; download it again.`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > MAX_HEADER_BYTES)
    fail(
      `the header claims ${length} bytes, the limit is ${MAX_HEADER_BYTES}. This is probably not a safetensors file.`,
    );
  if (length < 2 || 8 + length > fileSize)
    fail(`the header claims ${length} bytes, the file has ${fileSize}. It is truncated or not a safetensors file.`);
  return 8 + length;
}

/**
 * The table of contents, checked, with offsets absolute in the file so that tensors can be read by range.
 * @param bytes     the start of the file, at least `safetensorsHeaderBytes`
 * @param fileSize  bytes in the whole file
 * @throws SafetensorsError on anything that does not fit: duplicates, overlaps, gaps, ranges outside the file
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSize = bytes.byteLength): SafetensorsHeader {
  const dataBegin = safetensorsHeaderBytes(bytes, fileSize);
  if (bytes.byteLength < dataBegin)
    fail(`the header is ${dataBegin} bytes, only ${bytes.byteLength} were given. Read at least that many.`);
  const dataBytes = fileSize - dataBegin;

  const json = parseJson(bytes.subarray(8, dataBegin));
  const metadata: Record<string, string> = Object.create(null);
  const tensors = new Map<string, SafetensorsRange>();
  for (const [name, value] of json) {
    if (name === '__metadata__') {
      if (!(value instanceof Map)) fail('__metadata__ must be an object of strings.');
      for (const [key, text] of value) {
        if (typeof text !== 'string') fail(`__metadata__ entry ${quote(key)} must be a string.`);
        metadata[key] = text;
      }
    } else tensors.set(name, checkedRange(name, value, dataBegin, dataBytes));
  }
  checkLayout(tensors, dataBegin, fileSize);
  return { tensors, metadata: { ...metadata }, dataBegin };
}

/**
 * Everything in a file. Arrays are views of `bytes` where alignment allows, copies elsewhere.
 * @throws SafetensorsError as `parseSafetensorsHeader`
 */
export function readSafetensors(bytes: Uint8Array): {
  tensors: Map<string, SafetensorsEntry>;
  metadata: Record<string, string>;
} {
  const header = parseSafetensorsHeader(bytes);
  const tensors = new Map<string, SafetensorsEntry>();
  for (const [name, range] of header.tensors)
    tensors.set(name, safetensorsEntry(range, bytes.subarray(range.begin, range.end)));
  return { tensors, metadata: header.metadata };
}

/** A tensor from its own bytes, as read from [begin, end) of the file. */
export function safetensorsEntry(range: SafetensorsRange, bytes: Uint8Array): SafetensorsEntry {
  const { dtype, shape } = range;
  if (bytes.byteLength !== range.end - range.begin)
    fail(
      `a range of ${range.end - range.begin} bytes came back with ${bytes.byteLength}. The file changed or was cut short.`,
    );
  const size = BYTES[dtype];
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const data = new ARRAYS[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / size);
  return { dtype, shape, data };
}

/** The entry's values as floats: F32 as it is (no copy), the rest converted; I64 beyond 2²⁴ loses digits. */
export function toFloat32(entry: SafetensorsEntry): Float32Array {
  const { dtype, data } = entry;
  if (data instanceof Float32Array) return data;
  if (dtype === 'F16') return halvesToFloats(data as Uint16Array);
  if (dtype === 'BF16') return bfloatsToFloats(data as Uint16Array);
  const floats = new Float32Array(data.length);
  for (let i = 0; i < floats.length; i++) floats[i] = Number(data[i]);
  return floats;
}

/**
 * A file holding `tensors`. The header lists them by dtype size descending, then by name, and is padded with spaces so
 * that the data starts at a multiple of 8: every tensor is then aligned to its own element.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsInput> | Readonly<Record<string, SafetensorsInput>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const named: [string, SafetensorsInput][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  const entries = named.map(([name, input]) => {
    if (name === '__metadata__') fail('a tensor cannot be named "__metadata__", the name is reserved. Rename it.');
    const dtype = input.dtype ?? ownDtype(input.data);
    const raw = stored(name, dtype, input.data);
    const elements = elementCount(input.shape);
    if (elements === undefined || elements !== raw.length)
      fail(`tensor ${quote(name)} has shape [${input.shape}] but ${raw.length} elements.`);
    return { name, dtype, shape: input.shape, bytes: new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength) };
  });
  entries.sort((a, b) => BYTES[b.dtype] - BYTES[a.dtype] || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

  const parts: string[] = [];
  if (metadata) parts.push(`"__metadata__":${JSON.stringify(metadata)}`); // by hand: an object would reorder "0", "1"
  let end = 0;
  for (const { name, dtype, shape, bytes } of entries) {
    const begin = end;
    end += bytes.byteLength;
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`);
  const headerBytes = Math.ceil(json.byteLength / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES)
    fail(`the header would take ${headerBytes} bytes, the limit is ${MAX_HEADER_BYTES}.`);

  const file = new Uint8Array(8 + headerBytes + end);
  new DataView(file.buffer).setUint32(0, headerBytes, true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(json, 8);
  let at = 8 + headerBytes;
  for (const { bytes } of entries) {
    file.set(bytes, at);
    at += bytes.byteLength;
  }
  return file;
}

// biome-ignore format: rows of equal size
const ARRAYS = {
  F64: Float64Array, I64: BigInt64Array, U64: BigUint64Array,
  F32: Float32Array, I32: Int32Array, U32: Uint32Array,
  F16: Uint16Array, BF16: Uint16Array, I16: Int16Array, U16: Uint16Array,
  I8: Int8Array, U8: Uint8Array, BOOL: Uint8Array,
} as const satisfies Record<SafetensorsDtype, unknown>;

function ownDtype(data: SafetensorsData): SafetensorsDtype {
  for (const dtype of ['F32', 'I32', 'U8', 'F64', 'I64', 'U64', 'U32', 'I16', 'U16', 'I8'] as const)
    if (data instanceof ARRAYS[dtype]) return dtype;
  return fail('tensor data must be a typed array.');
}

function stored(name: string, dtype: SafetensorsDtype, data: SafetensorsData): SafetensorsData {
  if (data instanceof ARRAYS[dtype]) return data;
  if (data instanceof Float32Array || data instanceof Float64Array) {
    if (dtype === 'F16') return floatsToHalves(data);
    if (dtype === 'BF16') return floatsToBfloats(data);
    if (dtype === 'F32') return Float32Array.from(data);
  }
  return fail(
    `tensor ${quote(name)} is a ${data.constructor.name} and cannot be stored as ${dtype}. Convert it first.`,
  );
}

function checkedRange(name: string, value: Json, dataBegin: number, dataBytes: number): SafetensorsRange {
  const where = `tensor ${quote(name)}`;
  if (!(value instanceof Map)) fail(`${where} must be an object with dtype, shape and data_offsets.`);
  const dtype = value.get('dtype');
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype))
    fail(
      `${where} has dtype ${quote(String(dtype))}, expected one of ${Object.keys(BYTES).join(', ')}. Convert the file to F32 or F16.`,
    );
  const shape = value.get('shape');
  if (!Array.isArray(shape) || !shape.every(isCount)) fail(`${where} has a shape that is not a list of integers ≥ 0.`);
  const offsets = value.get('data_offsets');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    fail(`${where} has data_offsets that are not two integers ≥ 0.`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes)
    fail(
      `${where} lies at [${begin}, ${end}) of ${dataBytes} bytes of data. The file is truncated or damaged; download it again.`,
    );
  const elements = elementCount(shape as number[]);
  const expected = elements === undefined ? undefined : elements * BYTES[dtype as SafetensorsDtype];
  if (expected !== end - begin)
    fail(
      `${where} of ${dtype} [${shape}] needs ${expected ?? 'more than 2⁵³'} bytes, got ${end - begin}. The file is damaged.`,
    );
  return { dtype: dtype as SafetensorsDtype, shape: shape as number[], begin: dataBegin + begin, end: dataBegin + end };
}

/** Tensors tile the data: no byte belongs to two or to none. */
function checkLayout(tensors: Map<string, SafetensorsRange>, dataBegin: number, fileSize: number): void {
  const sorted = [...tensors].sort((a, b) => a[1].begin - b[1].begin || a[1].end - b[1].end);
  let at = dataBegin;
  let previous = 'the header';
  for (const [name, { begin, end }] of sorted) {
    if (begin < at) fail(`tensor ${quote(name)} overlaps ${previous} by ${at - begin} bytes. The file is damaged.`);
    if (begin > at) fail(`${begin - at} bytes before tensor ${quote(name)} belong to no tensor. The file is damaged.`);
    at = end;
    previous = quote(name);
  }
  if (at !== fileSize) fail(`${fileSize - at} bytes after the last tensor belong to none. The file is damaged.`);
}

/** Product of a shape, or undefined beyond 2⁵³. */
function elementCount(shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (count > Number.MAX_SAFE_INTEGER / 8) return undefined;
  }
  return count;
}

function isCount(value: Json): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

type Json = string | number | boolean | null | Json[] | Map<string, Json>;

/**
 * JSON with objects as maps, so that a key given twice is an error instead of the last one winning, and no key
 * ("__proto__") is special. Nesting is limited to what a header needs.
 */
function parseJson(bytes: Uint8Array): Map<string, Json> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('the header is not UTF-8 text. This is probably not a safetensors file.');
  }
  const token =
    /[ \t\n\r]*(?:([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;
  let scalar: string | undefined; // the token, if it is a string, number or literal
  /** The next token, if it is punctuation. */
  const next = (): string => {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) fail(`the header is not valid JSON near character ${at}. This is probably not a safetensors file.`);
    scalar = match[2] ?? match[3];
    return match[1] ?? '';
  };
  const unexpected = (): never => fail(`the header is not valid JSON near character ${token.lastIndex}.`);
  const scalarValue = (): Json => {
    try {
      return JSON.parse(scalar as string) as Json;
    } catch {
      return unexpected();
    }
  };
  /** The value that begins with the token just read. */
  const value = (mark: string, depth: number): Json => {
    if (scalar !== undefined) return scalarValue();
    if (depth > 8) fail('the header is nested deeper than any safetensors header.');
    if (mark === '[') {
      const list: Json[] = [];
      for (let at = next(); at !== ']'; ) {
        list.push(value(at, depth + 1));
        at = afterItem(']');
      }
      return list;
    }
    if (mark !== '{') unexpected();
    const map = new Map<string, Json>();
    for (let at = next(); at !== '}'; ) {
      const key = scalar === undefined ? unexpected() : scalarValue();
      if (typeof key !== 'string') unexpected();
      if (map.has(key as string))
        fail(`the header names ${quote(key as string)} twice. The file is damaged or crafted.`);
      if (next() !== ':') unexpected();
      map.set(key as string, value(next(), depth + 1));
      at = afterItem('}');
    }
    return map;
  };
  /** `close`, or the first token after a comma. */
  const afterItem = (close: string): string => {
    const at = next();
    if (at === close) return at;
    if (at !== ',') unexpected();
    const following = next();
    return following === close ? unexpected() : following;
  };
  const open = next();
  if (open !== '{') fail('the header must be a JSON object. This is probably not a safetensors file.');
  const root = value(open, 0) as Map<string, Json>;
  if (text.slice(token.lastIndex).trim() !== '') unexpected();
  return root;
}

function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}…` : name);
}

function fail(message: string): never {
  throw new SafetensorsError(`safetensors: ${message}`);
}
