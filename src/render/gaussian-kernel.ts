/** Gaussian splatting on threads: lays out the memory of kernels/gaussians.ts and calls its steps in order. */
import {
  type GaussianKernel,
  gaussianKernel,
  type KernelPoolOptions,
  oneAtATime,
  openKernel,
} from '../kernels/index.ts';
import {
  checkGaussians,
  checkUpstream,
  type GaussianGradients,
  type GaussianPicture,
  type GaussianRasterizer,
  type GaussianScene,
  type GaussianUpstream,
  type GaussianView,
  harmonicsDegree,
  TILE,
} from './gaussian-rasterizer.ts';

/** What stays in the kernel's memory from `render` to `backward`. */
interface Prepared {
  readonly count: number;
  readonly degree: number;
  readonly tilesX: number;
  readonly tiles: number;
  readonly camera: number;
  readonly background: number;
  readonly scratch: number;
  readonly parameters: readonly [
    means: number,
    scales: number,
    rotations: number,
    opacities: number,
    dc: number,
    rest: number,
  ];
  readonly splats: number;
  readonly rects: number;
  readonly bases: number;
  readonly offsets: number;
  readonly list: number;
  readonly pairs: number;
  readonly mark: number;
}

/** Opens the threads; give them back with `dispose`. */
export async function createGaussianRasterizer(options: KernelPoolOptions = {}): Promise<GaussianRasterizer> {
  const kernel = await openKernel<GaussianKernel>(gaussianKernel, options);
  const { memory } = kernel;
  let current: Prepared | undefined;
  const inTurn = oneAtATime();

  /** Projects, sorts, and lists the Gaussians of each tile. */
  async function prepare(scene: GaussianScene, view: GaussianView): Promise<Prepared> {
    current = undefined;
    memory.reset();
    const { width, height, background = [0, 0, 0] } = view;
    const count = scene.opacities.length;
    const degree = harmonicsDegree(scene);
    const [tilesX, tilesY] = [Math.ceil(width / TILE), Math.ceil(height / TILE)];
    const tiles = tilesX * tilesY;
    const camera = memory.place(8 * 21);
    const scratch = memory.place(kernel.threads * (await kernel.once('scratchBytes')));
    const { means, scales, rotations, opacities, colorsDc, colorsRest } = scene;
    const parameters = [
      memory.put(means),
      memory.put(scales),
      memory.put(rotations),
      memory.put(opacities),
      memory.put(colorsDc),
      memory.put(colorsRest ?? new Float32Array()),
    ] as const;
    const behind = memory.put(Float32Array.from(background));
    const splats = memory.place(64 * count);
    const rects = memory.place(16 * count);
    const bases = memory.place(4 * (count + 1));
    const offsets = memory.place(4 * (tiles + 1));
    const sorted = memory.place(8 * count);
    const spare = memory.place(8 * count);
    const histogram = memory.place(3 * 8192);
    const drawnCount = memory.place(4);
    memory.doubles(camera, 21).set(cameraBlock(view));
    await kernel.everywhere('project', count, camera, ...parameters, degree, splats, rects, tilesX, tilesY, scratch);
    const pairs = await kernel.once(
      'order',
      ...([count, splats, rects, bases, tilesX, tiles, sorted, spare, histogram, offsets, drawnCount] as const),
    );
    const drawn = memory.integers(drawnCount, 1)[0];
    const cursors = memory.place(4 * tiles);
    const list = memory.place(4 * pairs);
    await kernel.once('fill', drawn, rects, tilesX, tiles, sorted, offsets, cursors, list);
    return {
      ...{ count, degree, tilesX, tiles, camera, background: behind, scratch, parameters },
      ...{ splats, rects, bases, offsets, list, pairs, mark: memory.mark },
    };
  }

  async function render(scene: GaussianScene, view: GaussianView): Promise<GaussianPicture> {
    const prepared = await prepare(scene, view);
    const { width, height } = view;
    const pixels = width * height;
    const color = memory.place(12 * pixels);
    const alpha = memory.place(4 * pixels);
    const depth = memory.place(4 * pixels);
    const transmittance = memory.place(4 * pixels);
    const lastEntry = memory.place(4 * pixels);
    const { tilesX, tiles, splats, list, offsets, background, scratch } = prepared;
    await kernel.everywhere(
      'blend',
      ...([width, height, tilesX, tiles, splats, list, offsets, background, scratch] as const),
      ...([color, alpha, depth, transmittance, lastEntry] as const),
    );
    current = prepared;
    const end = {
      transmittance: memory.floats(transmittance, pixels).slice(),
      lastEntry: memory.integers(lastEntry, pixels).slice(),
    };
    return {
      color: memory.floats(color, 3 * pixels).slice(),
      alpha: memory.floats(alpha, pixels).slice(),
      depth: memory.floats(depth, pixels).slice(),
      async backward(upstream) {
        checkUpstream(upstream, width, height);
        return inTurn(async () => {
          if (current !== prepared) current = await prepare(scene, view); // another picture came between
          return backward(current, scene, view, end, upstream);
        });
      },
    };
  }

  async function backward(
    prepared: Prepared,
    scene: GaussianScene,
    { width, height }: GaussianView,
    end: { transmittance: Float32Array; lastEntry: Int32Array },
    upstream: GaussianUpstream,
  ): Promise<GaussianGradients> {
    const pixels = width * height;
    const { count, degree, tilesX, tiles, camera, background, scratch, parameters } = prepared;
    const { splats, rects, bases, offsets, list, pairs } = prepared;
    memory.reset(prepared.mark);
    const transmittance = memory.place(4 * pixels);
    const lastEntry = memory.place(4 * pixels);
    const gColor = memory.place(12 * pixels);
    const gAlpha = memory.place(4 * pixels);
    const gDepth = memory.place(4 * pixels);
    const sums = memory.place(48 * pairs);
    const gBackground = memory.place(12 * tiles);
    const lengths = [scene.means, scene.scales, scene.rotations, scene.opacities, scene.colorsDc].map((a) => a.length);
    lengths.push(scene.colorsRest?.length ?? 0);
    const targets = lengths.map((length) => memory.place(4 * length));
    memory.floats(transmittance, pixels).set(end.transmittance);
    memory.integers(lastEntry, pixels).set(end.lastEntry);
    const put = (address: number, length: number, data?: Float32Array) =>
      data ? memory.floats(address, length).set(data) : memory.floats(address, length).fill(0);
    put(gColor, 3 * pixels, upstream.color);
    put(gAlpha, pixels, upstream.alpha);
    put(gDepth, pixels, upstream.depth);
    await kernel.everywhere(
      'blendBackward',
      ...([width, height, tilesX, tiles, splats, list, offsets, rects, bases, background, scratch] as const),
      ...([transmittance, lastEntry, gColor, gAlpha, gDepth, sums, gBackground] as const),
    );
    const [gMeans, gScales, gRotations, gOpacities, gDc, gRest] = targets;
    await kernel.everywhere(
      'parametersBackward',
      ...([count, camera, ...parameters, degree, bases, sums] as const),
      ...([gMeans, gScales, gRotations, gOpacities, gDc, gRest, scratch] as const),
    );
    const [means, scales, rotations, opacities, colorsDc, colorsRest] = targets.map((address, i) =>
      memory.floats(address, lengths[i]).slice(),
    );
    const ofBackground: [number, number, number] = [0, 0, 0];
    for (const [i, g] of memory.floats(gBackground, 3 * tiles).entries()) ofBackground[i % 3] += g;
    return {
      ...{ means, scales, rotations, opacities, colorsDc },
      colorsRest: scene.colorsRest && colorsRest,
      background: ofBackground,
    };
  }

  return {
    async render(scene, view) {
      checkGaussians(scene, view);
      return inTurn(() => render(scene, view));
    },
    dispose: () => inTurn(() => kernel.dispose()),
  };
}

/** As kernels/gaussian-projection.ts reads it. */
function cameraBlock({ camera, width, height }: GaussianView): number[] {
  const { extrinsics: e, intrinsics: k } = camera;
  return [
    ...e.subarray(0, 12),
    ...[width * k[0], height * k[4]],
    ...[width * k[2] - 0.5, height * k[5] - 0.5],
    ...[(1.3 * 0.5) / k[0], (1.3 * 0.5) / k[4]],
    ...[0, 1, 2].map((c) => -(e[c] * e[3] + e[4 + c] * e[7] + e[8 + c] * e[11])),
  ];
}
