/**
 * Weights of linear layers as bytes: blocks along the inputs, each with one scale, symmetric around zero.
 *   w ≈ (code − 128)·scale,  scale = max|w|/127 of the block
 * The layout is that of ONNX Runtime's MatMulNBits: codes [out, blocks, block], scales [out, blocks].
 */

/** Inputs that share a scale. 128 is the fastest; 32 has two thirds of its error (reference/engine-measurements.md §5). */
export const INT8_BLOCK = 128;

/** Narrower layers stay float32: they cost little, and a block of padding would not make them smaller. */
const NARROWEST = 128;

export const isWorthQuantizing = ({ out, in: inputs }: { out: number; in: number }): boolean =>
  out >= NARROWEST && inputs >= NARROWEST;

/** How many codes (bytes) and scales a weight [out, in] takes. */
export function int8Sizes({ out, in: inputs }: { out: number; in: number }): { codes: number; scales: number } {
  const blocks = Math.ceil(inputs / INT8_BLOCK);
  return { codes: out * blocks * INT8_BLOCK, scales: out * blocks };
}

/** weight [out, in] → codes [out, blocks, block], padded with the code of zero, and scales [out, blocks]. */
export function quantize(
  weight: Float32Array,
  size: { out: number; in: number },
): { codes: Uint8Array; scales: Float32Array } {
  const { out, in: inputs } = size;
  const sizes = int8Sizes(size);
  const blocks = Math.ceil(inputs / INT8_BLOCK);
  const codes = new Uint8Array(sizes.codes).fill(128);
  const scales = new Float32Array(sizes.scales);
  for (let row = 0; row < out; row++)
    for (let block = 0; block < blocks; block++) {
      const begin = row * inputs + block * INT8_BLOCK;
      const end = Math.min(begin + INT8_BLOCK, (row + 1) * inputs);
      let largest = 0;
      for (let i = begin; i < end; i++) largest = Math.max(largest, Math.abs(weight[i]));
      const scale = Math.fround(largest / 127);
      scales[row * blocks + block] = scale;
      if (scale === 0) continue;
      const at = (row * blocks + block) * INT8_BLOCK - begin;
      for (let i = begin; i < end; i++)
        codes[at + i] = 128 + Math.max(-127, Math.min(127, Math.round(weight[i] / scale)));
    }
  return { codes, scales };
}
