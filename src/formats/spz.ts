/**
 * SPZ, a tenth of a splat PLY: attribute by attribute, positions as 24-bit fixed point, opacities, colours, scales
 * (logarithms) as bytes, rotations, harmonics as bytes. Versions 2 and 3 differ in the rotations: three bytes for x, y, z,
 * or the three smallest parts in 10 bits each. Version 4 is version 3 in another wrapping (spz-container.ts); it is read,
 * and not written, since that takes a packer of Zstandard, which neither Node 20 nor browsers have.
 *
 * Axes: y up, (x, y, z) → (x, z, −y); rotations (x, y, z, w) and harmonics turn alike.
 * Source: github.com/nianticlabs/spz, README, "File Format".
 */
import { gzipSync } from 'fflate';
import { fromHalfBits } from './half-float.ts';
import { expectSplats, type ReadSplats, type ShDegree, type Splats, shRestCount, soundSplats } from './splats.ts';
import { openSpz, SPZ_ANTIALIASED, SPZ_HEADER_BYTES, SPZ_MAGIC } from './spz-container.ts';
import { turnSplats } from './turn-splats.ts';

const COLOR_SCALE = 0.15; // colours are stored as 0.5 + 0.15·c
const MOST_FRACTION_BITS = 16; // steps of 1.5e-5 of the object's box; more would only hinder compression

export interface SpzOptions {
  /** 2 is read by older programs; 3 keeps rotations to 1e-3 instead of 1e-2. */
  version?: 2 | 3;
}

/** @throws ModelError when the bytes are no SPZ of version 1 to 4, or hold less than they promise */
export function readSpz(bytes: Uint8Array): ReadSplats {
  const file = openSpz(bytes);
  const { version, count, positions, rotations: packed, harmonics } = file;
  const degree = Math.min(3, file.degree) as ShDegree;
  const [K, KInFile] = [shRestCount(degree), (file.degree + 1) ** 2 - 1];
  const rotations = new Float32Array(count * 4);
  for (let g = 0; g < count; g++) {
    rotations.set(version < 3 ? threeBytes(packed, 3 * g) : smallestThree(packed, 4 * g), 4 * g);
  }
  const src: Splats = {
    means: version === 1 ? halves(positions) : fixedPoints(positions, 2 ** -file.fractionBits),
    scales: Float32Array.from(file.scales, (value) => Math.exp(value / 16 - 10)),
    rotations,
    opacities: Float32Array.from(file.alphas, (value) => value / 255),
    shDegree: degree,
    shDc: Float32Array.from(file.colors, (value) => (value / 255 - 0.5) / COLOR_SCALE),
    shRest: Float32Array.from({ length: count * K * 3 }, (_, i) => {
      const g = Math.floor(i / (3 * K));
      return (harmonics[g * 3 * KInFile + (i - g * 3 * K)] - 128) / 128;
    }),
    antialiased: file.antialiased,
  };
  const warnings = [...file.warnings];
  if (file.degree > 3) warnings.push('SPZ: harmonics above degree 3 are left out.');
  const { splats, warnings: said } = soundSplats('SPZ', src, warnings);
  return soundSplats('SPZ', turnSplats(splats, 'z-up to y-down'), said); // y-up to z-up is the same turn
}

/** Version 1, which was never published: half floats. */
function halves(bytes: Uint8Array): Float32Array {
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) =>
    fromHalfBits(bytes[2 * i] | (bytes[2 * i + 1] << 8)),
  );
}

/** Whole numbers of three bytes, with a sign. */
function fixedPoints(bytes: Uint8Array, step: number): Float32Array {
  return Float32Array.from({ length: bytes.length / 3 }, (_, i) => {
    const p = 3 * i;
    return (((bytes[p] << 8) | (bytes[p + 1] << 16) | (bytes[p + 2] << 24)) >> 8) * step;
  });
}

/** Versions 1 and 2: x, y, z as bytes, w from their length; w is not negative. → (w, x, y, z) */
function threeBytes(body: Uint8Array, p: number): [number, number, number, number] {
  const [x, y, z] = [body[p] / 127.5 - 1, body[p + 1] / 127.5 - 1, body[p + 2] / 127.5 - 1];
  return [Math.sqrt(Math.max(0, 1 - x * x - y * y - z * z)), x, y, z];
}

const SMALLEST_STEPS = 511; // nine bits of size beside one of sign

/** From version 3 on: two bits for the place of the largest of (x, y, z, w), then ten for each other, the last in the lowest. */
function smallestThree(body: Uint8Array, p: number): [number, number, number, number] {
  let packed = (body[p] | (body[p + 1] << 8) | (body[p + 2] << 16) | (body[p + 3] << 24)) >>> 0;
  const largest = packed >>> 30;
  const parts = [0, 0, 0, 0];
  let sum = 0;
  for (let i = 3; i >= 0; i--) {
    if (i === largest) continue;
    const size = (Math.SQRT1_2 * (packed & 511)) / SMALLEST_STEPS;
    parts[i] = packed & 512 ? -size : size;
    sum += size * size;
    packed >>>= 10;
  }
  parts[largest] = Math.sqrt(Math.max(0, 1 - sum));
  return [parts[3], parts[0], parts[1], parts[2]];
}

/**
 * Positions keep steps of 1.5e-5 where the scene is smaller than ±128, coarser ones beyond; scales keep 3 %, colours and
 * opacities 8 bits, harmonics 5 bits (degree 1) and 4 bits in [−1, 1], the precision that the format's own library writes.
 */
export function writeSpz(splats: Splats, { version = 3 }: SpzOptions = {}): Uint8Array<ArrayBuffer> {
  expectSplats('writeSpz', splats);
  const { splats: src } = soundSplats('SPZ', turnSplats(splats, 'z-up to y-up'));
  const count = src.opacities.length;
  const K = shRestCount(src.shDegree);
  const reach = src.means.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  const fractionBits = Math.min(MOST_FRACTION_BITS, Math.floor(Math.log2((2 ** 23 - 1) / reach)));
  if (fractionBits < 0) {
    throw new Error(`writeSpz: positions must lie within ±8388607, got ${reach}. Scale the scene down.`);
  }
  const rotationBytes = version === 2 ? 3 : 4;
  const bytes = new Uint8ClampedArray(SPZ_HEADER_BYTES + count * (16 + rotationBytes + 3 * K)); // rounds and cuts
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SPZ_MAGIC, true);
  view.setUint32(4, version, true);
  view.setUint32(8, count, true);
  bytes.set([src.shDegree, fractionBits, src.antialiased ? SPZ_ANTIALIASED : 0, 0], 12);
  let at = SPZ_HEADER_BYTES;
  for (const value of src.means) {
    const fixed = Math.round(value * 2 ** fractionBits);
    bytes.set([fixed & 255, (fixed >> 8) & 255, (fixed >> 16) & 255], at);
    at += 3;
  }
  for (const value of src.opacities) bytes[at++] = value * 255;
  for (const value of src.shDc) bytes[at++] = (0.5 + COLOR_SCALE * value) * 255;
  for (const value of src.scales) bytes[at++] = (Math.log(value) + 10) * 16;
  for (let g = 0; g < count; g++) {
    const [w, x, y, z] = src.rotations.subarray(4 * g, 4 * g + 4);
    if (version === 2) {
      const sign = w < 0 ? -1 : 1;
      for (const part of [x, y, z]) bytes[at++] = (sign * part + 1) * 127.5;
    } else {
      view.setUint32(at, packSmallestThree([x, y, z, w]), true);
      at += 4;
    }
  }
  for (let i = 0; i < src.shRest.length; i++) {
    const bucket = 2 ** (8 - (Math.floor(i / 3) % K < 3 ? 5 : 4));
    bytes[at++] = Math.round((src.shRest[i] * 128 + 128) / bucket) * bucket;
  }
  return gzipSync(new Uint8Array(bytes.buffer), { mtime: 0 }) as Uint8Array<ArrayBuffer>;
}

function packSmallestThree(parts: readonly number[]): number {
  let largest = 0;
  for (let i = 1; i < 4; i++) if (Math.abs(parts[i]) > Math.abs(parts[largest])) largest = i;
  let packed = largest;
  for (let i = 0; i < 4; i++) {
    if (i === largest) continue;
    const isNegative = parts[i] < 0 !== parts[largest] < 0;
    const size = Math.min(SMALLEST_STEPS, Math.round((Math.abs(parts[i]) / Math.SQRT1_2) * SMALLEST_STEPS));
    packed = packed * 1024 + (isNegative ? 512 : 0) + size; // above 2³¹: no shifts
  }
  return packed >>> 0;
}
