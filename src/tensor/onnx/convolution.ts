/** Convolutions over dense grids of voxels, and the gradient of their weights. */
import type { Tensor } from '../tensor.ts';
import type { Emit } from './operators.ts';

export const conv3d = (t: Tensor<'conv3d'>, e: Emit): string =>
  e.device === 'webgpu' ? convolveTaps(t, e) : convolve(t, e);

function convolve(t: Tensor<'conv3d'>, e: Emit): string {
  const { stride, padding } = t.attributes;
  return e.builder.op('Conv', t.inputs.map(e.name), {
    strides: [stride, stride, stride],
    pads: Array(6).fill(padding),
  })[0];
}

/**
 * A convolution as products, one for each row of taps along z: WebGPU's own operator for three dimensions multiplies number by
 * number (bench/webgpu.ts).
 */
function convolveTaps(t: Tensor<'conv3d'>, e: Emit): string {
  const [x, w, bias] = t.inputs;
  const { stride, padding } = t.attributes;
  const [cout, cin, k] = w.shape as readonly number[];
  const out = t.shape.slice(2) as readonly number[];
  const channelsLast = e.builder.op('Transpose', [e.name(x)], { perm: [0, 2, 3, 4, 1] })[0];
  const pads = [0, padding, padding, padding, 0];
  const padded = padding ? e.builder.op('Pad', [channelsLast, e.builder.int64([...pads, ...pads])])[0] : channelsLast;
  const windowAt = (starts: readonly number[]) => {
    const ends = starts.map((s, a) => s + (out[a] - 1) * stride + 1);
    const [from, to, steps] = [starts, ends, [stride, stride, stride]].map((v) => e.builder.int64([...v]));
    return e.builder.op('Slice', [padded, from, to, e.builder.int64([1, 2, 3]), steps])[0];
  };
  const range = Array.from({ length: k }, (_, i) => i);
  let sum: string | undefined;
  for (const i of range)
    for (const j of range) {
      const windows = range.map((l) => windowAt([i, j, l]));
      const row = k === 1 ? windows[0] : e.builder.op('Concat', windows, { axis: 4 })[0]; // [B, X, Y, Z, k·cin]
      const ends = [i + 1, j + 1];
      const taps = e.builder.op('Slice', [
        e.name(w),
        e.builder.int64([i, j]),
        e.builder.int64(ends),
        e.builder.int64([2, 3]),
        e.builder.int64([1, 1]),
      ])[0]; // [cout, cin, 1, 1, k]
      const turned = e.builder.op('Transpose', [taps], { perm: [4, 1, 0, 2, 3] })[0];
      const product = e.builder.op('MatMul', [
        row,
        e.builder.op('Reshape', [turned, e.builder.int64([k * cin, cout])])[0],
      ])[0];
      sum = sum === undefined ? product : e.builder.op('Add', [sum, product])[0];
    }
  const whole = bias ? e.builder.op('Add', [sum as string, e.name(bias)])[0] : (sum as string);
  return e.builder.op('Transpose', [whole], { perm: [0, 4, 1, 2, 3] })[0];
}

/**
 * dW of a convolution, one kernel offset after the other: the shifted input and the gradient as matrices over all voxels,
 * [cout, B·V]·[B·V, cin]. The shifted copies never exist together (all 27 at once cost 0.9 GB at 32 channels, 64³).
 */
export function conv3dWeightGrad(t: Tensor<'conv3dWeightGrad'>, e: Emit): string {
  const [x, g] = t.inputs;
  const { stride, padding, kernel: k } = t.attributes;
  const [, cin] = x.shape as readonly number[];
  const [, cout, ...out] = g.shape as readonly number[];
  // channels first with the batch beside the voxels: [cin, B, X, Y, Z]
  const channelsFirst = (name: string) => e.builder.op('Transpose', [name], { perm: [1, 0, 2, 3, 4] })[0];
  const pads = [0, 0, padding, padding, padding];
  const padded = padding
    ? e.builder.op('Pad', [channelsFirst(e.name(x)), e.builder.int64([...pads, ...pads])])[0]
    : channelsFirst(e.name(x));
  const dy = e.builder.op('Reshape', [channelsFirst(e.name(g)), e.builder.int64([cout, -1])])[0];
  const parts: string[] = [];
  for (let i = 0; i < k; i++)
    for (let j = 0; j < k; j++)
      for (let l = 0; l < k; l++) {
        const starts = [i, j, l];
        const ends = starts.map((s, a) => s + (out[a] - 1) * stride + 1);
        const window = e.builder.op('Slice', [
          padded,
          e.builder.int64(starts),
          e.builder.int64(ends),
          e.builder.int64([2, 3, 4]),
          e.builder.int64([stride, stride, stride]),
        ])[0];
        const flat = e.builder.op('Reshape', [window, e.builder.int64([cin, -1])])[0];
        const product = e.builder.op('Gemm', [dy, flat], { transB: 1 })[0]; // [cout, cin]
        parts.push(e.builder.op('Reshape', [product, e.builder.int64([cout, cin, 1])])[0]);
      }
  const joined = e.builder.op('Concat', parts, { axis: 2 })[0];
  return e.builder.op('Reshape', [joined, e.builder.int64([cout, cin, k, k, k])])[0];
}
