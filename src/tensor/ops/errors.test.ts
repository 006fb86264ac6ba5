import { expect, it } from 'vitest';
import { ones, zeros } from '../init.ts';
import { scope } from '../scope.ts';
import type { Tensor } from '../tensor.ts';
import { add, exp, where } from './elementwise.ts';
import { constant, input } from './leaf.ts';
import { affine, attention, gather, matmul, scatterAdd } from './product.ts';
import { softmax, sum } from './reduce.ts';
import { concat, expand, pad, reshape, slice, split, transpose } from './shape.ts';
import { conv3d, patchify, pixelShuffle3d, resizeNearest } from './volume.ts';

const t = (...shape: (number | string)[]) => input('t', shape);
const int = (...shape: number[]) => input('i', shape, 'int32');

/** What is asked for, and words of the message: the operation, what it expected, what it got. */
const mistakes: [() => Tensor | Tensor[], RegExp][] = [
  [() => add(t(2, 3), t(2)), /^add: expected shapes that broadcast .*, got float32 \[2, 3\] and float32 \[2\]\.$/],
  [() => add(t('N', 3), t('M', 3)), /^add: expected .* got float32 \[N, 3\] and float32 \[M, 3\]/],
  [() => add(t(2), int(2)), /^add: expected operands of one dtype \(use cast\), got float32 \[2\] and int32 \[2\]/],
  [() => exp(int(2)), /^exp: expected a float tensor, got int32 \[2\]/],
  [() => where(t(2), 1, 0), /^where: expected a bool condition, got float32 \[2\]/],
  [() => constant([1, 2, 3], [2, 2]), /^constant: expected 4 values for \[2, 2\], got 3/],
  [() => matmul(t(2, 3), t(2, 3)), /^matmul: expected equal batch axes .*, got float32 \[2, 3\] and float32 \[2, 3\]/],
  [
    () => matmul(t(2, 3), t(4, 3), { transA: true, transB: true }),
    /^matmul \(a transposed\) \(b transposed\): expected/,
  ],
  [() => matmul(t(2, 2, 3), t(3, 3, 2)), /^matmul: expected equal batch axes/],
  [() => matmul(t(3), t(3, 3)), /^matmul: expected at least two axes, got float32 \[3\]/],
  [
    () => affine(t(2, 3), t(3, 4)),
    /^linear: expected x \[\.\., in\] and weight \[out, in\], got float32 \[2, 3\] and float32 \[3, 4\]/,
  ],
  [() => affine(t(2, 3), t(4, 3), t(3)), /^linear: expected bias \[4\], got float32 \[3\]/],
  [() => attention(t(1, 2, 6), t(1, 3, 6), t(1, 3, 6), 4), /^attention: expected .* divisible by 4 heads, got/],
  [() => gather(t(2, 3), t(2)), /^gather: expected integer indices, got float32 \[2\]/],
  [() => gather(t(2, 3), int(2), 2), /^gather: expected an axis in \[-2, 1\] \(asked for 2\)/],
  [() => scatterAdd(t(2, 3), int(3), 4), /^scatterAdd: expected updates \[P, \.\.\] and index \[P\]/],
  [() => scatterAdd(t(2, 3), t(2), 4), /^scatterAdd: expected integer indices/],
  [() => sum(t(2, 3), { axes: [2] }), /^sum: expected an axis in \[-2, 1\] \(asked for 2\), got float32 \[2, 3\]/],
  [() => softmax(t()), /^softmax: expected at least one axis, got float32 \[\]/],
  [() => reshape(t(2, 3), [4, -1]), /^reshape: expected a size divisible into \[4, -1\], got float32 \[2, 3\]/],
  [() => reshape(t(2, 3), [-1, -1]), /^reshape: expected one size of -1 at most/],
  [() => reshape(t(2, 3), [7]), /^reshape: expected as many values as in \[7\], got float32 \[2, 3\]/],
  [() => reshape(t('N', 3), ['M', 3]), /^reshape: expected as many values as in \[M, 3\], got float32 \[N, 3\]/],
  [() => transpose(t(2, 3), [0, 0]), /^transpose: expected a tensor of rank 2 for permutation \[0,0\]/],
  [() => slice(t(4), 0, 2, 5), /^slice: expected 0 ≤ start < end ≤ 4, step ≥ 1 \(asked for 2:5:1\), got float32 \[4\]/],
  [() => slice(t('N'), 0, 0, 1), /^slice: expected a known size on axis 0, got float32 \[N\]/],
  [() => split(t(5), 2), /^split: expected a size divisible by 2 on axis 0, got float32 \[5\]/],
  [
    () => concat([t(2, 3), t(3, 2)], 0),
    /^concat: expected shapes equal but for axis 0, got float32 \[2, 3\] and float32 \[3, 2\]/,
  ],
  [() => pad(t('N'), [1], [0]), /^pad: expected a known size on axis 0/],
  [() => expand(t(2, 3), [4, 3]), /^expand: expected sizes of 1 or those of \[4, 3\], got float32 \[2, 3\]/],
  [
    () => conv3d(t(1, 2, 4, 4, 4), t(3, 1, 3, 3, 3), undefined),
    /^conv3d: expected x .* got float32 \[1, 2, 4, 4, 4\] and float32 \[3, 1, 3, 3, 3\]/,
  ],
  [() => conv3d(t(1, 2, 2, 4, 4), t(3, 2, 3, 3, 3), undefined), /^conv3d: expected at least 3 voxels along each axis/],
  [() => conv3d(t(1, 2, 4, 4, 4), t(3, 2, 3, 3, 3), t(2)), /^conv3d: expected bias \[3\], got float32 \[2\]/],
  [() => resizeNearest(t(2, 2), 2), /^resizeNearest: expected x \[B, C, X, Y, Z\], got float32 \[2, 2\]/],
  [() => pixelShuffle3d(t(1, 12, 2, 2, 2), 2), /^pixelShuffle3d: expected .* divisible by 8/],
  [() => patchify(t(1, 1, 3, 2, 2), 2), /^patchify: expected .* divisible by 2/],
];

it.each(mistakes)('%s', (ask, message) => {
  expect(ask).toThrow(message);
});

it('a weight declared twice must keep its shape', () => {
  const p = scope();
  const w = p.at('layer').weight('weight', [2, 3], zeros);
  expect(p.at('layer').weight('weight', [2, 3], ones)).toBe(w);
  expect(() => p.weight('layer.weight', [3, 2], zeros)).toThrow(
    /scope: weight "layer.weight" was declared as \[2, 3\] and is now asked for as \[3, 2\]/,
  );
});
