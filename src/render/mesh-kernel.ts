/** Differentiable triangles on threads: lays out the memory of kernels/mesh.ts and calls its steps in order. */
import { type KernelPoolOptions, type MeshKernel, meshKernel, oneAtATime, openKernel } from '../kernels/index.ts';
import {
  attributeCount,
  checkMesh,
  checkMeshUpstream,
  type MeshGradients,
  type MeshPicture,
  type MeshRasterizer,
  type MeshScene,
  type MeshUpstream,
  type MeshView,
} from './mesh-rasterizer.ts';

const BAND = 16; // rows
const PLANES = 5; // mask, depth, normal; then the attributes

/** What stays in the kernel's memory from `render` to `backward`. */
interface Prepared {
  readonly camera: number;
  readonly positions: number;
  readonly attributes: number;
  readonly indices: number;
  readonly clip: number;
  readonly bands: number;
  readonly bases: number;
  readonly offsets: number;
  readonly list: number;
  readonly entries: number;
  readonly starts: number;
  readonly corners: number;
  readonly scratch: number;
  readonly triangle: number;
  readonly raw: number;
  readonly mark: number;
}

/** Opens the threads; give them back with `dispose`. */
export async function createMeshRasterizer(options: KernelPoolOptions = {}): Promise<MeshRasterizer> {
  const kernel = await openKernel<MeshKernel>(meshKernel, options);
  const { memory } = kernel;
  let current: Prepared | undefined;
  const inTurn = oneAtATime();

  /** Everything up to the planes before anti-aliasing. */
  async function prepare(scene: MeshScene, view: MeshView): Promise<Prepared> {
    current = undefined;
    memory.reset();
    const { width, height } = view;
    const channels = attributeCount(scene);
    const vertexCount = scene.positions.length / 3;
    const faceCount = scene.indices.length / 3;
    const bandCount = Math.ceil(height / BAND);
    const camera = memory.place(8 * 20);
    const positions = memory.put(scene.positions);
    const attributes = memory.put(scene.attributes ?? new Float32Array());
    const indices = memory.place(12 * faceCount);
    const clip = memory.place(24 * vertexCount);
    const bands = memory.place(8 * faceCount);
    const bases = memory.place(4 * (faceCount + 1));
    const offsets = memory.place(4 * (bandCount + 1));
    const starts = memory.place(4 * (vertexCount + 1));
    const corners = memory.place(12 * faceCount);
    const cursors = memory.place(4 * Math.max(vertexCount, bandCount));
    const scratch = memory.place(kernel.threads * Math.max(1024, 8 * BAND * width));
    const triangle = memory.place(4 * width * height);
    const raw = memory.place(4 * (PLANES + channels) * width * height);
    memory.doubles(camera, 20).set(cameraBlock(view));
    memory.integers(indices, 3 * faceCount).set(scene.indices);
    await kernel.everywhere('project', vertexCount, camera, positions, clip, width, height);
    await kernel.everywhere('bounds', faceCount, indices, clip, width, height, bands);
    const entries = await kernel.once('order', faceCount, bands, bandCount, bases, offsets);
    const list = memory.place(4 * entries);
    await kernel.once('fill', faceCount, bands, bandCount, offsets, cursors, list);
    await kernel.once('corners', vertexCount, faceCount, indices, starts, cursors, corners);
    await kernel.everywhere(
      'raster',
      ...([bandCount, width, height, indices, clip, positions, attributes, channels, list, offsets] as const),
      ...([scratch, triangle, raw] as const),
    );
    return {
      ...{ camera, positions, attributes, indices, clip, bands, bases, offsets, list, entries },
      ...{ starts, corners, scratch, triangle, raw, mark: memory.mark },
    };
  }

  async function render(scene: MeshScene, view: MeshView): Promise<MeshPicture> {
    const prepared = await prepare(scene, view);
    const { width, height, antialias = true } = view;
    const pixels = width * height;
    const channels = attributeCount(scene);
    const { indices, clip, starts, corners, triangle, raw } = prepared;
    const out = memory.place(4 * (PLANES + channels) * pixels);
    await kernel.everywhere(
      'antialias',
      ...([antialias ? 1 : 0, Math.ceil(height / BAND), width, height] as const),
      ...([indices, clip, starts, corners, channels, triangle, raw, out] as const),
    );
    current = prepared;
    const planes = (from: number, count: number) => memory.floats(out + 4 * from * pixels, count * pixels).slice();
    return {
      triangle: memory.integers(triangle, pixels).slice(),
      mask: planes(0, 1),
      depth: planes(1, 1),
      normal: planes(2, 3),
      attributes: planes(PLANES, channels),
      async backward(upstream) {
        checkMeshUpstream(upstream, channels, width, height);
        return inTurn(async () => {
          if (current !== prepared) current = await prepare(scene, view); // another picture came between
          return backward(current, scene, view, upstream);
        });
      },
    };
  }

  async function backward(
    prepared: Prepared,
    scene: MeshScene,
    { width, height, antialias = true }: MeshView,
    upstream: MeshUpstream,
  ): Promise<MeshGradients> {
    const pixels = width * height;
    const channels = attributeCount(scene);
    const vertexCount = scene.positions.length / 3;
    const faceCount = scene.indices.length / 3;
    const { camera, positions, attributes, indices, clip, bands, bases, offsets, list, entries } = prepared;
    const { starts, corners, scratch, triangle, raw } = prepared;
    memory.reset(prepared.mark);
    const given = memory.place(4 * (PLANES + channels) * pixels);
    const records = memory.place(4 * (12 + 3 * channels) * entries);
    const gPositions = memory.place(12 * vertexCount);
    const gAttributes = memory.place(4 * channels * vertexCount);
    const put = (from: number, count: number, data?: Float32Array) => {
      const target = memory.floats(given + 4 * from * pixels, count * pixels);
      if (data) target.set(data);
      else target.fill(0);
      return target;
    };
    put(0, 1, upstream.mask);
    put(1, 1, upstream.depth);
    const normal = put(2, 3, upstream.normal);
    for (let i = 0; i < normal.length; i++) normal[i] *= 0.5; // they are encoded (n + 1) / 2
    put(PLANES, channels, upstream.attributes);
    await kernel.everywhere(
      'pixelsBackward',
      ...([antialias ? 1 : 0, Math.ceil(height / BAND), width, height, indices, clip, starts, corners] as const),
      ...([attributes, channels, bands, bases, list, offsets, scratch, triangle, raw, given, records] as const),
    );
    await kernel.everywhere('facesBackward', faceCount, channels, camera, indices, positions, bases, records);
    await kernel.everywhere(
      'verticesBackward',
      ...([vertexCount, channels, starts, corners, bases, records, gPositions, gAttributes] as const),
    );
    return {
      positions: memory.floats(gPositions, 3 * vertexCount).slice(),
      attributes: memory.floats(gAttributes, channels * vertexCount).slice(),
    };
  }

  return {
    async render(scene, view) {
      checkMesh(scene, view);
      return inTurn(() => render(scene, view));
    },
    dispose: () => inTurn(() => kernel.dispose()),
  };
}

/** As kernels/mesh.ts reads it. */
function cameraBlock({ camera, width, height }: MeshView): number[] {
  const { extrinsics: e, intrinsics: k } = camera;
  return [...e.subarray(0, 12), k[0], k[2], k[4], k[5], width * k[0], width * k[2], height * k[4], height * k[5]];
}
