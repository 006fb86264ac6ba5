import { add, gelu } from '../ops/elementwise.ts';
import { input } from '../ops/leaf.ts';
import { affine, attention, gather } from '../ops/product.ts';
import { normalize, softmax } from '../ops/reduce.ts';
import { reshape, transpose } from '../ops/shape.ts';
import { conv3d, pixelShuffle3d } from '../ops/volume.ts';
import { torchGenerator } from '../random.ts';
import type { Tensor } from '../tensor.ts';
import type { Device } from './device.ts';
import type { Program } from './program.ts';
import type { Value } from './protocol.ts';

/** Side of the volume, its channels, width and heads of the tokens: odd enough to leave tiles unfilled. */
const [R, C, W, HEADS] = [6, 12, 72, 3];

/** float32 sums in another order differ by about 1e-5 here; a wrong kernel by tenths. */
const TOLERANCE = 1e-3;

/**
 * Whether a device computes what the CPU does, on a small graph with the operations that networks are made of:
 * convolution, pixel shuffle, norm, linear layer, attention, gather, softmax. Drivers differ, and what they get wrong
 * is silent.
 * @returns what is wrong, or undefined
 */
export async function wrongOnDevice(
  device: Device,
  compile: (outputs: Record<string, Tensor>, device: Device) => Promise<Program>,
): Promise<string | undefined> {
  const rng = torchGenerator(17);
  const feeds: Record<string, Value> = {};
  const fed = (name: string, dims: number[], scale = 1) => {
    const data = rng.normal(dims.reduce((a, d) => a * d, 1)).map((v) => v * scale);
    feeds[name] = { dtype: 'float32', dims, data };
    return input(name, dims);
  };
  const volume = fed('volume', [1, C, R, R, R]);
  const convolved = conv3d(volume, fed('kernel', [8 * C, C, 3, 3, 3], 0.06), fed('offset', [8 * C]), { padding: 1 }); // [1, 8C, R, R, R]
  const shuffled = pixelShuffle3d(convolved, 2); // [1, C, 2R, 2R, 2R]
  const rows = reshape(transpose(reshape(shuffled, [C, 8 * R ** 3]), [1, 0]), [8 * R ** 3, C]); // [8R³, C]
  feeds.index = {
    dtype: 'int32',
    dims: [257],
    data: Int32Array.from({ length: 257 }, (_, i) => (i * 31) % (8 * R ** 3)),
  };
  const picked = gather(rows, input('index', [257], 'int32')); // [257, C]
  const wide = gelu(affine(normalize(picked, 1e-5), fed('weight', [W, C], 0.3), fed('bias', [W]))); // [257, W]
  const tokens = reshape(wide, [1, 257, W]);
  const mixed = add(tokens, attention(tokens, tokens, tokens, HEADS));
  const outputs = { shuffled, mixed, shares: softmax(mixed) };
  const run = async (on: Device) => {
    const program = await compile(outputs, on);
    try {
      return await program.run(feeds);
    } finally {
      await program.dispose();
    }
  };
  const [expected, got] = [await run('cpu'), await run(device)];
  for (const name of Object.keys(outputs)) {
    const [a, b] = [expected[name].data as Float32Array, got[name].data as Float32Array];
    let worst = 0;
    for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]) || (a[i] === b[i] ? 0 : Infinity));
    if (!(worst < TOLERANCE)) return `"${name}" of the self-test differs from the CPU's by ${worst.toPrecision(2)}`;
  }
  return undefined;
}
