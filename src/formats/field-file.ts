/**
 * A radiance field of tri-vectors as a .safetensors file:
 *
 *   coords       I32 [N, 3]            cells of the grid, each once
 *   trivec       F32 [N, rank, 3, dim] samples of the lines of each axis
 *   density      F32 [N, rank]
 *   features_dc  F32 [N, rank, 3]
 *   __metadata__ format "espalier-radiance-field", version "1", resolution: cells per side of the box [−0.5, 0.5]³
 *
 * The names are those of TRELLIS's `Strivec`; what the numbers mean: representations/radiance-field.ts. F16 and BF16 are
 * read as well. Why this container: the table of contents is checked before a number is touched, nothing is packed, and
 * NumPy, PyTorch and Rust read it with one call.
 */
import {
  readSafetensors,
  type SafetensorsDtype,
  type SafetensorsEntry,
  SafetensorsError,
  toFloat32,
  writeSafetensors,
} from './safetensors.ts';
import { ModelError } from './triangle-scene.ts';

/** As in representations/radiance-field.ts. */
export interface FieldArrays {
  readonly resolution: number; // cells per side
  readonly rank: number;
  readonly dim: number; // samples along each line
  readonly positions: Float32Array; // [N, 3], centers of the cells in [0, 1]³
  readonly trivec: Float32Array; // [N, rank, 3, dim]
  readonly density: Float32Array; // [N, rank]
  readonly colorsDc: Float32Array; // [N, rank, 3]
}

export interface ReadField {
  readonly field: FieldArrays;
  /** What was left out, in words. */
  readonly warnings: readonly string[];
}

/** Endings of the files that `readField` reads. */
export const FIELD_EXTENSIONS = ['.safetensors'] as const;

const FORMAT = 'espalier-radiance-field';
const VERSION = '1';
const LIMITS = { resolution: 256, rank: 64, dim: 64 }; // those of the renderer

/** @throws ModelError when the bytes are no such file, or what they say does not fit together */
export function readField(bytes: Uint8Array): ReadField {
  const { tensors, metadata } = opened(bytes);
  if (metadata['format'] !== FORMAT) {
    const got = metadata['format'] === undefined ? 'none' : JSON.stringify(metadata['format'].slice(0, 60));
    fail(
      `expected the metadata entry format "${FORMAT}", got ${got}. Weights of networks are .safetensors files, too: \`espalier info\` tells about those.`,
    );
  }
  if (metadata['version'] !== VERSION)
    fail(
      `is of version ${JSON.stringify(metadata['version'] ?? '')}, this program reads "${VERSION}". Update Espalier.`,
    );
  const resolution = Number(metadata['resolution']);
  expectWithin(fail, 'resolution', resolution, 1);
  for (const name of tensors.keys())
    if (!Object.hasOwn(DTYPES, name)) fail(`holds a tensor ${JSON.stringify(name.slice(0, 60))}, expected ${NAMES}.`);
  const coords = tensorOf(tensors, 'coords', 2);
  const trivec = tensorOf(tensors, 'trivec', 4);
  const density = tensorOf(tensors, 'density', 2);
  const colors = tensorOf(tensors, 'features_dc', 3);
  const [count, rank, , dim] = trivec.shape;
  expectWithin(fail, 'rank', rank, 1);
  expectWithin(fail, 'dim', dim, 2);
  if (count === 0) fail('holds no cells. Generate the asset again.');
  expectShape('coords', coords, [count, 3]);
  expectShape('trivec', trivec, [count, rank, 3, dim]);
  expectShape('density', density, [count, rank]);
  expectShape('features_dc', colors, [count, rank, 3]);
  const cells = coords.data as Int32Array;
  expectCells(fail, cells, resolution);
  return soundField({
    ...{ resolution, rank, dim },
    positions: Float32Array.from(cells, (c) => (c + 0.5) / resolution),
    trivec: toFloat32(trivec),
    density: toFloat32(density),
    colorsDc: toFloat32(colors),
  });
}

/** @throws Error naming the array that does not fit, or the position that is no center of a cell */
export function writeField(field: FieldArrays): Uint8Array<ArrayBuffer> {
  const { resolution, rank, dim, positions, trivec, density, colorsDc } = field;
  const count = positions.length / 3;
  if (!(count >= 1)) throw new Error('writeField: expected at least one cell, got none.');
  const wanted = { trivec: 3 * rank * dim, density: rank, colorsDc: 3 * rank };
  for (const [name, width] of Object.entries(wanted)) {
    const values = field[name as keyof typeof wanted];
    if (values.length !== count * width)
      throw new Error(
        `writeField: ${name} has ${values.length} values, expected ${count * width} for ${count} cells of rank ${rank} and dim ${dim}.`,
      );
    if (!values.every(Number.isFinite)) throw new Error(`writeField: ${name} must be finite.`);
  }
  expectWithin(failToWrite, 'resolution', resolution, 1);
  expectWithin(failToWrite, 'rank', rank, 1);
  expectWithin(failToWrite, 'dim', dim, 2);
  const coords = Int32Array.from(positions, (p) => Math.floor(p * resolution));
  const stray = positions.findIndex((p, i) => !(Math.abs(p * resolution - coords[i] - 0.5) < 1e-3));
  if (stray >= 0)
    throw new Error(
      `writeField: position ${Math.floor(stray / 3)} has a coordinate ${positions[stray]}, which is no center of a cell of ${resolution}³; centers are (i + 0.5)/${resolution}.`,
    );
  expectCells(failToWrite, coords, resolution);
  const file = writeSafetensors(
    {
      coords: { shape: [count, 3], data: coords },
      trivec: { shape: [count, rank, 3, dim], data: trivec },
      density: { shape: [count, rank], data: density },
      features_dc: { shape: [count, rank, 3], data: colorsDc },
    },
    { format: FORMAT, version: VERSION, resolution: String(resolution) },
  );
  return Uint8Array.from(file);
}

const FLOATS: readonly SafetensorsDtype[] = ['F32', 'F16', 'BF16'];
const DTYPES: Record<string, readonly SafetensorsDtype[]> = {
  coords: ['I32'],
  trivec: FLOATS,
  density: FLOATS,
  features_dc: FLOATS,
};
const NAMES = Object.keys(DTYPES).join(', ');

function opened(bytes: Uint8Array): ReturnType<typeof readSafetensors> {
  try {
    return readSafetensors(bytes);
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw new ModelError(`readField: ${cause.message}`, { cause });
  }
}

function tensorOf(tensors: Map<string, SafetensorsEntry>, name: string, axes: number): SafetensorsEntry {
  const found = tensors.get(name);
  if (!found) return fail(`lacks the tensor ${name}; expected ${NAMES}. Write it again.`);
  if (!DTYPES[name].includes(found.dtype))
    fail(`has ${name} of ${found.dtype}, expected ${DTYPES[name].join(', ')}. Convert it before writing.`);
  if (found.shape.length !== axes) fail(`has ${name} [${found.shape}], expected ${axes} axes.`);
  return found;
}

function expectShape(name: string, { shape }: SafetensorsEntry, expected: readonly number[]): void {
  if (shape.join() !== expected.join())
    fail(`has ${name} [${shape}], expected [${expected}] beside its trivec [N, rank, 3, dim].`);
}

type Fail = (message: string) => never;

function expectWithin(fail: Fail, name: keyof typeof LIMITS, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least || value > LIMITS[name])
    fail(`has ${name} ${value}, expected an integer in ${least} … ${LIMITS[name]}.`);
}

function expectCells(fail: Fail, coords: Int32Array, resolution: number): void {
  const seen = new Uint8Array(resolution ** 3);
  for (let n = 0; n < coords.length; n += 3) {
    const [x, y, z] = coords.subarray(n, n + 3);
    if (Math.min(x, y, z) < 0 || Math.max(x, y, z) >= resolution)
      fail(`has a cell (${x}, ${y}, ${z}) outside its grid of ${resolution}³.`);
    const at = (x * resolution + y) * resolution + z;
    if (seen[at]) fail(`names cell (${x}, ${y}, ${z}) twice.`);
    seen[at] = 1;
  }
}

/** Without the cells that hold numbers that are not finite. */
function soundField(src: FieldArrays): ReadField {
  const { rank, dim, positions } = src;
  const widths = { trivec: 3 * rank * dim, density: rank, colorsDc: 3 * rank };
  const isSound = (n: number): boolean =>
    Object.entries(widths).every(([name, width]) =>
      src[name as keyof typeof widths].subarray(n * width, (n + 1) * width).every(Number.isFinite),
    );
  const count = positions.length / 3;
  const kept = Array.from({ length: count }, (_, n) => n).filter(isSound);
  if (kept.length === 0) fail(`holds numbers that are not finite in all of its ${count} cells. Generate it again.`);
  if (kept.length === count) return { field: src, warnings: [] };
  const rows = (values: Float32Array, width: number): Float32Array => {
    const out = new Float32Array(kept.length * width);
    for (const [row, n] of kept.entries()) out.set(values.subarray(n * width, (n + 1) * width), row * width);
    return out;
  };
  return {
    field: {
      ...src,
      positions: rows(positions, 3),
      trivec: rows(src.trivec, widths.trivec),
      density: rows(src.density, widths.density),
      colorsDc: rows(src.colorsDc, widths.colorsDc),
    },
    warnings: [`radiance field: ${count - kept.length} cells hold numbers that are not finite; left out.`],
  };
}

function fail(message: string): never {
  throw new ModelError(`readField: the radiance field ${message}`);
}

function failToWrite(message: string): never {
  throw new Error(`writeField: the radiance field ${message}`);
}
