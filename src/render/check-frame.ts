import type { Camera } from './cameras.ts';

export const MAX_SIDE = 16384; // pixels

/** @throws RangeError or Error when a camera or the size of its picture makes no sense; `where` begins the message */
export function checkFrame(where: string, frame: { camera: Camera; width: number; height: number }): void {
  const { width, height, camera } = frame;
  for (const [name, side] of Object.entries({ width, height }))
    if (!Number.isInteger(side) || side < 1 || side > MAX_SIDE)
      throw new RangeError(`${where}: ${name} must be an integer in 1 … ${MAX_SIDE}, got ${side}.`);
  if (camera.extrinsics.length !== 16 || camera.intrinsics.length !== 9)
    throw new Error(
      `${where}: a camera has extrinsics [4, 4] and intrinsics [3, 3], got ${camera.extrinsics.length} and ${camera.intrinsics.length} numbers. Build it with orbitCamera or lookAt.`,
    );
  if (![...camera.extrinsics, ...camera.intrinsics].every(Number.isFinite))
    throw new Error(
      `${where}: the camera holds a value that is not finite. Look from a place other than the target, with a field of view above 0.`,
    );
}
