/**
 * What a rasteriser of Gaussians takes and gives. Two implement it: the kernel (gaussian-kernel.ts) and its slow readable twin
 * (gaussian-twin.ts).
 *
 * Elliptical weighted averages, sorted by depth and blended front to back, with the filter that keeps splats at least a
 * pixel's width. Which pixels a Gaussian reaches follows the published rasteriser to the last digit: squares of 3 σ, cut to tiles of
 * 16 × 16 pixels, down to α = 1/255; a pixel is full at a transmittance of 1e-4.
 * Source: Zwicker et al. 2001, "EWA Volume Splatting"; Kerbl et al. 2023, "3D Gaussian Splatting"; Yu et al. 2024,
 * "Mip-Splatting"; reference/training.md §16.
 */
import type { Gaussians } from '../representations/index.ts';
import type { Camera } from './cameras.ts';
import { checkFrame } from './check-frame.ts';

/**
 * Gaussians whose color may depend on the direction they are seen from: spherical harmonics of degree 1, 2 or 3 beside the
 * constant one. Not drawn is a Gaussian with a value that is not finite, with an opacity outside 0 … 1, or beyond the
 * limits of color and width below.
 */
export interface GaussianScene extends Gaussians {
  /** [G, K, 3] with K = 3, 8 or 15 */
  readonly colorsRest?: Float32Array;
}

export interface GaussianView {
  readonly camera: Camera;
  readonly width: number;
  readonly height: number;
  /** behind everything, display-referred; default black */
  readonly background?: readonly [number, number, number];
}

export interface GaussianPicture {
  /** [3, H, W], over the background */
  readonly color: Float32Array;
  /** [H, W] */
  readonly alpha: Float32Array;
  /** [H, W]: camera z, weighted as the colors are; nothing for the background. Divide by alpha for a mean. */
  readonly depth: Float32Array;
  /** Of what is drawn. @throws Error when the scene's arrays have changed size */
  backward(upstream: GaussianUpstream): Promise<GaussianGradients>;
}

/** Gradients of a loss with respect to the picture; what is missing is zero. */
export interface GaussianUpstream {
  readonly color?: Float32Array; // [3, H, W]
  readonly alpha?: Float32Array; // [H, W]
  readonly depth?: Float32Array; // [H, W]
}

/** Each like the array of the same name. Those of Gaussians that are not drawn are zero. */
export interface GaussianGradients {
  readonly means: Float32Array;
  readonly scales: Float32Array;
  /** with respect to (w, x, y, z) as they are: they are not normalised here */
  readonly rotations: Float32Array;
  readonly opacities: Float32Array;
  readonly colorsDc: Float32Array;
  readonly colorsRest?: Float32Array;
  readonly background: readonly [number, number, number];
}

/** Owned by whoever created it. Renders one picture at a time; more requests wait their turn. */
export interface GaussianRasterizer {
  /** The scene's arrays must stay as they are until `backward`. */
  render(scene: GaussianScene, view: GaussianView): Promise<GaussianPicture>;
  dispose(): Promise<void>;
}

export const TILE = 16; // pixels per side
export const NEAR = 0.2; // camera z up to which nothing is drawn
export const FILTER = 0.1; // px², added to the variances on the picture
export const FAINT = 1 / 255; // α below which nothing is added
export const OPAQUE = Math.fround(0.99); // largest α; as single precision has it, so that two of them always fill a pixel
export const ENOUGH = 1e-4; // transmittance below which nothing more is added
export const BRIGHTEST = 1e18; // a stronger color is not drawn, its gradients leave single precision
export const WIDEST = 1e6; // pixels: a larger radius is not drawn, double precision does not tell its axes apart

/** 0 … 3, the degree of the scene's harmonics. */
export function harmonicsDegree({ means, colorsRest }: GaussianScene): number {
  const perGaussian = colorsRest && means.length > 0 ? colorsRest.length / means.length : 0;
  return Math.round(Math.sqrt(perGaussian + 1)) - 1;
}

/** @throws RangeError or Error, naming the array, what was expected and what came */
export function checkGaussians(scene: GaussianScene, view: GaussianView): void {
  checkFrame('renderGaussians', view);
  const count = scene.means.length / 3;
  const rows = { means: 3, scales: 3, rotations: 4, opacities: 1, colorsDc: 3 } as const;
  for (const [name, size] of Object.entries(rows)) {
    const { length } = scene[name as keyof typeof rows];
    if (length !== size * count || !Number.isInteger(count))
      throw new Error(
        `renderGaussians: ${name} must be [G, ${size}] with G = ${count} as in means, got ${length} values.`,
      );
  }
  const rest = scene.colorsRest?.length ?? 0;
  if (![0, 3, 8, 15].some((k) => rest === 3 * k * count))
    throw new Error(
      `renderGaussians: colorsRest must be [G, K, 3] with K = 3, 8 or 15 and G = ${count}, got ${rest} values. Leave it out for degree 0.`,
    );
}

export function checkUpstream(upstream: GaussianUpstream, width: number, height: number): void {
  const sizes = { color: 3, alpha: 1, depth: 1 } as const;
  for (const [name, planes] of Object.entries(sizes)) {
    const length = upstream[name as keyof typeof sizes]?.length;
    if (length !== undefined && length !== planes * width * height)
      throw new Error(
        `backward: the gradient of ${name} must be [${planes}, ${height}, ${width}] like the picture, got ${length} values.`,
      );
  }
}
