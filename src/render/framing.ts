/** Cameras that look at an asset from given sides, as near as all of it fits into each picture. */
import type { Outline } from './asset-outline.ts';
import { type Camera, intrinsicsFromFov } from './cameras.ts';

/** A side to look from, in degrees. Azimuth 0 stands in front, on −y; 90 on +x. Elevation 90 looks down. */
export interface ViewDirection {
  readonly azimuth: number;
  readonly elevation: number;
}

/** Sides by name, as drawings call them. */
export const namedViews = {
  front: { azimuth: 0, elevation: 0 },
  right: { azimuth: 90, elevation: 0 },
  back: { azimuth: 180, elevation: 0 },
  left: { azimuth: 270, elevation: 0 },
  top: { azimuth: 0, elevation: 90 },
  bottom: { azimuth: 0, elevation: -90 },
} as const satisfies Record<string, ViewDirection>;

export type NamedView = keyof typeof namedViews;

export interface FramingOptions {
  /** full angle of the square picture, degrees; 40 by default */
  readonly fovDegrees?: number;
  /** from the asset's middle to the camera, in its own units; by default as near as all of it fits */
  readonly distance?: number;
}

/** All cameras stand equally far from the middle, so that nothing changes its size from view to view. */
export interface Framing {
  readonly cameras: readonly Camera[];
  readonly distance: number;
  /** camera z between which the asset lies */
  readonly near: number;
  readonly far: number;
}

export const FRAMING_DEFAULTS = { fovDegrees: 40 };
const MARGIN = 1.06; // of the picture, left around the asset
const LEAST_DISTANCE = 1.1; // from the outermost point towards the camera, in radii: flat things seen from the edge
const MOST_FITTED = 24; // directions that the distance is fitted to; a turntable has more, close to each other

/** @throws RangeError when an angle or the distance makes no view */
export function frameViews(
  outline: Outline,
  directions: readonly ViewDirection[],
  { fovDegrees = FRAMING_DEFAULTS.fovDegrees, distance }: FramingOptions = {},
): Framing {
  if (directions.length === 0) throw new RangeError('frameViews: expected at least one view, got none.');
  if (!(fovDegrees >= 1 && fovDegrees <= 150))
    throw new RangeError(`frameViews: the field of view must be 1 … 150 degrees, got ${fovDegrees}.`);
  if (distance !== undefined && !(distance > 0 && Number.isFinite(distance)))
    throw new RangeError(`frameViews: the distance must be above 0, got ${distance}. Leave it out to fit the asset.`);
  const frames = directions.map(frameOf);
  const every = Math.ceil(frames.length / MOST_FITTED);
  const away =
    distance ??
    Math.max(...frames.filter((_, i) => i % every === 0).map((frame) => fitted(outline, frame, fovDegrees)));
  const intrinsics = intrinsicsFromFov((fovDegrees * Math.PI) / 180);
  const { center, radius } = outline;
  return {
    cameras: frames.map((frame) => ({ extrinsics: extrinsicsOf(frame, center, away), intrinsics })),
    distance: away,
    near: Math.max(away - radius, 0.01 * away),
    far: away + radius,
  };
}

/** `count` directions a full circle apart in all. */
export function circleOfViews(count: number, { azimuth, elevation }: ViewDirection, turns = 1): ViewDirection[] {
  return Array.from({ length: count }, (_, i) => ({ azimuth: azimuth + (360 * turns * i) / count, elevation }));
}

type Vec3 = readonly [number, number, number];

interface Frame {
  readonly right: Vec3;
  readonly up: Vec3;
  readonly towards: Vec3; // from the middle to the camera
}

/** Not by look-at: straight from above the azimuth still says where right is. */
function frameOf({ azimuth, elevation }: ViewDirection): Frame {
  if (!Number.isFinite(azimuth) || !(Math.abs(elevation) <= 90))
    throw new RangeError(
      `frameViews: a view has an azimuth and an elevation in −90 … 90 degrees, got ${azimuth} and ${elevation}.`,
    );
  const [a, e] = [(azimuth * Math.PI) / 180, (elevation * Math.PI) / 180];
  return {
    right: [Math.cos(a), Math.sin(a), 0],
    up: [-Math.sin(a) * Math.sin(e), Math.cos(a) * Math.sin(e), Math.cos(e)],
    towards: [Math.sin(a) * Math.cos(e), -Math.cos(a) * Math.cos(e), Math.sin(e)],
  };
}

/** The distance at which the outermost point touches the margin. */
function fitted({ points, reach, center, radius }: Outline, frame: Frame, fovDegrees: number): number {
  const half = Math.atan(Math.tan((fovDegrees * Math.PI) / 360) / MARGIN);
  const [slope, secant] = [1 / Math.tan(half), 1 / Math.sin(half)];
  const { right, up, towards } = frame;
  let most = 0;
  let front = 0;
  for (let i = 0; i < points.length; i += 3) {
    const x = points[i] - center[0];
    const y = points[i + 1] - center[1];
    const z = points[i + 2] - center[2];
    const around = reach ? reach[i / 3] : 0;
    const across = Math.abs(x * right[0] + y * right[1]);
    const along = Math.abs(x * up[0] + y * up[1] + z * up[2]);
    const near = x * towards[0] + y * towards[1] + z * towards[2];
    const needed = near + Math.max(across, along) * slope + around * secant;
    if (needed > most) most = needed;
    if (near + around > front) front = near + around;
  }
  return Math.max(most, front + (LEAST_DISTANCE - 1) * radius);
}

/** World → camera [4, 4], OpenCV axes. */
function extrinsicsOf({ right, up, towards }: Frame, center: Vec3, distance: number): Float64Array {
  const rows = [right, up.map((v) => -v), towards.map((v) => -v)];
  const out = new Float64Array(16);
  for (const [r, row] of rows.entries()) {
    out.set(row, 4 * r);
    out[4 * r + 3] = -(row[0] * center[0] + row[1] * center[1] + row[2] * center[2]) + (r === 2 ? distance : 0);
  }
  out[15] = 1;
  return out;
}
