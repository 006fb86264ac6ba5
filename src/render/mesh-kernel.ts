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
/** Instead of an amount in −½ … ½, as in kernels/mesh-antialias.ts. */
const NOT_MIXED = 2;
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
  readonly entries: number;
  readonly starts: number;
  readonly corners: number;
  readonly scratch: number;
  readonly triangle: number;
  readonly raw: number;
  readonly amounts: number;
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
    const clip = memory.place(40 * vertexCount);
    const boxes = memory.place(8 * faceCount);
    const bands = memory.place(8 * faceCount);
    const bases = memory.place(4 * (faceCount + 1));
    const offsets = memory.place(4 * (bandCount + 1));
    const starts = memory.place(4 * (vertexCount + 1));
    const corners = memory.place(12 * faceCount);
    const cursors = memory.place(4 * Math.max(vertexCount, bandCount));
    const scratch = memory.place(kernel.threads * Math.max(1024, 8 * BAND * width));
    const triangle = memory.place(4 * width * height);
    const raw = memory.place(4 * (PLANES + channels) * width * height);
    const amounts = memory.place(8 * width * height);
    memory.doubles(camera, 20).set(cameraBlock(view));
    new Uint32Array(memory.memory.buffer, indices, 3 * faceCount).set(scene.indices);
    await kernel.everywhere('project', vertexCount, camera, positions, clip, width, height);
    await kernel.everywhere('bounds', faceCount, indices, clip, width, height, boxes, bands);
    const entries = await kernel.once('order', faceCount, bands, bandCount, bases, offsets);
    const list = memory.place(4 * entries);
    await kernel.once('fill', faceCount, bands, bandCount, offsets, cursors, list);
    await kernel.once('corners', vertexCount, faceCount, indices, starts, cursors, corners);
    await kernel.everywhere(
      'raster',
      ...([bandCount, width, height, indices, clip, positions, attributes, channels, boxes, list, offsets] as const),
      ...([scratch, triangle, raw] as const),
    );
    return {
      ...{ camera, positions, attributes, indices, clip, bands, bases, entries },
      ...{ starts, corners, scratch, triangle, raw, amounts, mark: memory.mark },
    };
  }

  /** By how much neighbouring pixels are mixed. */
  async function cross(prepared: Prepared, { width, height, antialias = true }: MeshView): Promise<void> {
    const { indices, clip, starts, corners, triangle, raw, amounts } = prepared;
    if (!antialias) return void memory.floats(amounts, 2 * width * height).fill(NOT_MIXED);
    const depths = raw + 4 * width * height;
    await kernel.everywhere(
      'crossings',
      ...([
        Math.ceil(height / BAND),
        width,
        height,
        indices,
        clip,
        starts,
        corners,
        triangle,
        depths,
        amounts,
      ] as const),
    );
  }

  async function render(scene: MeshScene, view: MeshView): Promise<MeshPicture> {
    const prepared = await prepare(scene, view);
    const { width, height } = view;
    const pixels = width * height;
    const channels = attributeCount(scene);
    const { triangle, raw, amounts } = prepared;
    const bandCount = Math.ceil(height / BAND);
    const counts = memory.place(4 * bandCount);
    const mixed = memory.place(4 * (1 + PLANES + channels) * pixels);
    const planes = (from: number, count: number) => memory.floats(raw + 4 * from * pixels, count * pixels).slice();
    const crossed = cross(prepared, view); // meanwhile
    const [mask, depth, normal, attributes] = [planes(0, 1), planes(1, 1), planes(2, 3), planes(PLANES, channels)];
    const seen = memory.integers(triangle, pixels).slice();
    await crossed;
    await kernel.everywhere('mix', bandCount, width, height, PLANES + channels, raw, amounts, counts, mixed);
    for (let band = 0; band < bandCount; band++) {
      const size = 1 + PLANES + channels;
      const address = mixed + 4 * size * band * BAND * width;
      const length = size * memory.integers(counts, bandCount)[band];
      const [pixel, values] = [memory.integers(address, length), memory.floats(address, length)];
      for (let i = 0; i < length; i += size) {
        const p = pixel[i];
        mask[p] = values[i + 1];
        depth[p] = values[i + 2];
        for (let c = 0; c < 3; c++) normal[c * pixels + p] = values[i + 3 + c];
        for (let c = 0; c < channels; c++) attributes[c * pixels + p] = values[i + 6 + c];
      }
    }
    current = prepared;
    return {
      ...{ triangle: seen, mask, depth, normal, attributes },
      async backward(upstream) {
        checkMeshUpstream(upstream, channels, width, height);
        return inTurn(async () => {
          if (current !== prepared) {
            const again = await prepare(scene, view); // another picture came between
            await cross(again, view);
            current = again;
          }
          return backward(current, scene, view, upstream);
        });
      },
    };
  }

  async function backward(
    prepared: Prepared,
    scene: MeshScene,
    { width, height }: MeshView,
    upstream: MeshUpstream,
  ): Promise<MeshGradients> {
    const pixels = width * height;
    const channels = attributeCount(scene);
    const vertexCount = scene.positions.length / 3;
    const faceCount = scene.indices.length / 3;
    const { camera, positions, attributes, indices, clip, bands, bases, entries } = prepared;
    const { starts, corners, scratch, triangle, raw, amounts } = prepared;
    memory.reset(prepared.mark);
    const given = memory.place(4 * (PLANES + channels) * pixels);
    const records = memory.place(4 * (12 + 3 * channels) * entries);
    const met = memory.place(entries);
    const own = memory.place(4 * faceCount);
    const gPositions = memory.place(12 * vertexCount);
    const gAttributes = memory.place(4 * channels * vertexCount);
    const put = (from: number, count: number, data?: Float32Array) => {
      const target = memory.floats(given + 4 * from * pixels, count * pixels);
      if (data) target.set(data);
      else target.fill(0);
    };
    put(0, 1, upstream.mask);
    put(1, 1, upstream.depth);
    put(2, 3, upstream.normal);
    put(PLANES, channels, upstream.attributes);
    memory.bytes(met, entries).fill(0);
    await kernel.everywhere(
      'pixelsBackward',
      ...([Math.ceil(height / BAND), width, height, indices, clip, starts, corners, attributes, channels] as const),
      ...([bands, bases, scratch, triangle, raw, amounts, given, records, met] as const),
    );
    await kernel.everywhere('facesBackward', faceCount, channels, camera, indices, positions, bases, records, met, own);
    await kernel.everywhere(
      'verticesBackward',
      ...([vertexCount, channels, starts, corners, records, own, gPositions, gAttributes] as const),
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
