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
interface Drawn {
  readonly count: number;
  readonly degree: number;
  readonly tilesX: number;
  readonly tiles: number;
  readonly camera: number;
  readonly background: number;
  readonly scratch: number;
  readonly scratchBytes: number;
  readonly parameters: readonly [
    means: number,
    scales: number,
    rotations: number,
    opacities: number,
    dc: number,
    rest: number,
  ];
  readonly splats: number;
  readonly bases: number;
  readonly offsets: number;
  readonly list: number;
  readonly pairs: number;
  readonly transmittance: number;
  readonly lastEntry: number;
  readonly hits: number;
  readonly picture: number;
}

/** Opens the threads; give them back with `dispose`. */
export async function createGaussianRasterizer(options: KernelPoolOptions = {}): Promise<GaussianRasterizer> {
  const kernel = await openKernel<GaussianKernel>(gaussianKernel, options);
  const { memory } = kernel;
  let current: Drawn | undefined;
  const inTurn = oneAtATime();

  /** Everything up to the picture: color [3, H, W], alpha, depth at `picture`. */
  async function draw(scene: GaussianScene, view: GaussianView): Promise<Drawn> {
    current = undefined;
    memory.reset();
    const { width, height, background = [0, 0, 0] } = view;
    const pixels = width * height;
    const count = scene.opacities.length;
    const degree = harmonicsDegree(scene);
    const [tilesX, tilesY] = [Math.ceil(width / TILE), Math.ceil(height / TILE)];
    const tiles = tilesX * tilesY;
    const camera = memory.place(8 * 21);
    const scratchBytes = await kernel.once('scratchBytes');
    const scratch = memory.place(kernel.threads * scratchBytes);
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
    const list = memory.place(8 * pairs);
    await kernel.once('fill', drawn, rects, bases, tilesX, tiles, sorted, offsets, cursors, list);
    const transmittance = memory.place(4 * pixels);
    const lastEntry = memory.place(4 * pixels);
    const hits = memory.place(8 * pairs);
    const picture = memory.place(20 * pixels);
    const [alpha, depth] = [picture + 12 * pixels, picture + 16 * pixels];
    await kernel.everywhere(
      'blend',
      ...([width, height, tilesX, tiles, splats, list, offsets, behind, scratch, scratchBytes] as const),
      ...([picture, alpha, depth, transmittance, lastEntry, hits] as const),
    );
    current = {
      ...{ count, degree, tilesX, tiles, camera, background: behind, scratch, scratchBytes, parameters, splats },
      ...{ bases, offsets, list, pairs, transmittance, lastEntry, hits, picture },
    };
    return current;
  }

  async function render(scene: GaussianScene, view: GaussianView): Promise<GaussianPicture> {
    const drawn = await draw(scene, view);
    const { width, height } = view;
    const pixels = width * height;
    const planes = (from: number, number: number) =>
      memory.floats(drawn.picture + 4 * from * pixels, number * pixels).slice();
    return {
      color: planes(0, 3),
      alpha: planes(3, 1),
      depth: planes(4, 1),
      async backward(upstream) {
        checkUpstream(upstream, width, height);
        // When another picture came between, this one is drawn again: the same bits.
        return inTurn(async () => backward(current === drawn ? drawn : await draw(scene, view), scene, view, upstream));
      },
    };
  }

  async function backward(
    drawn: Drawn,
    scene: GaussianScene,
    { width, height }: GaussianView,
    upstream: GaussianUpstream,
  ): Promise<GaussianGradients> {
    const pixels = width * height;
    const { count, degree, tilesX, tiles, camera, background, scratch, scratchBytes, parameters } = drawn;
    const { splats, bases, offsets, list, pairs, transmittance, lastEntry, hits } = drawn;
    memory.reset(drawn.picture); // the picture has been copied
    const gColor = memory.place(12 * pixels);
    const gAlpha = memory.place(4 * pixels);
    const gDepth = memory.place(4 * pixels);
    const sums = memory.place(48 * pairs);
    const gBackground = memory.place(12 * tiles);
    const lengths = [scene.means, scene.scales, scene.rotations, scene.opacities, scene.colorsDc].map((a) => a.length);
    lengths.push(scene.colorsRest?.length ?? 0);
    const targets = lengths.map((length) => memory.place(4 * length));
    const put = (address: number, length: number, data?: Float32Array) =>
      data ? memory.floats(address, length).set(data) : memory.floats(address, length).fill(0);
    put(gColor, 3 * pixels, upstream.color);
    put(gAlpha, pixels, upstream.alpha);
    put(gDepth, pixels, upstream.depth);
    await kernel.everywhere(
      'blendBackward',
      ...([width, height, tilesX, tiles, splats, list, offsets, background, scratch, scratchBytes] as const),
      ...([transmittance, lastEntry, hits, gColor, gAlpha, gDepth, sums, gBackground] as const),
    );
    const [gMeans, gScales, gRotations, gOpacities, gDc, gRest] = targets;
    await kernel.everywhere(
      'parametersBackward',
      ...([count, camera, ...parameters, degree, bases, hits, sums] as const),
      ...([gMeans, gScales, gRotations, gOpacities, gDc, gRest, scratch] as const),
    );
    const [means, scales, rotations, opacities, colorsDc, colorsRest] = targets.map((address, i) =>
      memory.floats(address, lengths[i]).slice(),
    );
    const ofBackground: [number, number, number] = [0, 0, 0];
    const ofTiles = memory.floats(gBackground, 3 * tiles);
    for (let i = 0; i < ofTiles.length; i++) ofBackground[i % 3] += ofTiles[i];
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
