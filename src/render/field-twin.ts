/**
 * Ray marching through a radiance field, slow and readable, in double precision: what the kernel (kernels/field.ts) is held to.
 * Source: reference/training.md §17.2–17.4.
 */
import { type RadianceField, SH_C0 } from '../representations/index.ts';
import {
  cellGrid,
  checkField,
  ENOUGH,
  type FieldGradients,
  type FieldPicture,
  type FieldRasterizer,
  type FieldView,
  isVisible,
  OPAQUE,
  stepOf,
} from './field-rasterizer.ts';

export function createFieldTwin(): FieldRasterizer {
  return {
    render: async (field, view) => {
      checkField(field, view);
      return renderField(field, view);
    },
    dispose: async () => undefined,
  };
}

function renderField(field: RadianceField, view: FieldView): FieldPicture {
  const { width, height, background = [0, 0, 0] } = view;
  const pixels = width * height;
  const grid = cellGrid(field).map((id) => (id > 0 && isVisible(field, view.camera, id - 1) ? id : 0));
  const picture = {
    color: new Float32Array(3 * pixels),
    alpha: new Float32Array(pixels),
    depth: new Float32Array(pixels),
    medianDepth: new Float32Array(pixels),
  };
  for (let p = 0; p < pixels; p++) {
    const { samples, transmittance, toDepth } = march(field, grid, view, p);
    for (let c = 0; c < 3; c++)
      picture.color[c * pixels + p] =
        samples.reduce((sum, s) => sum + s.before * s.alpha * s.color[c], 0) + transmittance * background[c];
    picture.alpha[p] = 1 - transmittance;
    picture.depth[p] = samples.reduce((sum, s) => sum + s.before * s.alpha * s.z, 0) * toDepth;
    const median = samples.find((s) => s.before * (1 - s.alpha) < 0.5);
    picture.medianDepth[p] = (median?.z ?? 0) * toDepth;
  }
  return {
    ...picture,
    backward: async (gColor) => {
      if (gColor.length !== 3 * pixels)
        throw new Error(
          `backward: the gradient of color must be [3, ${height}, ${width}], got ${gColor.length} values.`,
        );
      return gradients(field, grid, view, gColor);
    },
  };
}

/** The field at a sample: where it is, what each rank gives there, and what comes out. */
interface Sample {
  readonly cell: number;
  readonly z: number; // along the ray
  readonly index: readonly number[]; // per axis: the line's sample below, and
  readonly weight: readonly number[]; // how far it is to the next
  readonly sum: number; // before softplus
  readonly density: number;
  readonly color: readonly number[];
  readonly alpha: number;
  readonly before: number; // transmittance in front of it
}

function march(field: RadianceField, grid: Int32Array, view: FieldView, pixel: number) {
  const { origin, direction, toDepth } = ray(view, pixel);
  const { resolution } = field;
  const step = stepOf(field);
  const offset = view.offsets?.[pixel] ?? 0.5;
  const samples: Sample[] = [];
  let transmittance = 1;
  const span = throughBox(origin, direction);
  const last = span ? Math.floor(span[1] / step - offset) : -1;
  for (let n = span ? Math.max(0, Math.ceil(span[0] / step - offset)) : 0; n <= last; n++) {
    const z = (n + offset) * step;
    const at = origin.map((o, axis) => (o + z * direction[axis]) * resolution);
    const [x, y, w] = at.map(Math.floor);
    if (![x, y, w].every((c) => c >= 0 && c < resolution)) continue;
    const cell = grid[(x * resolution + y) * resolution + w] - 1;
    if (cell < 0) continue;
    const local = [at[0] - x, at[1] - y, at[2] - w];
    const sample = { cell, z, before: transmittance, ...fieldAtSample(field, cell, local, step) };
    samples.push(sample);
    transmittance *= 1 - sample.alpha;
    if (transmittance < ENOUGH) break;
  }
  return { samples, transmittance, toDepth };
}

function fieldAtSample(field: RadianceField, cell: number, local: readonly number[], step: number) {
  const { rank, dim, density: coefficients, colorsDc } = field;
  const index = local.map((l) => Math.min(Math.max(Math.trunc(l * dim - 0.5), 0), dim - 2));
  const weight = local.map((l, axis) => l * dim - 0.5 - index[axis]);
  let sum = 0;
  const logits = [0, 0, 0];
  for (let r = 0; r < rank; r++) {
    const [a, b, c] = lines(field, cell, r, index, weight);
    sum += coefficients[cell * rank + r] * a * b * c;
    for (let k = 0; k < 3; k++) logits[k] += SH_C0 * colorsDc[(cell * rank + r) * 3 + k] * a * b * c;
  }
  const density = sum < 10 ? Math.log1p(Math.exp(sum)) : sum;
  const color = logits.map((v) => 1 / (1 + Math.exp(-v)));
  return { index, weight, sum, density, color, alpha: Math.min(1 - Math.exp(-density * step), OPAQUE) };
}

/** The three lines of rank r, interpolated. */
function lines(
  { rank, dim, trivec }: RadianceField,
  cell: number,
  r: number,
  index: readonly number[],
  weight: readonly number[],
): number[] {
  return [0, 1, 2].map((axis) => {
    const at = ((cell * rank + r) * 3 + axis) * dim + index[axis];
    return trivec[at] * (1 - weight[axis]) + trivec[at + 1] * weight[axis];
  });
}

function gradients(field: RadianceField, grid: Int32Array, view: FieldView, gColor: Float32Array): FieldGradients {
  const { rank, dim } = field;
  const { width, height, background = [0, 0, 0] } = view;
  const pixels = width * height;
  const step = stepOf(field);
  const trivec = new Float64Array(field.trivec.length);
  const density = new Float64Array(field.density.length);
  const colorsDc = new Float64Array(field.colorsDc.length);
  const ofBackground: [number, number, number] = [0, 0, 0];
  for (let p = 0; p < pixels; p++) {
    const g = [0, 1, 2].map((c) => gColor[c * pixels + p]);
    const { samples, transmittance } = march(field, grid, view, p);
    for (let c = 0; c < 3; c++) ofBackground[c] += transmittance * g[c];
    let behind = dot(background, g);
    for (const { cell, index, weight, sum, density: sigma, color, alpha, before } of samples.reverse()) {
      const own = dot(color, g);
      const gAlpha = before * (own - behind);
      behind = alpha * own + (1 - alpha) * behind;
      const gSigma = step * (1 - alpha) * gAlpha; // at the clamp, too, as the published one has it
      const gSum = gSigma * (sum < 10 ? 1 - Math.exp(-sigma) : 1);
      const gLogits = color.map((v, c) => before * alpha * g[c] * v * (1 - v));
      for (let r = 0; r < rank; r++) {
        const line = lines(field, cell, r, index, weight);
        const product = line[0] * line[1] * line[2];
        const coefficient = cell * rank + r;
        density[coefficient] += gSum * product;
        let gProduct = gSum * field.density[coefficient];
        for (let c = 0; c < 3; c++) {
          colorsDc[3 * coefficient + c] += SH_C0 * product * gLogits[c];
          gProduct += SH_C0 * field.colorsDc[3 * coefficient + c] * gLogits[c];
        }
        for (let axis = 0; axis < 3; axis++) {
          const at = (coefficient * 3 + axis) * dim + index[axis];
          const others = line[(axis + 1) % 3] * line[(axis + 2) % 3];
          trivec[at] += gProduct * others * (1 - weight[axis]);
          trivec[at + 1] += gProduct * others * weight[axis];
        }
      }
    }
  }
  return {
    trivec: Float32Array.from(trivec),
    density: Float32Array.from(density),
    colorsDc: Float32Array.from(colorsDc),
    background: ofBackground,
  };
}

/** From the eye through a pixel's centre, in the unit box; a length along it times `toDepth` is camera z. */
function ray({ camera, width, height }: FieldView, pixel: number) {
  const { extrinsics: e, intrinsics: k } = camera;
  const x = (((pixel % width) + 0.5) / width - k[2]) / k[0];
  const y = ((Math.floor(pixel / width) + 0.5) / height - k[5]) / k[4];
  const length = Math.sqrt(x * x + y * y + 1);
  const direction = [0, 1, 2].map((c) => (e[c] * x + e[4 + c] * y + e[8 + c]) / length);
  const origin = [0, 1, 2].map((c) => 0.5 - (e[c] * e[3] + e[4 + c] * e[7] + e[8 + c] * e[11]));
  return { origin, direction, toDepth: 1 / length };
}

/** Where the ray enters and leaves [0, 1]³; undefined when it misses. */
function throughBox(origin: readonly number[], direction: readonly number[]): [number, number] | undefined {
  let [from, to] = [0, Number.POSITIVE_INFINITY];
  for (let axis = 0; axis < 3; axis++) {
    const [o, d] = [origin[axis], direction[axis]];
    if (Math.abs(d) < 1e-12) {
      if (o < 0 || o >= 1) return undefined;
      continue;
    }
    const [a, b] = [-o / d, (1 - o) / d];
    from = Math.max(from, Math.min(a, b));
    to = Math.min(to, Math.max(a, b));
  }
  return from <= to && Number.isFinite(to) ? [from, to] : undefined;
}

const dot = (a: readonly number[], b: readonly number[]): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
