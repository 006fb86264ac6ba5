/**
 * Any PLY file: elements with named properties, as text or binary in either byte order. What the numbers mean is the
 * business of `ply-mesh.ts` and `splat-ply.ts`. The header is untrusted: before anything is allocated, the bytes that
 * remain must be able to hold what it promises.
 */
import { type PlyCursor, plyCursor } from './ply-cursor.ts';
import { PLY_BYTES, type PlyElement, type PlyHeader, type PlyProperty, type PlyScalar } from './ply-header.ts';
import { ModelError } from './triangle-scene.ts';

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
  readonly types: ReadonlyMap<string, PlyScalar>;
}

const MAX_ROWS = 100_000_000;

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
  const cursor = plyCursor(bytes, header);
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

function readElement(element: PlyElement, names: readonly string[], cursor: PlyCursor): PlyTable {
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
  cursor: PlyCursor,
): PropertyReader {
  const measure = () => cursor.skip(type, 1);
  if (!columns) return { measure, allocate: () => undefined, read: measure };
  const isExact = type === 'float32' || PLY_BYTES[type] < 4;
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
  countType: PlyScalar,
  lists: Map<string, PlyLists> | undefined,
  count: number,
  cursor: PlyCursor,
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
