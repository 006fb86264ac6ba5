/**
 * SPZ, a tenth of a splat PLY: a gzip stream of a 16-byte header and, attribute by attribute, positions as 24-bit fixed
 * point, opacities, colours, scales (logarithms) as bytes, rotations, harmonics as bytes. Versions 2 and 3 differ in the
 * rotations: three bytes for x, y, z, or the three smallest parts in 10 bits each.
 *
 * Axes: y up, (x, y, z) → (x, z, −y); rotations (x, y, z, w) and harmonics turn alike.
 * Source: github.com/nianticlabs/spz, README, "File Format".
 */
import { Gunzip, gzipSync } from 'fflate';
import {
  expectSplatCount,
  expectSplats,
  type ReadSplats,
  type ShDegree,
  type Splats,
  shRestCount,
  soundSplats,
} from './splats.ts';
import { ModelError } from './triangle-scene.ts';
import { turnSplats } from './turn-splats.ts';

const MAGIC = 0x5053474e; // "NGSP"
const HEADER_BYTES = 16;
const COLOR_SCALE = 0.15; // colours are stored as 0.5 + 0.15·c
const ANTIALIASED = 1; // a bit of the flags
const MAX_DEFLATE_RATIO = 1032; // deflate makes at most so many bytes of one
const MOST_FRACTION_BITS = 16; // steps of 1.5e-5 of the object's box; more would only hinder compression

export interface SpzOptions {
  /** 2 is read by older programs; 3 keeps rotations to 1e-3 instead of 1e-2. */
  version?: 2 | 3;
}

/** @throws ModelError when the bytes are no SPZ of version 2 or 3, or hold less than they promise */
export function readSpz(bytes: Uint8Array): ReadSplats {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    const isNewer = bytes.length >= 8 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === MAGIC;
    throw new ModelError(
      isNewer
        ? 'SPZ: expected version 2 or 3 (a gzip stream), got a later one. Export it as version 3.'
        : `SPZ: expected a gzip stream, got ${bytes.length} bytes of something else. Is it an SPZ file?`,
    );
  }
  const head = inflate(bytes, HEADER_BYTES);
  const view = new DataView(head.buffer);
  const [magic, version, count] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  const [inFile, fractionBits, flags] = head.subarray(12, 15);
  if (magic !== MAGIC) throw new ModelError('SPZ: the gzip stream does not begin with "NGSP". Is it an SPZ file?');
  if (version !== 2 && version !== 3) {
    throw new ModelError(`SPZ: expected version 2 or 3, got ${version}. Export it as version 3.`);
  }
  if (inFile > 4 || fractionBits > 30) {
    throw new ModelError(
      `SPZ: expected harmonics of degree 0 to 4 and at most 30 fraction bits, got ${inFile} and ${fractionBits}. The file is damaged.`,
    );
  }
  const degree = Math.min(3, inFile) as ShDegree;
  const [K, KInFile] = [shRestCount(degree), (inFile + 1) ** 2 - 1];
  expectSplatCount('SPZ', count, degree);
  const rotationBytes = version === 2 ? 3 : 4;
  const total = HEADER_BYTES + count * (9 + 1 + 3 + 3 + rotationBytes + 3 * KInFile);
  if (total > bytes.length * MAX_DEFLATE_RATIO) {
    throw new ModelError(
      `SPZ: the header promises ${count} Gaussians, ${total} bytes, which ${bytes.length} bytes cannot hold. The file is damaged.`,
    );
  }
  const body = inflate(bytes, total);
  const at = { alphas: HEADER_BYTES + 9 * count, colors: 0, scales: 0, rotations: 0, rest: 0 };
  at.colors = at.alphas + count;
  at.scales = at.colors + 3 * count;
  at.rotations = at.scales + 3 * count;
  at.rest = at.rotations + rotationBytes * count;
  const step = 2 ** -fractionBits;
  const means = Float32Array.from({ length: count * 3 }, (_, i) => {
    const p = HEADER_BYTES + 3 * i;
    return (((body[p] << 8) | (body[p + 1] << 16) | (body[p + 2] << 24)) >> 8) * step;
  });
  const rotations = new Float32Array(count * 4);
  for (let g = 0; g < count; g++) {
    const p = at.rotations + g * rotationBytes;
    rotations.set(version === 2 ? threeBytes(body, p) : smallestThree(body, p), 4 * g);
  }
  const src: Splats = {
    means,
    scales: Float32Array.from({ length: count * 3 }, (_, i) => Math.exp(body[at.scales + i] / 16 - 10)),
    rotations,
    opacities: Float32Array.from({ length: count }, (_, g) => body[at.alphas + g] / 255),
    shDegree: degree,
    shDc: Float32Array.from({ length: count * 3 }, (_, i) => (body[at.colors + i] / 255 - 0.5) / COLOR_SCALE),
    shRest: Float32Array.from({ length: count * K * 3 }, (_, i) => {
      const g = Math.floor(i / (3 * K));
      return (body[at.rest + g * 3 * KInFile + (i - g * 3 * K)] - 128) / 128;
    }),
    antialiased: (flags & ANTIALIASED) !== 0,
  };
  const warnings = inFile > 3 ? ['SPZ: harmonics above degree 3 are left out.'] : [];
  const { splats, warnings: said } = soundSplats('SPZ', src, warnings);
  return soundSplats('SPZ', turnSplats(splats, 'z-up to y-down'), said); // y-up to z-up is the same turn
}

/** The first `size` bytes of a gzip stream; the rest is not unpacked. Memory grows with what comes, not with `size`. */
function inflate(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream = new Gunzip((chunk) => {
    if (length < size) chunks.push(chunk);
    length += chunk.length;
  });
  const BLOCK = 1 << 14; // at most 16 MiB of output at a time
  try {
    for (let start = 0; start < bytes.length && length < size; start += BLOCK) {
      stream.push(bytes.subarray(start, start + BLOCK), start + BLOCK >= bytes.length);
    }
  } catch (cause) {
    if (length < size)
      throw new ModelError(`SPZ: the gzip stream is damaged (${(cause as Error).message}). Copy it again.`);
  }
  if (length < size) {
    throw new ModelError(`SPZ: expected ${size} unpacked bytes, got ${length}. The file is cut off; copy it again.`);
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk.subarray(0, size - at), at);
    at += chunk.length;
  }
  return out;
}

/** Version 2: x, y, z as bytes, w from their length; w is not negative. → (w, x, y, z) */
function threeBytes(body: Uint8Array, p: number): [number, number, number, number] {
  const [x, y, z] = [body[p] / 127.5 - 1, body[p + 1] / 127.5 - 1, body[p + 2] / 127.5 - 1];
  return [Math.sqrt(Math.max(0, 1 - x * x - y * y - z * z)), x, y, z];
}

const SMALLEST_STEPS = 511; // nine bits of size beside one of sign

/** Version 3: two bits for the place of the largest of (x, y, z, w), then ten for each other, the last in the lowest. */
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
  const bytes = new Uint8ClampedArray(HEADER_BYTES + count * (16 + rotationBytes + 3 * K)); // rounds and cuts
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, version, true);
  view.setUint32(8, count, true);
  bytes.set([src.shDegree, fractionBits, src.antialiased ? ANTIALIASED : 0, 0], 12);
  let at = HEADER_BYTES;
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
