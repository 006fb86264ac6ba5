/**
 * NumPy's container: a ZIP of .npy arrays, each a text header and raw little-endian elements in C order.
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0 (2.0 is read as well).
 */
import { unzipSync, zipSync } from 'fflate';

export type NpyData =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: NpyData;
}

export interface ReadNpzOptions {
  /** Refuse archives that unpack to more bytes than this; default 1 GiB. */
  readonly maxBytes?: number;
}

/** Not a well-formed .npz or .npy. */
export class NpzError extends Error {
  override readonly name = 'NpzError';
}

/** Element types by NumPy's descriptor; bool is read as bytes. */
const ARRAYS = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '<i4': Int32Array,
  '<i8': BigInt64Array,
  '<i2': Int16Array,
  '<u2': Uint16Array,
  '<u4': Uint32Array,
  '|i1': Int8Array,
  '|u1': Uint8Array,
  '|b1': Uint8Array,
} as const;

type Descriptor = keyof typeof ARRAYS;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/**
 * The arrays of an archive by name, without ".npy". Other files in it are skipped.
 * @throws NpzError on a damaged archive or array, or one larger than `maxBytes`
 */
export function readNpz(bytes: Uint8Array, { maxBytes = 2 ** 30 }: ReadNpzOptions = {}): Map<string, NpyArray> {
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter({ name, originalSize }) {
        if (!name.endsWith('.npy')) return false;
        total += originalSize;
        if (total > maxBytes)
          fail(`the archive unpacks to more than ${maxBytes} bytes. Raise maxBytes if you trust it.`);
        return true;
      },
    });
  } catch (cause) {
    if (cause instanceof NpzError) throw cause;
    return fail(`${bytes.byteLength} bytes are not a whole ZIP archive. The file is truncated or not an .npz.`, cause);
  }
  return new Map(Object.entries(files).map(([file, content]) => [file.slice(0, -4), readNpy(content, file)]));
}

/** An archive with one .npy per array, compressed. */
export function writeNpz(arrays: ReadonlyMap<string, NpyArray> | Readonly<Record<string, NpyArray>>): Uint8Array {
  const named: [string, NpyArray][] = arrays instanceof Map ? [...arrays] : Object.entries(arrays);
  const files = Object.fromEntries(named.map(([name, array]) => [`${name}.npy`, writeNpy(array, name)]));
  // A fixed date: the same arrays make the same bytes.
  return zipSync(files, { level: 6, mtime: new Date(1980, 0, 2) });
}

/** One array. @param name for messages */
export function readNpy(bytes: Uint8Array, name = 'array'): NpyArray {
  const where = `array ${JSON.stringify(name)}`;
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte))
    fail(`${where} does not begin like an .npy file. It is damaged.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if ((version !== 1 && version !== 2) || (version === 2 && bytes.length < 12))
    fail(`${where} is .npy version ${version}, expected 1 or 2. Save it with numpy.save.`);
  const begin = version === 1 ? 10 : 12;
  const dataBegin = begin + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (dataBegin > bytes.length) fail(`${where} breaks off in its header. Download or write it again.`);
  const header = new TextDecoder('latin1').decode(bytes.subarray(begin, dataBegin));

  const descriptor = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  if (descriptor === undefined || !Object.hasOwn(ARRAYS, descriptor))
    fail(
      `${where} has elements ${descriptor ?? '(not stated)'}, expected one of ${Object.keys(ARRAYS).join(', ')}. Convert it, for example with .astype('float32').`,
    );
  if (!/'fortran_order'\s*:\s*False/.test(header))
    fail(`${where} is in Fortran order. Save it with numpy.ascontiguousarray.`);
  const sizes = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (sizes === undefined) fail(`${where} states no shape. It is damaged.`);
  const shape = (sizes as string)
    .split(',')
    .filter((text) => text.trim() !== '')
    .map(Number);

  const ArrayType = ARRAYS[descriptor as Descriptor];
  const expected = shape.reduce((a, b) => a * b, 1) * ArrayType.BYTES_PER_ELEMENT;
  const got = bytes.length - dataBegin;
  if (expected !== got)
    fail(`${where} of ${descriptor} [${shape}] needs ${expected} bytes, got ${got}. It is damaged.`);
  return { shape, data: new ArrayType(bytes.slice(dataBegin).buffer) }; // a copy: aligned
}

/** One array, version 1.0. @param name for messages */
export function writeNpy({ shape, data }: NpyArray, name = 'array'): Uint8Array {
  if (shape.reduce((a, b) => a * b, 1) !== data.length)
    fail(`array ${JSON.stringify(name)} has shape [${shape}] but ${data.length} elements.`);
  const descriptor = (Object.keys(ARRAYS) as Descriptor[]).find((key) => data instanceof ARRAYS[key]);
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const headerBytes = Math.ceil((10 + text.length + 1) / 64) * 64 - 10; // data starts at a multiple of 64
  const file = new Uint8Array(10 + headerBytes + data.byteLength);
  file.set(MAGIC);
  file.set([1, 0, headerBytes & 255, headerBytes >> 8], 6);
  file.set(new TextEncoder().encode(`${text.padEnd(headerBytes - 1)}\n`), 10);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + headerBytes);
  return file;
}

function fail(message: string, cause?: unknown): never {
  throw new NpzError(`npz: ${message}`, { cause });
}
