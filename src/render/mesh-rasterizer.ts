/**
 * What a differentiable rasteriser of triangles takes and gives. Two implement it: the kernel (mesh-kernel.ts) and its slow
 * readable twin (mesh-twin.ts).
 *
 * Both sides of a triangle are drawn. What is seen has no gradient with respect to where edges are; that comes from
 * anti-aliasing, which mixes the two pixels at a silhouette by where it crosses between their centres.
 * Source: Laine et al. 2020, "Modular Primitives for High-Performance Differentiable Rendering", §3; reference/training.md §19.
 */
import type { Camera } from './cameras.ts';
import { checkFrame } from './check-frame.ts';

export interface MeshScene {
  /** [V, 3], world */
  readonly positions: Float32Array;
  /** [F, 3], rows of `positions` */
  readonly indices: Uint32Array;
  /** [V, C], whatever is to be interpolated: colors, normals, texture coordinates */
  readonly attributes?: Float32Array;
}

export interface MeshView {
  readonly camera: Camera;
  readonly width: number;
  readonly height: number;
  /** default true; without it the mask has no gradient */
  readonly antialias?: boolean;
}

export interface MeshPicture {
  /** [H, W]: the triangle at the pixel's centre, from 1; 0 is background */
  readonly triangle: Int32Array;
  /** [H, W] coverage */
  readonly mask: Float32Array;
  /** [H, W] camera z; 0 in the background */
  readonly depth: Float32Array;
  /** [3, H, W]: (n + 1) / 2 of the triangles' own normals, world; 0.5 in the background */
  readonly normal: Float32Array;
  /** [C, H, W], perspective-correct; 0 in the background */
  readonly attributes: Float32Array;
  /** Of what is drawn; the scene's arrays must be as they were. */
  backward(upstream: MeshUpstream): Promise<MeshGradients>;
}

/** Gradients of a loss with respect to the picture; what is missing is zero. */
export interface MeshUpstream {
  readonly mask?: Float32Array;
  readonly depth?: Float32Array;
  readonly normal?: Float32Array;
  readonly attributes?: Float32Array;
}

export interface MeshGradients {
  readonly positions: Float32Array; // [V, 3]
  readonly attributes: Float32Array; // [V, C]
}

/** Owned by whoever created it. Renders one picture at a time; more requests wait their turn. */
export interface MeshRasterizer {
  /** The scene's arrays must stay as they are until `backward`. */
  render(scene: MeshScene, view: MeshView): Promise<MeshPicture>;
  dispose(): Promise<void>;
}

export const NEAR = 1e-3; // camera z below which nothing is drawn
export const FARTHEST = 1e9; // of a vertex' (x·w, y·w, w) in pixels; a triangle with more, or with NaN, is not drawn
export const SLACK = 1 / 16; // a crossing may lie that far outside the two centres
export const SHORTEST = 1e-3; // pixels across which a crossing's gradient is taken at least
export const MAX_ATTRIBUTES = 64;

/** C. */
export const attributeCount = ({ positions, attributes }: MeshScene): number =>
  attributes && positions.length > 0 ? attributes.length / (positions.length / 3) : 0;

/** @throws RangeError or Error, naming the array, what was expected and what came */
export function checkMesh(scene: MeshScene, view: MeshView): void {
  checkFrame('renderMesh', view);
  const count = scene.positions.length / 3;
  if (!Number.isInteger(count) || scene.indices.length % 3 !== 0)
    throw new Error(
      `renderMesh: positions must be [V, 3] and indices [F, 3], got ${scene.positions.length} and ${scene.indices.length} values.`,
    );
  const wrong = firstAtLeast(scene.indices, count);
  if (wrong >= 0)
    throw new RangeError(
      `renderMesh: triangle ${Math.floor(wrong / 3)} names vertex ${scene.indices[wrong]}, there are ${count}. Indices start at 0.`,
    );
  const channels = attributeCount(scene);
  const misshapen = scene.attributes !== undefined && scene.attributes.length !== channels * count;
  if (!Number.isInteger(channels) || channels > MAX_ATTRIBUTES || misshapen)
    throw new Error(
      `renderMesh: attributes must be [V, C] with V = ${count} and C at most ${MAX_ATTRIBUTES}, got ${scene.attributes?.length} values.`,
    );
}

/** A loop: findIndex calls a function a million times. */
function firstAtLeast(values: Uint32Array, limit: number): number {
  for (let i = 0; i < values.length; i++) if (values[i] >= limit) return i;
  return -1;
}

export function checkMeshUpstream(upstream: MeshUpstream, channels: number, width: number, height: number): void {
  const sizes = { mask: 1, depth: 1, normal: 3, attributes: channels } as const;
  for (const [name, planes] of Object.entries(sizes)) {
    const length = upstream[name as keyof typeof sizes]?.length;
    if (length !== undefined && length !== planes * width * height)
      throw new Error(
        `backward: the gradient of ${name} must be [${planes}, ${height}, ${width}] like the picture, got ${length} values.`,
      );
  }
}
