import {
  type Dim,
  type DType,
  input,
  product,
  type Shape,
  type Taps,
  type Tensor,
  type Value,
} from '../tensor/index.ts';
import { type NeighborPairs, neighborPairs, neighborTable, TAPS } from './neighbors.ts';
import { coarsened, subdivided } from './resample.ts';
import { type Voxels, withoutObject } from './voxels.ts';
import { bucketLengths, type WindowPartition, windowPartition } from './windows.ts';

/**
 * Active voxels as a graph sees them: a named number of rows, and whatever index plans the layers over them ask for. A plan
 * is declared as an input when a layer first asks for it; `plan` then computes all of them for given voxels. So a network
 * is compiled once and runs on any voxels of the same number of objects.
 */
export interface SparseGrid {
  /** N */
  readonly rows: Dim;
  readonly objects: number;
  /** int32 rows of consecutive pieces: wide layers, and windows, are computed piece by piece to save memory; one unless asked for more */
  readonly pieces: readonly (() => Tensor)[];
  /** [N] int32, all rows: 0, 1, … */
  inOrder(): Tensor;
  /** [N, 3] int32 */
  coords(): Tensor;
  /** [N] int32, the object of each row */
  object(): Tensor;
  /** int32 rows of one object */
  rowsOf(object: number): Tensor;
  /** Taps of the 3³ kernel from these voxels to these voxels. */
  taps(kind: Taps['kind']): Taps;
  /** On the grid that `finer` gives: taps of the 3³ kernel over the copies of the parents' rows, reading those rows. */
  tapsFromParents(): Taps;
  windows(size: number, shift: number): SymbolicWindows;
  /** Half the resolution: its grid, the parent row of each row [N], and 1/(children + 1) of each parent [M, 1]. */
  coarser(): { grid: SparseGrid; parent: Tensor; share: Tensor };
  /** Every voxel in eight. */
  finer(): SparseGrid;
  /** Values of all declared inputs. @throws Error when the voxels are of another number of objects */
  plan(voxels: Voxels): Record<string, Value>;
}

export interface SymbolicWindows {
  /** [N] int32, where each row stands when the buckets' rows are laid end to end */
  readonly places: Tensor;
  readonly buckets: readonly SymbolicBucket[];
}

export interface SymbolicBucket {
  readonly length: number;
  /** [G·L] int32 */
  readonly rows: Tensor;
  /** [G] int32 */
  readonly counts: Tensor;
}

export interface SparseGridOptions {
  /** the name of the number of rows, and the beginning of the inputs' names */
  name?: string;
  /** in how many pieces wide layers are computed */
  pieces?: number;
}

export function sparseGrid(objects = 1, { name = 'voxels', pieces = 1 }: SparseGridOptions = {}): SparseGrid {
  return gridOf(objects, name, name, pieces);
}

function gridOf(objects: number, name: string, rows: Dim, pieces: number): SparseGrid {
  const inputs = new Map<string, { tensor: Tensor; compute: (derived: Derived) => Int32Array | Float32Array }>();
  const related: { grid: SparseGrid; voxels: (derived: Derived) => Voxels }[] = [];
  const once = remembered();
  const pieceNumbers = Array.from({ length: pieces }, (_, i) => i);
  const pieceOf = (piece: number, count: number) => [piece, piece + 1].map((i) => Math.floor((i * count) / pieces));

  function declared(
    key: string,
    shape: Shape,
    compute: (derived: Derived) => Int32Array | Float32Array,
    dtype: DType = 'int32',
  ): Tensor {
    const full = `${name}.${key}`;
    const known = inputs.get(full);
    if (known) return known.tensor;
    const tensor = input(full, shape, dtype);
    inputs.set(full, { tensor, compute });
    return tensor;
  }

  function pairs(source: string, rowOf: (row: number) => number): Taps {
    const count = `${name}.pairs`;
    return {
      kind: 'pairs',
      src: declared(`pairs.${source}`, [count], (of) => of.pairs().src.map(rowOf)),
      dst: declared('pairs.dst', [count], (of) => of.pairs().dst),
      sizes: declared('pairs.sizes', [TAPS], (of) => of.pairs().sizes),
    };
  }

  return {
    rows,
    objects,
    pieces: pieceNumbers.map(
      (piece) => () =>
        declared(`piece.${piece}`, [`${name}.piece.${piece}`], ({ voxels: { count } }) => {
          const [from, to] = pieceOf(piece, count);
          return Int32Array.from({ length: to - from }, (_, i) => from + i);
        }),
    ),
    inOrder: () =>
      declared('order', [rows], ({ voxels: { count } }) => Int32Array.from({ length: count }, (_, i) => i)),
    coords: () => declared('coords', [rows, 3], ({ voxels }) => withoutObject(voxels)),
    object: () => declared('object', [rows], ({ voxels }) => voxels.coords.filter((_, i) => i % 4 === 0)),
    rowsOf: (object) =>
      declared(`object.${object}`, [`${name}.object.${object}`], ({ voxels: { starts } }) =>
        Int32Array.from({ length: starts[object + 1] - starts[object] }, (_, i) => starts[object] + i),
      ),
    taps: (kind) =>
      kind === 'pairs'
        ? pairs('src', (row) => row)
        : { kind, table: declared('neighbors', [rows, TAPS], (of) => of.table()) },
    tapsFromParents: () => pairs('parent', (row) => row >> 3),
    windows(size, shift) {
      const key = `windows.${size}.${shift}`;
      return {
        places: declared(`${key}.places`, [rows], (of) => of.windows(size, shift).places),
        buckets: bucketLengths(size).flatMap((length, b) =>
          pieceNumbers.map((piece) => {
            const part = `${key}.${length}.${piece}`;
            const windows = (of: Derived) => {
              const { rows, counts } = of.windows(size, shift).buckets[b];
              const [from, to] = pieceOf(piece, counts.length);
              return { rows: rows.subarray(from * length, to * length), counts: counts.subarray(from, to) };
            };
            return {
              length,
              rows: declared(`${part}.rows`, [product([`${name}.${part}`, length])], (of) => windows(of).rows),
              counts: declared(`${part}.counts`, [`${name}.${part}`], (of) => windows(of).counts),
            };
          }),
        ),
      };
    },
    coarser: () =>
      once('coarser', () => {
        const below = `${name}.coarse`;
        const grid = gridOf(objects, below, below, pieces);
        related.push({ grid, voxels: (of) => of.coarsened().coarse });
        return {
          grid,
          parent: declared('parent', [rows], (of) => of.coarsened().parent),
          share: declared('share', [below, 1], (of) => of.coarsened().share, 'float32'),
        };
      }),
    finer: () =>
      once('finer', () => {
        const grid = gridOf(objects, `${name}.fine`, product([8, rows]), pieces);
        related.push({ grid, voxels: (of) => subdivided(of.voxels) });
        return grid;
      }),
    plan(voxels) {
      if (voxels.objects !== objects)
        throw new Error(
          `sparse grid "${name}": compiled for ${objects} object(s), got voxels of ${voxels.objects}. Compile for as many.`,
        );
      const of = derivedFrom(voxels);
      const known = { [String(rows)]: voxels.count };
      const values = [...inputs].map(([key, { tensor, compute }]): [string, Value] => {
        const data = compute(of);
        return [key, { dtype: tensor.dtype as 'int32', dims: dimsOf(tensor.shape, data.length, known), data }];
      });
      return Object.assign(Object.fromEntries(values), ...related.map((r) => r.grid.plan(r.voxels(of))));
    },
  };
}

/** What plans are computed from: the voxels, and what several plans share, computed once. */
interface Derived {
  readonly voxels: Voxels;
  table(): Int32Array;
  pairs(): NeighborPairs;
  windows(size: number, shift: number): WindowPartition;
  coarsened(): ReturnType<typeof coarsened>;
}

function derivedFrom(voxels: Voxels): Derived {
  const once = remembered();
  const table = () => once('table', () => neighborTable(voxels));
  return {
    voxels,
    table,
    pairs: () => once('pairs', () => neighborPairs(table())),
    windows: (size, shift) => once(`windows.${size}.${shift}`, () => windowPartition(voxels, size, shift)),
    coarsened: () => once('coarsened', () => coarsened(voxels)),
  };
}

function remembered(): <T>(key: string, make: () => T) => T {
  const results = new Map<string, unknown>();
  return <T>(key: string, make: () => T): T => {
    if (!results.has(key)) results.set(key, make());
    return results.get(key) as T;
  };
}

/** Sizes of a declared input: known ones, and one that is what the others leave. */
function dimsOf(shape: Shape, length: number, known: Record<string, number>): number[] {
  const sizes = shape.map((d) => (typeof d === 'number' ? d : known[d]));
  const rest = sizes.reduce<number>((total, d) => total / (d ?? 1), length);
  return sizes.map((d) => d ?? rest);
}
