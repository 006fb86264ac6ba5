/**
 * What a ray marcher of radiance fields takes and gives. Two implement it: the kernel (field-kernel.ts) and its slow readable
 * twin (field-twin.ts).
 *
 * Rays pass the sparse cells front to back; samples lie at multiples of a step along the whole ray, shifted by the pixel's
 * offset, so that neighbouring cells sample alike.
 * Source: Gao et al. 2023, "Strivec"; reference/training.md §17, reference/pipelines.md §13.2.
 */
import type { RadianceField } from '../representations/index.ts';
import type { Camera } from './cameras.ts';
import { checkFrame } from './check-frame.ts';

export interface FieldView {
  readonly camera: Camera;
  readonly width: number;
  readonly height: number;
  /** behind everything, display-referred; default black */
  readonly background?: readonly [number, number, number];
  /** [H, W] in [0, 1): where on its step each ray begins; training draws it at random. Default ½ everywhere */
  readonly offsets?: Float32Array;
}

export interface FieldPicture {
  /** [3, H, W], over the background */
  readonly color: Float32Array;
  /** [H, W] */
  readonly alpha: Float32Array;
  /** [H, W]: camera z, weighted as the colors are; nothing for the background */
  readonly depth: Float32Array;
  /** [H, W]: camera z at which half of the light is gone; 0 where it never is */
  readonly medianDepth: Float32Array;
  /** Of the color [3, H, W] with respect to the field. The field's arrays must be as they were. */
  backward(gColor: Float32Array): Promise<FieldGradients>;
}

/** Each like the array of the same name. */
export interface FieldGradients {
  readonly trivec: Float32Array;
  readonly density: Float32Array;
  readonly colorsDc: Float32Array;
  readonly background: readonly [number, number, number];
}

/** Owned by whoever created it. Renders one picture at a time; more requests wait their turn. */
export interface FieldRasterizer {
  /** The field's arrays must stay as they are until `backward`. */
  render(field: RadianceField, view: FieldView): Promise<FieldPicture>;
  dispose(): Promise<void>;
}

export const NEAR = 0.2; // camera z of a cell's centre up to which it is not drawn
export const OPAQUE = 0.999; // largest α of a sample
export const ENOUGH = 1e-3; // transmittance below which a ray stops
export const LARGEST = 1e6; // a cell with a larger value, or with NaN, is not drawn
export const MAX_RESOLUTION = 256;

/** Distance between samples. */
export const stepOf = ({ resolution, dim }: RadianceField): number => 0.5 / dim / resolution;

/** @throws RangeError or Error, naming what was expected and what came */
export function checkField(field: RadianceField, view: FieldView): void {
  const { width, height, offsets } = view;
  checkFrame('renderField', view);
  const { resolution, rank, dim } = field;
  const limits = { resolution: MAX_RESOLUTION, rank: 64, dim: 64 };
  for (const [name, most] of Object.entries(limits)) {
    const value = field[name as keyof typeof limits];
    const least = name === 'dim' ? 2 : 1;
    if (!Number.isInteger(value) || value < least || value > most)
      throw new RangeError(`renderField: ${name} must be an integer in ${least} … ${most}, got ${value}.`);
  }
  const count = field.positions.length / 3;
  const rows = { positions: 3, trivec: 3 * rank * dim, density: rank, colorsDc: 3 * rank };
  for (const [name, size] of Object.entries(rows)) {
    const { length } = field[name as keyof typeof rows];
    if (!Number.isInteger(count) || length !== size * count)
      throw new Error(
        `renderField: ${name} must hold ${size} values for each of ${count} cells (resolution ${resolution}, rank ${rank}, dim ${dim}), got ${length}.`,
      );
  }
  if (offsets && (offsets.length !== width * height || !offsets.every((v) => v >= 0 && v < 1)))
    throw new Error(`renderField: offsets must be [${height}, ${width}] in [0, 1), got ${offsets.length} values.`);
}

/** Which cell of `positions` lies where: [R³] row-major, from 1; 0 is empty. @throws Error for a cell outside or twice */
export function cellGrid({ resolution, positions }: RadianceField): Int32Array {
  const grid = new Int32Array(resolution ** 3);
  for (let n = 0; n < positions.length / 3; n++) {
    const [x, y, z] = [0, 1, 2].map((axis) => Math.floor(positions[3 * n + axis] * resolution));
    if (![x, y, z].every((c) => c >= 0 && c < resolution))
      throw new Error(
        `renderField: cell ${n} at (${positions.subarray(3 * n, 3 * n + 3).join(', ')}) lies outside [0, 1]³. Positions are centres in the unit box.`,
      );
    const at = (x * resolution + y) * resolution + z;
    if (grid[at] !== 0)
      throw new Error(
        `renderField: cells ${grid[at] - 1} and ${n} are one and the same, (${x}, ${y}, ${z}) of ${resolution}³.`,
      );
    grid[at] = n + 1;
  }
  return grid;
}

/** Whether the centre of cell n is far enough in front of the camera, and all its values are numbers of sensible size. */
export function isVisible(field: RadianceField, { extrinsics: e }: Camera, n: number): boolean {
  const { positions, rank, dim, trivec, density, colorsDc } = field;
  const isSound = (values: Float32Array, size: number) => {
    for (let i = n * size; i < (n + 1) * size; i++) if (!(Math.abs(values[i]) <= LARGEST)) return false;
    return true;
  };
  if (!isSound(trivec, 3 * rank * dim) || !isSound(density, rank) || !isSound(colorsDc, 3 * rank)) return false;
  const [x, y, z] = [0, 1, 2].map((axis) => positions[3 * n + axis] - 0.5);
  return e[8] * x + e[9] * y + e[10] * z + e[11] > NEAR;
}
