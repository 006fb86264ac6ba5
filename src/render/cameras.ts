/**
 * Cameras: where they stand and how they project.
 *
 * Extrinsics map world to camera in OpenCV axes (x right, y down, z forward); intrinsics are normalised by the picture
 * (fx = 0.5 / tan(fov / 2), cx = cy = 0.5). Matrices are row-major Float64Array. World is z-up.
 */
export interface Camera {
  readonly extrinsics: Float64Array; // [4, 4]
  readonly intrinsics: Float64Array; // [3, 3]
}

type Vec3 = readonly [number, number, number];

/**
 * Camera on an orbit, looking at the origin: eye = r·(sin yaw·cos pitch, cos yaw·cos pitch, sin pitch).
 * yaw 0 stands on +y. Angles in radians.
 */
export function orbitCamera(yaw: number, pitch: number, radius: number, fovRadians: number): Camera {
  const eye: Vec3 = [
    radius * Math.sin(yaw) * Math.cos(pitch),
    radius * Math.cos(yaw) * Math.cos(pitch),
    radius * Math.sin(pitch),
  ];
  return { extrinsics: lookAt(eye, [0, 0, 0], [0, 0, 1]), intrinsics: intrinsicsFromFov(fovRadians) };
}

/** World → camera [4, 4], OpenCV axes. When the view is parallel to `up`, another up is taken. */
export function lookAt(eye: Vec3, target: Vec3, up: Vec3): Float64Array {
  const z = normalize([target[0] - eye[0], target[1] - eye[1], target[2] - eye[2]]);
  let side = cross([-up[0], -up[1], -up[2]], z);
  if (Math.hypot(...side) < 1e-12) side = cross([0, -1, 0], z);
  const x = normalize(side);
  const y = cross(z, x);
  const rows = [x, y, z];
  const out = new Float64Array(16);
  for (let r = 0; r < 3; r++) {
    for (let c = 0; c < 3; c++) out[r * 4 + c] = rows[r][c];
    out[r * 4 + 3] = -(rows[r][0] * eye[0] + rows[r][1] * eye[1] + rows[r][2] * eye[2]);
  }
  out[15] = 1;
  return out;
}

/** [3, 3], square pixels, principal point in the middle. */
export function intrinsicsFromFov(fovRadians: number): Float64Array {
  const f = 0.5 / Math.tan(fovRadians / 2);
  return Float64Array.from([f, 0, 0.5, 0, f, 0.5, 0, 0, 1]);
}

/** The renderers' projection [4, 4]: y down, depth 0 … 1 between `near` and `far`. */
export function projectionFromIntrinsics(k: Float64Array, near: number, far: number): Float64Array {
  const out = new Float64Array(16);
  out[0] = 2 * k[0];
  out[5] = 2 * k[4];
  out[2] = 2 * k[2] - 1;
  out[6] = 1 - 2 * k[5];
  out[10] = far / (far - near);
  out[11] = (near * far) / (near - far);
  out[14] = 1;
  return out;
}

/** points [N, 3] → picture coordinates [N, 2] in 0 … 1 (origin top left) and depth [N]. */
export function projectPoints(camera: Camera, points: ArrayLike<number>): { uv: Float64Array; depth: Float64Array } {
  const { extrinsics: e, intrinsics: k } = camera;
  const count = points.length / 3;
  const uv = new Float64Array(count * 2);
  const depth = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const [x, y, z] = [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
    const cz = e[8] * x + e[9] * y + e[10] * z + e[11];
    uv[2 * i] = (k[0] * (e[0] * x + e[1] * y + e[2] * z + e[3])) / cz + k[2];
    uv[2 * i + 1] = (k[4] * (e[4] * x + e[5] * y + e[6] * z + e[7])) / cz + k[5];
    depth[i] = cz;
  }
  return { uv, depth };
}

/**
 * Camera → world [4, 4] in OpenGL axes (x right, y up, looking down −z), as transforms.json stores it.
 */
export function cameraToWorldOpenGl(camera: Camera): Float64Array {
  const e = camera.extrinsics;
  const out = new Float64Array(16);
  for (let r = 0; r < 3; r++) {
    out[r * 4] = e[r];
    out[r * 4 + 1] = -e[4 + r];
    out[r * 4 + 2] = -e[8 + r];
    out[r * 4 + 3] = -(e[r] * e[3] + e[4 + r] * e[7] + e[8 + r] * e[11]);
  }
  out[15] = 1;
  return out;
}

/**
 * Direction n of `count` on the sphere, from the Hammersley sequence shifted by `offset` in [0, 1)².
 * With `remap`, a quarter of the directions look from below (the toolkit's choice for all its renders).
 * Source: microsoft/TRELLIS, `trellis/utils/random_utils.py` and `dataset_toolkits/utils.py`.
 */
export function hammersleyDirection(
  n: number,
  count: number,
  offset: readonly [number, number],
  remap: boolean,
): { yaw: number; pitch: number } {
  let u = n / count + offset[0] / count;
  const v = radicalInverse2(n) + offset[1];
  if (remap) u = u < 0.25 ? 2 * u : (2 * u) / 3 + 1 / 3;
  return { yaw: 2 * Math.PI * v, pitch: Math.acos(1 - 2 * u) - Math.PI / 2 };
}

function radicalInverse2(n: number): number {
  let value = 0;
  for (let digit = 0.5, rest = n; rest > 0; rest = Math.floor(rest / 2), digit /= 2) value += (rest % 2) * digit;
  return value;
}

const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

function normalize(a: Vec3): Vec3 {
  const length = Math.hypot(...a);
  return [a[0] / length, a[1] / length, a[2] / length];
}
