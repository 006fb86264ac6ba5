/**
 * `.splat`, the format of web viewers: 32 bytes a Gaussian and no header. Position and scale as float32 (little-endian,
 * scales linear), colour and opacity as four bytes, rotation (w, x, y, z) as four bytes, 128 for 0. No harmonics.
 *
 * Axes: those of the splat PLY it is made from, y down: (x, y, z) → (x, −z, y).
 */
import { expectSplatCount, expectSplats, type ReadSplats, SH_C0, type Splats, soundSplats } from './splats.ts';
import { ModelError } from './triangle-scene.ts';
import { turnSplats } from './turn-splats.ts';

const ROW_BYTES = 32;

/** @throws ModelError when the size is no whole number of rows; there is nothing else to tell the format by */
export function readSplatFile(bytes: Uint8Array): ReadSplats {
  if (bytes.length === 0 || bytes.length % ROW_BYTES !== 0) {
    throw new ModelError(
      `.splat: expected a multiple of ${ROW_BYTES} bytes, got ${bytes.length}. It is no .splat file, or it was cut off.`,
    );
  }
  const count = bytes.length / ROW_BYTES;
  expectSplatCount('.splat', count, 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const src = {
    means: new Float32Array(count * 3),
    scales: new Float32Array(count * 3),
    rotations: new Float32Array(count * 4),
    opacities: new Float32Array(count),
    shDegree: 0,
    shDc: new Float32Array(count * 3),
    shRest: new Float32Array(0),
  } as const;
  for (let g = 0; g < count; g++) {
    const at = g * ROW_BYTES;
    for (let c = 0; c < 3; c++) {
      src.means[3 * g + c] = view.getFloat32(at + 4 * c, true);
      src.scales[3 * g + c] = view.getFloat32(at + 12 + 4 * c, true);
      src.shDc[3 * g + c] = (bytes[at + 24 + c] / 255 - 0.5) / SH_C0;
    }
    src.opacities[g] = bytes[at + 27] / 255;
    for (let c = 0; c < 4; c++) src.rotations[4 * g + c] = (bytes[at + 28 + c] - 128) / 128;
  }
  const { splats, warnings } = soundSplats('.splat', src);
  return soundSplats('.splat', turnSplats(splats, 'z-up to y-up'), warnings);
}

/** Colours are cut to [0, 1] and lose their harmonics: the format has no place for them. */
export function writeSplatFile(splats: Splats): Uint8Array<ArrayBuffer> {
  expectSplats('writeSplatFile', splats);
  const { splats: src } = soundSplats('.splat', turnSplats(splats, 'z-up to y-down'));
  const count = src.opacities.length;
  const bytes = new Uint8ClampedArray(count * ROW_BYTES); // rounds and cuts
  const view = new DataView(bytes.buffer);
  for (let g = 0; g < count; g++) {
    const at = g * ROW_BYTES;
    for (let c = 0; c < 3; c++) {
      view.setFloat32(at + 4 * c, src.means[3 * g + c], true);
      view.setFloat32(at + 12 + 4 * c, src.scales[3 * g + c], true);
      bytes[at + 24 + c] = (0.5 + SH_C0 * src.shDc[3 * g + c]) * 255;
    }
    bytes[at + 27] = src.opacities[g] * 255;
    for (let c = 0; c < 4; c++) bytes[at + 28 + c] = src.rotations[4 * g + c] * 128 + 128;
  }
  return new Uint8Array(bytes.buffer);
}
