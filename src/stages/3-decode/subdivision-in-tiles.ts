/**
 * A subdivision block (see `meshDecoder`) over any number of voxels in bounded memory. The graph of the whole block holds
 * several tensors of all fine rows and adds to one of them 27 times; here its two convolutions run over some hundred parents
 * at a time, each as products over gathered neighbors that fit into the processor's caches. What joins the tiles, the
 * statistics of the norms, is summed up between.
 */
import { DEFAULT_EPS } from '../../nn/index.ts';
import { pointConvolution, subdivide, TAPS, tableOfSubdivided } from '../../sparse/index.ts';
import {
  add,
  affine,
  compile,
  concat,
  constant,
  type Device,
  floats,
  gather,
  type Initializer,
  input,
  integers,
  matmul,
  mul,
  ones,
  type Program,
  product,
  reshape,
  type Scope,
  scope,
  silu,
  slice,
  sub,
  type Tensor,
  transpose,
  uniformInit,
  type Value,
  zeros,
} from '../../tensor/index.ts';
import type { Weights } from '../1-structure/index.ts';

export interface TiledSubdivision {
  /**
   * @param table  the neighbors of the coarse voxels, all of one object [N, 27] (see `neighborTable`)
   * @param x  [N, in]
   * @returns [8N, out], or what `finish` makes of it
   */
  run(table: Int32Array, x: Float32Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export interface TiledSubdivisionOptions {
  in: number;
  out: number;
  /** the scope of the block's weights */
  at: (root: Scope) => Scope;
  /** works row by row on the result [n, out], in the scope of all weights */
  finish?: (root: Scope, h: Tensor) => Tensor;
  groups?: number;
  device?: Device | 'auto';
}

/** Parents in a tile. 128 to 512 take the same time; more leave the caches. */
const GROWING = 512;
const REFINING = 256;

export async function openTiledSubdivision(
  weights: Weights,
  { in: cin, out, at, finish = (_, h) => h, groups = 32, device }: TiledSubdivisionOptions,
): Promise<TiledSubdivision> {
  const refined = finishedRefining();
  const grow = await compile({ h: growing(at(scope()), cin, out) }, { device, ...weights });
  const refine = await compile({ h: refined }, { device, ...weights }).catch(async (error) => {
    await grow.dispose();
    throw error;
  });
  const width = refined.shape[1] as number;

  function finishedRefining(): Tensor {
    const root = scope();
    return finish(root, refining(at(root), cin, out));
  }

  return {
    async run(table, x) {
      const count = table.length / TAPS;
      const outer = statistics(groups, cin);
      outer.take(x);
      const grown = new Float32Array(8 * count * out);
      const inner = statistics(groups, out);
      const ofParents = tileFeeds(cin, count);
      await overTiles(
        grow,
        count,
        GROWING,
        (from, to) => ofParents(table.subarray(from * TAPS, to * TAPS), x, outer),
        (from, h) => {
          inner.take(h);
          grown.set(h, 8 * from * out);
        },
      );
      const result = new Float32Array(8 * count * width);
      const ofChildren = tileFeeds(out, 8 * count);
      await overTiles(
        refine,
        count,
        REFINING,
        (from, to) => ({
          ...ofChildren(tableOfSubdivided(table, from, to), grown, inner),
          coarse: floats(x.slice(from * cin, to * cin), [to - from, cin]),
        }),
        (from, h) => result.set(h, 8 * from * width),
      );
      return result;
    },
    async dispose() {
      await Promise.all([grow.dispose(), refine.dispose()]);
    },
  };
}

/** Runs tile after tile; while one runs, the rows of the last are taken and the feeds of the next made ready. */
async function overTiles(
  program: Program,
  count: number,
  size: number,
  feeds: (from: number, to: number) => Record<string, Value>,
  take: (from: number, h: Float32Array) => void,
): Promise<void> {
  let last = (): void => undefined;
  for (let from = 0; from < count; from += size) {
    const running = program.run(feeds(from, Math.min(count, from + size)));
    last();
    const { h } = await running;
    last = () => take(from, h.data as Float32Array);
  }
  last();
}

/** Makes the inputs of tiles whose rows meet those that a table [n, 27] names: copies of these, and where each is among them. */
function tileFeeds(width: number, absent: number) {
  const placeOf = new Int32Array(absent).fill(-1);
  return (table: Int32Array, x: Float32Array, norm: Statistics): Record<string, Value> => {
    const rows: number[] = [];
    for (const row of table)
      if (row !== absent && placeOf[row] < 0) {
        placeOf[row] = rows.length;
        rows.push(row);
      }
    const places = table.map((row) => (row === absent ? rows.length : placeOf[row]));
    const near = new Float32Array(rows.length * width);
    for (const [i, row] of rows.entries()) {
      near.set(x.subarray(row * width, (row + 1) * width), i * width);
      placeOf[row] = -1;
    }
    return {
      x: floats(near, [rows.length, width]),
      places: integers(places, [table.length / TAPS, TAPS]),
      mean: floats(norm.mean(), [1, width]),
      inverseDeviation: floats(norm.inverseDeviation(), [1, width]),
    };
  };
}

/** First half, for a tile of parents: norm, SiLU, and the convolution over their children. → [8·parents, out] */
function growing(p: Scope, cin: number, out: number): Tensor {
  const places = input('places', ['parents', TAPS], 'int32');
  const near = normalized(p.at('act_layers.0'), cin);
  const { weight, bias } = kernel(p.at('out_layers.0'), cin, out, uniformInit(1 / Math.sqrt(cin * TAPS)));
  const cube = reshape(places, ['parents', 3, 3, 3]);
  // Three neighbors of a child along an axis lie in two parents, so a child's 27 taps read 8 rows: their weights are summed.
  const tapsFirst = reshape(transpose(weight, [1, 0, 2]), [TAPS, out * cin]);
  const children = Array.from({ length: 8 }, (_, child) => {
    const [i, j, k] = [child >> 2, (child >> 1) & 1, child & 1];
    const parents = slice(slice(slice(cube, 1, i, i + 2), 2, j, j + 2), 3, k, k + 2);
    const summed = reshape(matmul(constant(tapsOfParents(i, j, k), [8, TAPS]), tapsFirst), [8, out, cin]);
    const matrix = reshape(transpose(summed, [1, 0, 2]), [out, 8 * cin]);
    const h = affine(sideBySide(near, reshape(parents, ['parents', 8])), matrix, bias);
    return reshape(h, ['parents', 1, out]);
  });
  return reshape(concat(children, 1), [product([8, 'parents']), out]);
}

/** Second half, for the children of a tile of parents: norm, SiLU, convolution, and the shortcut around both. → [8·parents, out] */
function refining(p: Scope, cin: number, out: number): Tensor {
  const places = input('places', [product([8, 'parents']), TAPS], 'int32');
  const near = normalized(p.at('out_layers.1'), out);
  const { weight, bias } = kernel(p.at('out_layers.3'), out, out, zeros);
  const h = affine(sideBySide(near, places), reshape(weight, [out, TAPS * out]), bias);
  const coarse = input('coarse', ['parents', cin]);
  return add(h, subdivide(cin === out ? coarse : pointConvolution(p.at('skip_connection'), coarse, out)));
}

/** SiLU of the group norm of the rows a tile meets, by the statistics of all rows, and a row of zeros after them. */
function normalized(p: Scope, width: number): Tensor {
  const x = input('x', ['near', width]);
  const scale = mul(input('inverseDeviation', [1, width]), p.weight('weight', [width], ones));
  const shift = sub(p.weight('bias', [width], zeros), mul(input('mean', [1, width]), scale));
  return concat([silu(add(mul(x, scale), shift)), constant(new Float32Array(width), [1, width])], 0);
}

/** The rows that each row of `places` [n, k] names, one after the other: [n, k·C]. */
function sideBySide(x: Tensor, places: Tensor): Tensor {
  const [n, k] = places.shape;
  return reshape(gather(x, places), [n, (k as number) * (x.shape[1] as number)]);
}

function kernel(p: Scope, cin: number, out: number, init: Initializer) {
  const conv = p.at('conv');
  return {
    weight: reshape(conv.weight('weight', [out, 3, 3, 3, cin], init), [out, TAPS, cin]),
    bias: conv.weight('bias', [out], init),
  };
}

/** Which of 8 neighboring parents each tap of child (i, j, k) reads: 0 or 1, [8, 27]. */
function tapsOfParents(i: number, j: number, k: number): Float32Array {
  const matrix = new Float32Array(8 * TAPS);
  for (let tap = 0; tap < TAPS; tap++) {
    const [x, y, z] = [Math.floor(tap / 9), Math.floor(tap / 3) % 3, tap % 3];
    const parent = (child: number, tap: number) => ((child + tap - 1) >> 1) + 1 - child; // 0 or 1
    matrix[(4 * parent(i, x) + 2 * parent(j, y) + parent(k, z)) * TAPS + tap] = 1;
  }
  return matrix;
}

/** Mean and reciprocal deviation of each group of channels over all rows taken, one value for each channel [C]. */
interface Statistics {
  take(rows: Float32Array): void;
  mean(): Float32Array;
  inverseDeviation(): Float32Array;
}

function statistics(groups: number, width: number): Statistics {
  const sums = new Float64Array(groups);
  const squares = new Float64Array(groups);
  const per = width / groups;
  let count = 0; // values of each group
  const eachChannel = (f: (group: number) => number) =>
    Float32Array.from({ length: width }, (_, c) => f(Math.floor(c / per)));
  return {
    take(x) {
      count += x.length / groups;
      for (let i = 0, group = 0; i < x.length; group = group === groups - 1 ? 0 : group + 1) {
        let [sum, square] = [0, 0];
        for (const end = i + per; i < end; i++) {
          const v = x[i];
          sum += v;
          square += v * v;
        }
        sums[group] += sum;
        squares[group] += square;
      }
    },
    mean: () => eachChannel((g) => sums[g] / count),
    inverseDeviation: () =>
      eachChannel((g) => 1 / Math.sqrt(squares[g] / count - (sums[g] / count) ** 2 + DEFAULT_EPS)),
  };
}
