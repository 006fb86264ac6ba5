/**
 * The two wrappings of SPZ: versions 1 to 3 are one gzip stream of a 16-byte header and the attributes one after the other;
 * version 4 is a plain header of 32 bytes, extension records, a table of sizes, and a Zstandard frame per attribute.
 * Source: github.com/nianticlabs/spz, README, "File Format", and extensions/README.
 */
import { Gunzip } from 'fflate';
import { expectSplatCount, type ShDegree } from './splats.ts';
import { ModelError } from './triangle-scene.ts';
import { unzstd } from './zstd.ts';

export interface SpzParts {
  readonly version: 1 | 2 | 3 | 4;
  readonly count: number;
  /** Of the harmonics in the file, 0 … 4. */
  readonly degree: number;
  readonly fractionBits: number;
  readonly antialiased: boolean;
  readonly positions: Uint8Array;
  readonly alphas: Uint8Array;
  readonly colors: Uint8Array;
  readonly scales: Uint8Array;
  readonly rotations: Uint8Array;
  readonly harmonics: Uint8Array;
  readonly warnings: readonly string[];
}

export const SPZ_MAGIC = 0x5053474e; // "NGSP"
export const SPZ_HEADER_BYTES = 16; // of versions 1 to 3
export const SPZ_ANTIALIASED = 1; // a bit of the flags

const HAS_EXTENSIONS = 2; // another
const HEADER_BYTES_4 = 32;
const PARTS = 6;
const MAX_RATIO = 1032; // deflate makes at most so many bytes of one; no scene comes near in version 4
const COORDINATE_SYSTEM = 0xadbe0003; // SPZ_ADOBE_coordinate_system
const SYSTEMS = 'UNSPECIFIED LDB RDB LUB RUB LDF RDF LUF RUF LFD RFD LFU RFU LBD RBD LBU RBU'.split(' ');

/** @throws ModelError when the bytes are no SPZ of version 1 to 4, or hold less than they promise */
export function openSpz(bytes: Uint8Array): SpzParts {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return openGzip(bytes);
  if (bytes.length >= 8 && viewOf(bytes).getUint32(0, true) === SPZ_MAGIC) return openStreams(bytes);
  throw new ModelError(
    `SPZ: expected "NGSP" or a gzip stream, got ${bytes.length} bytes of something else. Is it an SPZ file?`,
  );
}

function openGzip(bytes: Uint8Array): SpzParts {
  const head = inflate(bytes, SPZ_HEADER_BYTES);
  const header = readHeader(head, [1, 2, 3]);
  const sizes = partSizes(header);
  const total = sizes.reduce((sum, size) => sum + size, SPZ_HEADER_BYTES);
  expectRoom(header.count, total, bytes.length);
  const body = inflate(bytes, total);
  let end = SPZ_HEADER_BYTES;
  const parts = sizes.map((size) => {
    end += size;
    return body.subarray(end - size, end);
  });
  // Their records follow the attributes inside the stream, and no size tells how far.
  const hasExtensions = (header.flags & HAS_EXTENSIONS) !== 0;
  const warnings = hasExtensions
    ? ['SPZ: the extensions of the file are passed over; its axes are taken as y up.']
    : [];
  return named(header, parts, warnings);
}

function openStreams(bytes: Uint8Array): SpzParts {
  if (bytes.length < HEADER_BYTES_4) {
    throw new ModelError(
      `SPZ: expected a header of ${HEADER_BYTES_4} bytes, got ${bytes.length}. The file is cut off.`,
    );
  }
  const view = viewOf(bytes);
  const header = readHeader(bytes, [4]);
  const streams = bytes[15];
  const table = view.getUint32(16, true);
  let at = table + 16 * streams;
  if (table < HEADER_BYTES_4 || at > bytes.length) {
    throw new ModelError(
      `SPZ: the table of ${streams} streams stands at byte ${table}, outside the ${bytes.length} bytes of the file. It is damaged or cut off.`,
    );
  }
  const sizes = partSizes(header);
  // A writer may leave out the stream of harmonics where there are none.
  const wanted = streams === PARTS - 1 && sizes[PARTS - 1] === 0 ? PARTS - 1 : PARTS;
  if (streams < wanted) {
    throw new ModelError(`SPZ: expected ${wanted} streams, got ${streams}. The file is damaged; export it again.`);
  }
  expectRoom(
    header.count,
    sizes.reduce((sum, size) => sum + size, 0),
    bytes.length,
  );
  const parts = sizes.map((size, i) => {
    if (i >= wanted) return new Uint8Array(0);
    const packed = wideSize(view, table + 16 * i);
    const unpacked = wideSize(view, table + 16 * i + 8);
    if (unpacked !== size || at + packed > bytes.length) {
      throw new ModelError(
        `SPZ: stream ${i} claims ${packed} bytes that unpack to ${unpacked}; ${bytes.length - at} follow, and ${header.count} Gaussians need ${size}. The file is damaged or cut off.`,
      );
    }
    const frame = bytes.subarray(at, at + packed);
    at += packed;
    if (size === 0) return new Uint8Array(0);
    try {
      return unzstd(frame, size);
    } catch (cause) {
      throw new ModelError(`SPZ: stream ${i} is damaged: ${(cause as Error).message}. Copy the file again.`);
    }
  });
  return named(
    header,
    parts,
    header.flags & HAS_EXTENSIONS ? readExtensions(bytes.subarray(HEADER_BYTES_4, table)) : [],
  );
}

interface Header {
  readonly version: SpzParts['version'];
  readonly count: number;
  readonly degree: number;
  readonly fractionBits: number;
  readonly flags: number;
}

function readHeader(head: Uint8Array, versions: readonly number[]): Header {
  const view = viewOf(head);
  const [magic, version, count] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  const [degree, fractionBits, flags] = head.subarray(12, 15);
  if (magic !== SPZ_MAGIC) throw new ModelError('SPZ: the gzip stream does not begin with "NGSP". Is it an SPZ file?');
  if (!versions.includes(version)) {
    throw new ModelError(
      `SPZ: expected version ${versions.join(', ')} in this wrapping, got ${version}. Export it as version 3.`,
    );
  }
  if (degree > 4 || fractionBits > 30) {
    throw new ModelError(
      `SPZ: expected harmonics of degree 0 to 4 and at most 30 fraction bits, got ${degree} and ${fractionBits}. The file is damaged.`,
    );
  }
  expectSplatCount('SPZ', count, Math.min(3, degree) as ShDegree);
  return { version: version as Header['version'], count, degree, fractionBits, flags };
}

/** Positions, opacities, colours, scales, rotations, harmonics: the order of the file. */
function partSizes({ version, count, degree }: Header): number[] {
  const row = [version === 1 ? 6 : 9, 1, 3, 3, version < 3 ? 3 : 4, 3 * ((degree + 1) ** 2 - 1)];
  return row.map((size) => size * count);
}

function expectRoom(count: number, total: number, have: number): void {
  if (total <= have * MAX_RATIO) return;
  throw new ModelError(
    `SPZ: the header promises ${count} Gaussians, ${total} bytes, which ${have} bytes cannot hold. The file is damaged.`,
  );
}

function named(header: Header, parts: readonly Uint8Array[], warnings: readonly string[]): SpzParts {
  const [positions, alphas, colors, scales, rotations, harmonics] = parts;
  const { version, count, degree, fractionBits, flags } = header;
  const antialiased = (flags & SPZ_ANTIALIASED) !== 0;
  return {
    version,
    count,
    degree,
    fractionBits,
    antialiased,
    positions,
    alphas,
    colors,
    scales,
    rotations,
    harmonics,
    warnings,
  };
}

/** Records of type, length, content. Only one changes what the numbers mean: the axes that they are stored in. */
function readExtensions(bytes: Uint8Array): string[] {
  const view = viewOf(bytes);
  const warnings: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const [type, length] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (at + 8 + length > bytes.length) {
      throw new ModelError(
        `SPZ: an extension of ${length} bytes does not fit into the ${bytes.length - at - 8} before the table. The file is damaged.`,
      );
    }
    if (type === COORDINATE_SYSTEM) {
      const system = length >= 4 ? SYSTEMS[view.getUint32(at + 8, true)] : undefined;
      if (system !== 'RUB' && system !== 'UNSPECIFIED') {
        throw new ModelError(
          `SPZ: expected the axes RUB (x right, y up, z back), the file is stored as ${system ?? 'axes without a name'}. Export it without the coordinate system extension.`,
        );
      }
    } else if (warnings.length < 8) {
      warnings.push(`SPZ: the extension 0x${type.toString(16)} is passed over.`);
    }
    at += 8 + length;
  }
  return warnings;
}

/** A size in 64 bits; above 2⁵³ it is rounded, and refused for its size in any case. */
const wideSize = (view: DataView, at: number): number =>
  view.getUint32(at, true) + 2 ** 32 * view.getUint32(at + 4, true);

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

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
