/** Ray marching on threads: lays out the memory of kernels/field.ts and calls its steps in order. */
import { type FieldKernel, fieldKernel, type KernelPoolOptions, oneAtATime, openKernel } from '../kernels/index.ts';
import type { RadianceField } from '../representations/index.ts';
import {
  cellGrid,
  checkField,
  type FieldGradients,
  type FieldPicture,
  type FieldRasterizer,
  type FieldView,
  stepOf,
} from './field-rasterizer.ts';

/** Rows are added up in so many groups, each with gradients of the whole field; as many threads at most do the adjoint. */
const GROUPS = 4;

/** Cells per side of what rays skip when it is empty, as in kernels/field-ray.ts. */
const REGION = 4;

/** What stays in the kernel's memory from `render` to `backward`. */
interface Prepared {
  readonly camera: number;
  readonly grid: number;
  readonly regions: number;
  readonly blocks: number;
  readonly offsets: number;
  readonly background: number;
  readonly mark: number;
}

/** Opens the threads; give them back with `dispose`. */
export async function createFieldRasterizer(options: KernelPoolOptions = {}): Promise<FieldRasterizer> {
  const kernel = await openKernel<FieldKernel>(fieldKernel, options);
  const { memory } = kernel;
  let current: Prepared | undefined;
  const inTurn = oneAtATime();

  async function prepare(field: RadianceField, view: FieldView): Promise<Prepared> {
    current = undefined;
    memory.reset();
    const { width, height, background = [0, 0, 0] } = view;
    const { resolution, rank, dim } = field;
    const { count, ranks, blockBytes } = sizesOf(field);
    const cells = cellGrid(field);
    const camera = memory.place(8 * 17);
    const grid = memory.place(4 * resolution ** 3);
    const regionCount = Math.ceil(resolution / REGION) ** 3;
    const regions = memory.place(regionCount);
    const blocks = memory.place(count * blockBytes);
    const offsets = memory.place(4 * width * height);
    const behind = memory.put(Float32Array.from(background));
    const mark = memory.mark;
    const [positions, trivec, density, colorsDc] = [
      memory.put(field.positions),
      memory.put(field.trivec),
      memory.put(field.density),
      memory.put(field.colorsDc),
    ];
    memory.doubles(camera, 17).set(cameraBlock(view));
    memory.integers(grid, cells.length).set(cells);
    memory.bytes(regions, regionCount).fill(0);
    if (view.offsets) memory.floats(offsets, width * height).set(view.offsets);
    else memory.floats(offsets, width * height).fill(0.5);
    await kernel.everywhere(
      'arrange',
      ...([
        count,
        rank,
        ranks,
        dim,
        camera,
        positions,
        resolution,
        trivec,
        density,
        colorsDc,
        blocks,
        grid,
        regions,
      ] as const),
    );
    return { camera, grid, regions, blocks, offsets, background: behind, mark };
  }

  async function render(field: RadianceField, view: FieldView): Promise<FieldPicture> {
    const prepared = await prepare(field, view);
    const { width, height } = view;
    const pixels = width * height;
    const { camera, grid, regions, blocks, offsets, background } = prepared;
    memory.reset(prepared.mark);
    const color = memory.place(12 * pixels);
    const [alpha, depth, medianDepth] = [0, 1, 2].map(() => memory.place(4 * pixels));
    await kernel.everywhere(
      'march',
      ...([
        width,
        height,
        camera,
        grid,
        regions,
        field.resolution,
        sizesOf(field).ranks,
        field.dim,
        stepOf(field),
      ] as const),
      ...([blocks, offsets, background, color, alpha, depth, medianDepth] as const),
    );
    current = prepared;
    const seen = memory.floats(color, 3 * pixels).slice();
    return {
      color: seen,
      alpha: memory.floats(alpha, pixels).slice(),
      depth: memory.floats(depth, pixels).slice(),
      medianDepth: memory.floats(medianDepth, pixels).slice(),
      async backward(gColor) {
        if (gColor.length !== 3 * pixels)
          throw new Error(
            `backward: the gradient of color must be [3, ${height}, ${width}], got ${gColor.length} values.`,
          );
        return inTurn(async () => {
          if (current !== prepared) current = await prepare(field, view); // another picture came between
          return backward(current, field, view, seen, gColor);
        });
      },
    };
  }

  async function backward(
    prepared: Prepared,
    field: RadianceField,
    { width, height }: FieldView,
    seen: Float32Array,
    upstream: Float32Array,
  ): Promise<FieldGradients> {
    const { count, ranks, blockBytes } = sizesOf(field);
    const { resolution, rank, dim } = field;
    const { camera, grid, regions, blocks, offsets } = prepared;
    memory.reset(prepared.mark);
    const color = memory.put(seen);
    const gColor = memory.put(upstream);
    const gBlocks = memory.place(GROUPS * count * blockBytes);
    const seenBy = memory.place(GROUPS * count);
    const gBackground = memory.place(24 * GROUPS);
    const [gTrivec, gDensity, gDc] = [field.trivec, field.density, field.colorsDc].map((a) =>
      memory.place(4 * a.length),
    );
    await kernel.everywhere(
      'marchBackward',
      ...([GROUPS, count, width, height, camera, grid, regions, resolution, ranks, dim, stepOf(field)] as const),
      ...([blocks, offsets, color, gColor, gBlocks, seenBy, gBackground] as const),
    );
    await kernel.everywhere('collect', GROUPS, count, rank, ranks, dim, gBlocks, seenBy, gTrivec, gDensity, gDc);
    const background: [number, number, number] = [0, 0, 0];
    for (const [i, g] of memory.doubles(gBackground, 3 * GROUPS).entries()) background[i % 3] += g;
    return {
      trivec: memory.floats(gTrivec, field.trivec.length).slice(),
      density: memory.floats(gDensity, field.density.length).slice(),
      colorsDc: memory.floats(gDc, field.colorsDc.length).slice(),
      background,
    };
  }

  return {
    async render(field, view) {
      checkField(field, view);
      return inTurn(() => render(field, view));
    },
    dispose: () => inTurn(() => kernel.dispose()),
  };
}

/** Cells, ranks filled up to a multiple of four, bytes of a cell's block. */
function sizesOf({ positions, rank, dim }: RadianceField) {
  const ranks = 4 * Math.ceil(rank / 4);
  return { count: positions.length / 3, ranks, blockBytes: 4 * (3 * dim + 4) * ranks };
}

/** As kernels/field.ts reads it. */
function cameraBlock({ camera: { extrinsics: e, intrinsics: k } }: FieldView): number[] {
  const rotation = [0, 1, 2].flatMap((r) => [e[4 * r], e[4 * r + 1], e[4 * r + 2]]);
  const eye = [0, 1, 2].map((c) => 0.5 - (e[c] * e[3] + e[4 + c] * e[7] + e[8 + c] * e[11]));
  return [...rotation, ...eye, k[0], k[4], k[2], k[5], e[11]];
}
