/**
 * LPIPS: how different two pictures look to a network that was trained to name what is on them. VGG-16, weights of version 0.1.
 * Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"; reference/training.md §14.
 */
import { readFile } from 'node:fs/promises';
import { readSafetensors, toFloat32 } from '../formats/index.ts';
import {
  add,
  compile,
  constant,
  type Device,
  div,
  floats,
  gradients,
  input,
  matmul,
  max,
  maximum,
  mean,
  mul,
  type Program,
  pad,
  reshape,
  type Scope,
  scope,
  showShape,
  slice,
  sqrt,
  sub,
  sum,
  type Tensor,
  transpose,
  zeros,
} from '../tensor/index.ts';
import type { PictureLoss } from './picture-losses.ts';

/** Owned by whoever opened it. */
export interface Lpips {
  /** Mean over the pictures [B, 3, H, W], values in [0, 1], H and W at least 16; the gradient is that of the first. */
  loss(picture: Float32Array, target: Float32Array, size: { width: number; height: number }): Promise<PictureLoss>;
  dispose(): Promise<void>;
}

const HOW_TO_GET = `It is optional and comes from its authors. Make it once, with Python:
  pip install lpips safetensors
  python -c "import lpips, safetensors.torch as s; s.save_file({k: v for k, v in lpips.LPIPS(net='vgg').state_dict().items() if not k.startswith('lins.')}, 'lpips-vgg.safetensors')"
and give its path.`;

/**
 * @param path  a .safetensors file with the tensors of the package `lpips` under their own names
 * @throws Error saying how to get the file, when there is none or tensors are missing
 */
export async function openLpips(path: string | undefined, options: { device?: Device } = {}): Promise<Lpips> {
  if (path === undefined) throw new Error(`openLpips: no file of weights was given. ${HOW_TO_GET}`);
  const bytes = await readFile(path).catch((cause) => {
    const why = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
    throw new Error(`openLpips: ${path}: ${why}. ${HOW_TO_GET}`, { cause });
  });
  const { tensors } = readSafetensors(bytes);
  const declared = scope();
  const [x, y] = ['picture', 'target'].map((name) => input(name, [1, 3, 16, 16]));
  lpips(declared, x, y);
  const state: Record<string, Float32Array> = {};
  for (const [name, { shape }] of declared.parameters) {
    const found = tensors.get(name);
    if (!found) throw new Error(`openLpips: ${path} lacks the tensor "${name}" ${showShape(shape)}. ${HOW_TO_GET}`);
    if (showShape(found.shape) !== showShape(shape))
      throw new Error(
        `openLpips: ${path}: "${name}" must be ${showShape(shape)}, found ${showShape(found.shape)}. Is it the file of VGG-16?`,
      );
    state[name] = toFloat32(found);
  }
  return lpipsOf(state, options);
}

/** The same from weights in memory, by their official names. A program is compiled for each size of pictures. */
export function lpipsOf(state: Readonly<Record<string, Float32Array>>, { device }: { device?: Device } = {}): Lpips {
  const programs = new Map<string, Promise<Program>>();
  return {
    async loss(picture, target, { width, height }) {
      const count = picture.length / (3 * width * height);
      if (picture.length !== target.length || !Number.isInteger(count) || count === 0)
        throw new Error(
          `lpips: expected two pictures [B, 3, ${height}, ${width}], got ${picture.length} and ${target.length} values.`,
        );
      if (Math.min(width, height) < SMALLEST)
        throw new RangeError(
          `lpips: pictures must have at least ${SMALLEST} pixels a side, got ${width} × ${height}. The network halves them four times.`,
        );
      const shape = [count, 3, height, width];
      let program = programs.get(showShape(shape));
      if (!program) {
        const [x, y] = ['picture', 'target'].map((name) => input(name, shape));
        const value = lpips(scope(), x, y);
        program = compile({ value, gradient: gradients(value, [x])[0] }, { device, state });
        programs.set(showShape(shape), program);
      }
      const result = await (await program).run({ picture: floats(picture, shape), target: floats(target, shape) });
      return { value: result.value.data[0] as number, gradient: result.gradient.data as Float32Array };
    },
    async dispose() {
      for (const program of programs.values()) await (await program).dispose();
      programs.clear();
    },
  };
}

const SMALLEST = 16;

/** The five stages of VGG-16: width and number of convolutions each, their numbers in the official network. */
const STAGES = [
  { width: 64, layers: [0, 2] },
  { width: 128, layers: [5, 7] },
  { width: 256, layers: [10, 12, 14] },
  { width: 512, layers: [17, 19, 21] },
  { width: 512, layers: [24, 26, 28] },
] as const;

/**
 * Pictures [B, 3, H, W] in [0, 1] → mean distance: after each stage, features of unit length are compared, squares weighed
 * by channel, averaged over places and summed over stages.
 */
export function lpips(p: Scope, picture: Tensor, target: Tensor): Tensor {
  let [x, y] = [picture, target].map((t) => div(sub(sub(mul(t, 2), 1), perChannel(SHIFT)), perChannel(SCALE)));
  let total: Tensor | undefined;
  for (const [i, { width, layers }] of STAGES.entries()) {
    const stage = p.at(`net.slice${i + 1}`);
    const features = (t: Tensor) => layers.reduce((h, layer) => convolve(stage.at(`${layer}`), h, width), t);
    [x, y] = [features(i === 0 ? x : halve(x)), features(i === 0 ? y : halve(y))]; // [B, C, H/2ⁱ, W/2ⁱ]
    const apart = sub(unitLength(x), unitLength(y));
    const weight = p.at(`lin${i}.model.1`).weight('weight', [1, width, 1, 1], zeros);
    const distance = mean(sum(mul(mul(apart, apart), weight), { axes: [1] })); // places, and pictures
    total = total ? add(total, distance) : distance;
  }
  return total!;
}

const SHIFT = [-0.03, -0.088, -0.188];
const SCALE = [0.458, 0.448, 0.45];
const perChannel = (values: readonly number[]): Tensor => constant(values, [1, 3, 1, 1]);

/**
 * 3 × 3 convolution with a border of zeros, then ReLU. x [B, in, H, W] → [B, out, H, W]. Nine products of shifted pictures:
 * the engine's own convolution is of volumes, three times the work.
 */
function convolve(p: Scope, x: Tensor, out: number): Tensor {
  const [b, cin, h, w] = x.shape as readonly number[];
  const weight = p.weight('weight', [out, cin, 3, 3], zeros);
  const bias = p.weight('bias', [out], zeros);
  const taps = transpose(reshape(weight, [out, cin, 9]), [2, 0, 1]); // [9, out, in]
  const channelsFirst = transpose(x, [1, 0, 2, 3]);
  const framed = pad(channelsFirst, [0, 0, 1, 1], [0, 0, 1, 1]);
  let y: Tensor = reshape(bias, [out, 1]);
  for (let tap = 0; tap < 9; tap++) {
    const [i, j] = [Math.floor(tap / 3), tap % 3];
    const shifted = reshape(slice(slice(framed, 2, i, i + h), 3, j, j + w), [cin, b * h * w]);
    y = add(y, matmul(reshape(slice(taps, 0, tap, tap + 1), [out, cin]), shifted));
  }
  return maximum(transpose(reshape(y, [out, b, h, w]), [1, 0, 2, 3]), 0);
}

/** The largest of each 2 × 2 pixels; an odd last row or column is left out. */
function halve(x: Tensor): Tensor {
  const [b, c, h, w] = x.shape as readonly number[];
  const [rows, columns] = [Math.floor(h / 2), Math.floor(w / 2)];
  const even = slice(slice(x, 2, 0, 2 * rows), 3, 0, 2 * columns);
  return max(reshape(even, [b, c, rows, 2, columns, 2]), { axes: [3, 5] });
}

/** x/(‖x‖ + 1e-10) over the channels; the floor under the root keeps the slope of all-zero features finite. */
function unitLength(x: Tensor): Tensor {
  const square = sum(mul(x, x), { axes: [1], keepDims: true });
  return div(x, add(sqrt(maximum(square, 1e-20)), 1e-10));
}
