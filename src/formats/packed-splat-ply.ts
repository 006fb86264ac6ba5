/**
 * Compressed splat PLY, as SuperSplat and PlayCanvas write it: every 256 rows of `vertex`, four words each, share a row of
 * `chunk` with the range of their positions, scales and (in newer files) colours; harmonics, one byte each, stand in `sh`.
 *
 *   packed_position, packed_scale   11, 10, 11 bits from the top: x, y, z between the ends of the chunk; scales are logarithms
 *   packed_rotation                 two bits for the largest of (w, x, y, z), then ten for each other, in ±√½
 *   packed_color                    red, green, blue between the ends of the chunk, opacity in [0, 1]
 *   f_rest_i                        (byte + ½) / 32 − 4, the ends of the bytes being −4 and 4
 *
 * Axes: those of splat PLY, y down.
 * Source: developer.playcanvas.com, "Compressing Gaussian Splats"; held to files of splat-transform.
 */
import { columnsOf, type PlyTable, readPly } from './ply-file.ts';
import type { PlyHeader } from './ply-header.ts';
import { expectSplatCount, SH_C0, type ShDegree, type Splats, shRestCount } from './splats.ts';
import { ModelError } from './triangle-scene.ts';

const CHUNK_ROWS = 256;
const AXES = ['x', 'y', 'z'];
const CHANNELS = ['r', 'g', 'b'];
const WORDS = ['packed_position', 'packed_rotation', 'packed_scale', 'packed_color'];

export const isPackedSplatPly = (header: PlyHeader): boolean => header.elements.some(({ name }) => name === 'chunk');

/** In the axes of the file. @throws ModelError when parts of the file do not fit each other */
export function readPackedSplats(bytes: Uint8Array, header: PlyHeader): Splats {
  const count = header.elements.find(({ name }) => name === 'vertex')?.count ?? 0;
  const sh = header.elements.find(({ name }) => name === 'sh');
  const inFile = sh?.properties.filter(({ name }) => /^f_rest_\d+$/.test(name)).length ?? 0;
  const degree = (inFile >= 45 ? 3 : inFile >= 24 ? 2 : inFile >= 9 ? 1 : 0) as ShDegree;
  expectSplatCount('PLY', count, degree);
  const K = shRestCount(degree);
  const restNames = Array.from(
    { length: 3 * K },
    (_, i) => `f_rest_${(i % 3) * Math.floor(inFile / 3) + Math.floor(i / 3)}`,
  );
  const ends = (names: readonly string[], what = '') =>
    ['min', 'max'].flatMap((end) => names.map((name) => `${end}_${what}${name}`));
  const [positionEnds, scaleEnds, colorEnds] = [ends(AXES), ends(AXES, 'scale_'), ends(CHANNELS)];
  const tables = readPly(bytes, header, {
    chunk: [...positionEnds, ...scaleEnds, ...colorEnds],
    vertex: WORDS,
    ...(K > 0 ? { sh: restNames } : {}),
  });
  const chunks = tables.get('chunk')!;
  if (chunks.count * CHUNK_ROWS < count || (K > 0 && sh!.count < count)) {
    throw new ModelError(
      `PLY: ${count} compressed Gaussians need ${Math.ceil(count / CHUNK_ROWS)} chunks${K > 0 ? ` and ${count} rows of "sh"` : ''}, got ${chunks.count}${K > 0 ? ` and ${sh!.count}` : ''}. Export it again.`,
    );
  }
  const [positions, rotations, scales, colors] = WORDS.map((name) => words(tables.get('vertex')!, name));
  const rest = K > 0 ? expectColumns(tables.get('sh')!, restNames) : undefined;
  return {
    means: between(expectColumns(chunks, positionEnds), positions),
    scales: between(expectColumns(chunks, scaleEnds), scales).map(Math.exp),
    rotations: largestLeftOut(rotations),
    opacities: Float32Array.from(colors, (word) => (word & 255) / 255),
    shDegree: degree,
    shDc: bytesBetween(columnsOf(chunks, colorEnds), colors).map((value) => (value - 0.5) / SH_C0),
    shRest: Float32Array.from({ length: count * 3 * K }, (_, i) => coefficientOf(rest![i])),
  };
}

function words(table: PlyTable, name: string): Uint32Array {
  const column = table.columns.get(name);
  if (column && table.types.get(name) === 'uint32') return Uint32Array.from(column);
  throw new ModelError(
    `PLY: expected the vertex property "uint ${name}" of a compressed splat file, got ${column ? table.types.get(name) : 'none'}. Export it again.`,
  );
}

function expectColumns(table: PlyTable, names: readonly string[]): Float32Array {
  const columns = columnsOf(table, names);
  if (columns) return columns;
  const missing = names.filter((name) => !table.columns.has(name)).join(', ');
  throw new ModelError(`PLY: the compressed splat file lacks the properties ${missing}. Export it again.`);
}

/** [G, 3] of 11, 10 and 11 bits between the ends [chunks, 6] of each chunk. */
function between(ends: Float32Array, packed: Uint32Array): Float32Array {
  const out = new Float32Array(packed.length * 3);
  for (let g = 0; g < packed.length; g++) {
    const at = 6 * Math.floor(g / CHUNK_ROWS);
    const word = packed[g];
    const parts = [(word >>> 21) / 2047, ((word >>> 11) & 1023) / 1023, (word & 2047) / 2047];
    for (let c = 0; c < 3; c++) out[3 * g + c] = ends[at + c] * (1 - parts[c]) + ends[at + 3 + c] * parts[c];
  }
  return out;
}

/** Red, green, blue of the upper three bytes between the ends of each chunk; without ends, between 0 and 1. */
function bytesBetween(ends: Float32Array | undefined, packed: Uint32Array): Float32Array {
  return Float32Array.from({ length: packed.length * 3 }, (_, i) => {
    const [g, c] = [Math.floor(i / 3), i % 3];
    const part = ((packed[g] >>> (24 - 8 * c)) & 255) / 255;
    const at = 6 * Math.floor(g / CHUNK_ROWS) + c;
    return ends ? ends[at] * (1 - part) + ends[at + 3] * part : part;
  });
}

function largestLeftOut(packed: Uint32Array): Float32Array {
  const out = new Float32Array(packed.length * 4);
  for (let g = 0; g < packed.length; g++) {
    const largest = packed[g] >>> 30;
    let sum = 0;
    for (let c = 0, shift = 20; c < 4; c++) {
      if (c === largest) continue;
      const value = (((packed[g] >>> shift) & 1023) / 1023 - 0.5) * Math.SQRT2;
      out[4 * g + c] = value;
      sum += value * value;
      shift -= 10;
    }
    out[4 * g + largest] = Math.sqrt(Math.max(0, 1 - sum));
  }
  return out;
}

function coefficientOf(byte: number): number {
  if (byte <= 0) return -4;
  return byte >= 255 ? 4 : (byte + 0.5) / 32 - 4;
}
