/** Where an asset is: the points that a picture of all of it must show. */
import type { FieldArrays, ScenePrimitive, Splats } from '../formats/index.ts';

/** What can be drawn: what a model file holds. */
export type Drawable =
  | { readonly kind: 'mesh'; readonly primitives: readonly ScenePrimitive[] }
  | { readonly kind: 'splats'; readonly splats: Splats }
  | { readonly kind: 'radiance-field'; readonly field: FieldArrays };

export interface Outline {
  /** [P, 3], in the asset's frame */
  readonly points: Float32Array;
  /** [P]: how far the asset reaches around each point; absent: not at all */
  readonly reach?: Float32Array;
  /** the middle of its bounding box */
  readonly center: readonly [number, number, number];
  /** of the sphere around `center` that holds it, above 0 */
  readonly radius: number;
}

/** @throws Error when there is nothing to be seen */
export function outlineOf(asset: Drawable): Outline {
  switch (asset.kind) {
    case 'mesh':
      return around(meshPoints(asset.primitives));
    case 'splats':
      return splatOutline(asset.splats);
    case 'radiance-field':
      return around(cellCorners(asset.field));
    default:
      return asset satisfies never;
  }
}

/** The vertices that triangles name. */
function meshPoints(primitives: readonly ScenePrimitive[]): Float32Array {
  const parts = primitives.map(({ positions, indices }) => {
    const isNamed = new Uint8Array(positions.length / 3);
    for (const v of indices) isNamed[v] = 1;
    return positions.filter((_, i) => isNamed[Math.floor(i / 3)] === 1);
  });
  return joined(parts);
}

function cellCorners({ positions, resolution }: FieldArrays): Float32Array {
  const half = 0.5 / resolution;
  const out = new Float32Array(8 * positions.length);
  for (let n = 0; n < positions.length / 3; n++)
    for (let corner = 0; corner < 8; corner++)
      for (let c = 0; c < 3; c++)
        out[3 * (8 * n + corner) + c] = positions[3 * n + c] - 0.5 + ((corner >> c) & 1 ? half : -half);
  return out;
}

const FAINT = 0.05; // a Gaussian of less opacity is fog: it does not count
const TAIL = 0.025; // share of the Gaussians on either side of an axis that may be strays …
const SLACK = 0.35; // … when they lie further out than this share of the others' extent

/**
 * Captured scenes have floaters far away, and a few veils as large as the scene: neither decides what a picture shows.
 */
function splatOutline({ means, scales, opacities }: Splats): Outline {
  let rows = rowsWhere(opacities.length, (g) => opacities[g] >= FAINT);
  if (rows.length === 0) rows = rowsWhere(opacities.length, () => true);
  for (let axis = 0; axis < 3; axis++) {
    const sorted = Float32Array.from(rows, (g) => means[3 * g + axis]).sort();
    const [low, high] = [quantile(sorted, TAIL), quantile(sorted, 1 - TAIL)];
    const slack = SLACK * (high - low);
    // Few Gaussians have no tails: the outermost is itself the quantile, and stays.
    rows = rows.filter((g) => means[3 * g + axis] >= low - slack && means[3 * g + axis] <= high + slack);
  }
  const wide = Float32Array.from(rows, (g) => 2 * Math.max(scales[3 * g], scales[3 * g + 1], scales[3 * g + 2]));
  const usual = quantile(wide.slice().sort(), 1 - TAIL);
  const points = new Float32Array(3 * rows.length);
  for (const [i, g] of rows.entries()) points.set(means.subarray(3 * g, 3 * g + 3), 3 * i);
  return around(
    points,
    wide.map((width) => Math.min(width, usual)),
  );
}

const rowsWhere = (count: number, isKept: (g: number) => boolean): Uint32Array =>
  Uint32Array.from({ length: count }, (_, g) => g).filter(isKept);

const quantile = (sorted: Float32Array, share: number): number => sorted[Math.round(share * (sorted.length - 1))];

function around(points: Float32Array, reach?: Float32Array): Outline {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = low.map((v) => -v);
  for (let i = 0; i < points.length; i++) {
    const [c, r] = [i % 3, reach?.[Math.floor(i / 3)] ?? 0];
    low[c] = Math.min(low[c], points[i] - r);
    high[c] = Math.max(high[c], points[i] + r);
  }
  if (!low.every(Number.isFinite) || !high.every(Number.isFinite))
    throw new Error(
      'outlineOf: the asset has no finite point, so there is nothing to see. Check it with `espalier check`.',
    );
  const center = [0, 1, 2].map((c) => (low[c] + high[c]) / 2) as [number, number, number];
  let radius = 0;
  for (let i = 0; i < points.length; i += 3) {
    const far = Math.hypot(points[i] - center[0], points[i + 1] - center[1], points[i + 2] - center[2]);
    radius = Math.max(radius, far + (reach?.[i / 3] ?? 0));
  }
  if (!(radius > 0)) radius = Math.max(1e-6, 1e-6 * Math.hypot(...center)); // a single point
  return { points, reach, center, radius };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
