import { orbitCamera } from './cameras.ts';

/** Where an orbit camera stands that looks at the origin, up is +z. Angles in radians. */
export interface OrbitView {
  /** 0 stands on +y, π/2 on +x. */
  yaw: number;
  /** Positive looks from above; between −π/2 and π/2. */
  pitch: number;
  /** Distance from the origin; 2 by default. */
  radius?: number;
  /** Full angle of the square picture; 30° by default. */
  fovRadians?: number;
}

/** The square picture plane in the world: eye, and orthonormal axes as rays need them. */
export interface ViewFrame {
  eye: [number, number, number];
  right: [number, number, number];
  up: [number, number, number];
  forward: [number, number, number];
  /** Half the side of the picture plane at distance 1. */
  halfSide: number;
}

/** Eye, axes and opening of an orbit view. */
export function viewFrame({ yaw, pitch, radius = 2, fovRadians = Math.PI / 6 }: OrbitView): ViewFrame {
  const { extrinsics: e, intrinsics } = orbitCamera(yaw, pitch, radius, fovRadians);
  const eye = [0, 1, 2].map((a) => -(e[a] * e[3] + e[4 + a] * e[7] + e[8 + a] * e[11])) as ViewFrame['eye'];
  return {
    eye,
    right: [e[0], e[1], e[2]],
    up: [-e[4], -e[5], -e[6]],
    forward: [e[8], e[9], e[10]],
    halfSide: 0.5 / intrinsics[0],
  };
}
