import { add, concat, constant, gather, matmul, reshape, type Tensor, transpose } from '../tensor/index.ts';

/**
 * Winograd's minimal filtering F(2, 3) along each axis: from tiles of 4³ voxels, 2³ of a 3³ convolution by 64 products instead
 * of 8 · 27 = 216. Each step is a matrix: 64 × 64 to the tiles, 64 × 27 to the weights, 8 × 64 back.
 * Source: Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks", §4.1.
 */
const toTile = cube([
  [1, 0, -1, 0],
  [0, 1, 1, 0],
  [0, -1, 1, 0],
  [0, 1, 0, -1],
]);
const toWeight = cube([
  [1, 0, 0],
  [0.5, 0.5, 0.5],
  [0.5, -0.5, 0.5],
  [0, 0, 1],
]);
const fromTile = cube([
  [1, 1, 1, 0],
  [0, 1, -1, -1],
]);

/** Channels from which on the products saved outweigh the ways to the tiles and back: half the time at 512, more at 128. */
const FEWEST_CHANNELS = 256;

/** Whether `winogradConvolution` is the faster way to a 3³ convolution at stride 1: one object, even sides, many channels. */
export function suitsWinograd({ shape: [batch, channels, ...sides] }: Tensor): boolean {
  const isEven = sides.every((side) => typeof side === 'number' && side % 2 === 0);
  return batch === 1 && Number(channels) >= FEWEST_CHANNELS && isEven;
}

/** x [1, in, X, Y, Z], weight [out, in, 3, 3, 3], bias [out] → [1, out, X, Y, Z], padded by zeros to keep its size. */
export function winogradConvolution(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const [, cin, ...sides] = x.shape as readonly number[];
  const out = weight.shape[0] as number;
  const voxels = sides[0] * sides[1] * sides[2];
  const tiles = voxels / 8;
  const rows = reshape(transpose(x, [0, 2, 3, 4, 1]), [voxels, cin]);
  const padded = concat([rows, constant(new Float32Array(cin), [1, cin])], 0);
  const cut = reshape(gather(padded, constant(voxelsOfTiles(sides), [64 * tiles])), [64, tiles * cin]);
  const tile = reshape(matmul(toTile, cut), [64, tiles, cin]);
  const taps = matmul(reshape(weight, [out * cin, 27]), toWeight, { transB: true }); // [out·in, 64]
  const products = matmul(tile, reshape(transpose(taps, [1, 0]), [64, out, cin]), { transB: true }); // [64, T, out]
  const halves = reshape(matmul(fromTile, reshape(products, [64, tiles * out])), [
    ...[2, 2, 2],
    ...sides.map((side) => side / 2),
    out,
  ]);
  const grid = reshape(transpose(halves, [6, 3, 0, 4, 1, 5, 2]), [1, out, ...sides]);
  return add(grid, reshape(bias, [1, out, 1, 1, 1]));
}

/** Voxel (i, j, k) of each tile, tiles of one voxel after the other; `voxels` where it lies outside the grid. */
function voxelsOfTiles([X, Y, Z]: readonly number[]): Int32Array {
  const index = new Int32Array(64 * ((X * Y * Z) / 8));
  let n = 0;
  for (let i = 0; i < 4; i++)
    for (let j = 0; j < 4; j++)
      for (let k = 0; k < 4; k++)
        for (let x = i - 1; x < X + i - 1; x += 2)
          for (let y = j - 1; y < Y + j - 1; y += 2)
            for (let z = k - 1; z < Z + k - 1; z += 2) {
              const isInside = x >= 0 && x < X && y >= 0 && y < Y && z >= 0 && z < Z;
              index[n++] = isInside ? (x * Y + y) * Z + z : X * Y * Z;
            }
  return index;
}

/** The same matrix along three axes: m ⊗ m ⊗ m, [rows³, columns³]. */
function cube(m: readonly (readonly number[])[]): Tensor {
  const [rows, columns] = [m.length, m[0].length];
  const digits = (n: number, base: number) => [Math.floor(n / base ** 2), Math.floor(n / base) % base, n % base];
  const values = Array.from({ length: rows ** 3 * columns ** 3 }, (_, i) => {
    const r = digits(Math.floor(i / columns ** 3), rows);
    const c = digits(i % columns ** 3, columns);
    return r.reduce((product, row, axis) => product * m[row][c[axis]], 1);
  });
  return constant(values, [rows ** 3, columns ** 3]);
}
