/**
 * Fits Gaussians to 60 pictures of a textured asset, from nothing but the pictures, and measures them on 12 it never saw.
 *
 *   npx tsx examples/fit-gaussians.ts [model file] [folder for the result]
 *
 * A few minutes on two cores; expect more than 30 dB. Writes gaussians.ply, and held-out.png: truth above, fit below.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodePng, type TriangleScene, writeSplatPly } from '../src/formats/index.ts';
import {
  type Camera,
  contactSheet,
  createGaussianRasterizer,
  createTriangleRenderer,
  hammersleyDirection,
  orbitCamera,
  type Picture,
  projectPoints,
  texturedMesh,
} from '../src/render/index.ts';
import { type Gaussians, SH_C0 } from '../src/representations/index.ts';
import { type Generator, torchGenerator } from '../src/tensor/index.ts';
import {
  arrayAdam,
  gaussiansOfParameters,
  l1Loss,
  parametersBackward,
  parametersOfGaussians,
  psnr,
  ssim,
} from '../src/training/index.ts';
import { exampleAsset } from './example-asset.ts';

export const fitGaussiansDefaults = {
  size: 256, // pixels per side of every picture
  steps: 500, // one picture each
  cells: 64, // per side of the grid that the masks carve the start from
  perCell: 4, // Gaussians in each cell of its surface
};

export interface GaussianFit {
  readonly gaussians: Gaussians;
  /** mean over the held-out pictures, before and after */
  readonly psnrAtStart: number;
  readonly psnrHeldOut: number;
  /** held-out pictures, truth above fit */
  readonly sheet: Picture;
}

export async function fitGaussians(
  scene: TriangleScene,
  options: Partial<typeof fitGaussiansDefaults> & { onStep?: (step: number, loss: number) => void } = {},
): Promise<GaussianFit> {
  const { size, steps, cells, perCell, onStep } = { ...fitGaussiansDefaults, ...options };

  // The pictures: 72 sides of the asset, every sixth held out.
  const views = photograph(scene, size, 72);
  const seen = views.filter((_, i) => i % 6 !== 0);
  const heldOut = views.filter((_, i) => i % 6 === 0);

  // The start: a layer of round Gaussians where the masks end, in the mean of the colours that are seen there.
  const rng = torchGenerator(0);
  const start = carvedStart(seen, size, cells, perCell, rng);
  const p = parametersOfGaussians(start);
  const adam = arrayAdam({ ...p });
  const rasterizer = await createGaussianRasterizer();
  const likeness = async () => {
    let total = 0;
    for (const view of heldOut) {
      const { color } = await rasterizer.render(gaussiansOfParameters(p), { ...frame(view), background: WHITE });
      total += psnr(color, over(view, WHITE)).value / heldOut.length;
    }
    return total;
  };
  const frame = ({ camera }: View) => ({ camera, width: size, height: size });

  const psnrAtStart = await likeness();
  let order = new Int32Array();
  for (let step = 0; step < steps; step++) {
    if (step % seen.length === 0) order = rng.permutation(seen.length) as Int32Array<ArrayBuffer>;
    const view = seen[order[step % seen.length]];
    // Another background each time: what is half transparent cannot hide in it.
    const background = [...rng.uniform(3)] as [number, number, number];
    const gaussians = gaussiansOfParameters(p);
    const picture = await rasterizer.render(gaussians, { ...frame(view), background });
    const target = over(view, background);
    const apart = l1Loss(picture.color, target);
    const alike = ssim(picture.color, target, { width: size, height: size });
    const gradients = await picture.backward({
      color: apart.gradient.map((g, i) => 0.8 * g - 0.2 * alike.gradient[i]),
    });
    const fine = 0.01 ** (step / steps); // rates fall to a hundredth
    adam.step(
      { ...parametersBackward(p, gaussians, gradients) },
      {
        means: 1e-3 * fine,
        logScales: 2e-2 * fine ** 0.5,
        quaternions: 1e-2 * fine ** 0.5,
        logits: 5e-2 * fine ** 0.5,
        colorsDc: 2e-2 * fine ** 0.5,
      },
    );
    onStep?.(step + 1, 0.8 * apart.value + 0.2 * (1 - alike.value));
  }

  const gaussians = gaussiansOfParameters(p);
  const psnrHeldOut = await likeness();
  const shown = heldOut.filter((_, i) => i % 3 === 0);
  const fits: Picture[] = [];
  for (const view of shown) {
    const { color } = await rasterizer.render(gaussians, { ...frame(view), background: WHITE });
    fits.push(pictureOf(color, size));
  }
  await rasterizer.dispose();
  const truths = shown.map((view) => pictureOf(over(view, WHITE), size));
  const sheet = contactSheet([...truths, ...fits], { columns: shown.length, margin: 4, background: [255, 255, 255] });
  return { gaussians, psnrAtStart, psnrHeldOut, sheet };
}

interface View {
  readonly camera: Camera;
  readonly color: Float32Array; // [3, H, W] times alpha
  readonly alpha: Float32Array; // [H, W]
}

const WHITE = [1, 1, 1] as const;

/** The asset from `count` sides, evenly over the sphere. */
function photograph(scene: TriangleScene, size: number, count: number): View[] {
  const mesh = texturedMesh(scene);
  const renderer = createTriangleRenderer({ size });
  return Array.from({ length: count }, (_, n) => {
    const { yaw, pitch } = hammersleyDirection(n, count, [0.5, 0.5], false);
    const camera = orbitCamera(yaw, pitch, 2, (40 * Math.PI) / 180);
    const { data } = renderer.render(mesh, camera);
    const alpha = Float32Array.from({ length: size * size }, (_, i) => data[4 * i + 3] / 255);
    const color = Float32Array.from({ length: 3 * size * size }, (_, i) => {
      const pixel = i % (size * size);
      return (alpha[pixel] * data[4 * pixel + Math.floor(i / (size * size))]) / 255;
    });
    return { camera, color, alpha };
  });
}

/** A view on a background. */
const over = ({ color, alpha }: View, background: readonly number[]): Float32Array =>
  color.map((c, i) => c + (1 - alpha[i % alpha.length]) * background[Math.floor(i / alpha.length)]);

/** Gaussians at random places of those cells that all masks allow and that have a neighbour which some mask rules out. */
function carvedStart(views: readonly View[], size: number, cells: number, perCell: number, rng: Generator): Gaussians {
  const centers = Float32Array.from({ length: 3 * cells ** 3 }, (_, i) => {
    const cell = Math.floor(i / 3);
    return (Math.floor(cell / cells ** (2 - (i % 3))) % cells) / cells + 0.5 / cells - 0.5;
  });
  const isSolid = new Uint8Array(cells ** 3).fill(1);
  const colors = new Float64Array(3 * cells ** 3); // means over the views
  for (const { camera, color, alpha } of views) {
    const { uv } = projectPoints(camera, centers);
    for (let i = 0; i < isSolid.length; i++) {
      const [x, y] = [Math.floor(uv[2 * i] * size), Math.floor(uv[2 * i + 1] * size)];
      if (!isSolid[i] || !(x >= 0 && y >= 0 && x < size && y < size)) continue;
      const pixel = y * size + x;
      if (alpha[pixel] < 0.5) isSolid[i] = 0;
      for (let c = 0; c < 3; c++) colors[3 * i + c] += color[c * size * size + pixel] / views.length;
    }
  }
  const sides = [1, cells, cells * cells].flatMap((step) => [-step, step]);
  const surface = [...isSolid.keys()].filter((i) => isSolid[i] && sides.some((side) => !isSolid[i + side]));
  const count = perCell * surface.length;
  const cellOf = (g: number) => surface[Math.floor(g / perCell)];
  const jitter = rng.uniform(3 * count);
  return {
    means: jitter.map((v, k) => centers[3 * cellOf(Math.floor(k / 3)) + (k % 3)] + (v - 0.5) / cells),
    scales: new Float32Array(3 * count).fill(0.5 / (cells * Math.sqrt(perCell))),
    rotations: Float32Array.from({ length: 4 * count }, (_, k) => (k % 4 === 0 ? 1 : 0)),
    opacities: new Float32Array(count).fill(0.5),
    colorsDc: jitter.map((_, k) => (colors[3 * cellOf(Math.floor(k / 3)) + (k % 3)] - 0.5) / SH_C0),
  };
}

/** Planes [3, H, W] in 0 … 1 → 8 bits. */
function pictureOf(planes: Float32Array, size: number): Picture {
  const data = new Uint8Array(3 * size * size);
  for (let i = 0; i < data.length; i++)
    data[i] = Math.round(255 * Math.min(1, Math.max(0, planes[(i % 3) * size * size + Math.floor(i / 3)])));
  return { width: size, height: size, channels: 3, data };
}

/** Fits, prints, and writes the results into `folder`. */
export async function main(model: string | undefined, folder: string): Promise<GaussianFit> {
  const began = performance.now();
  const result = await fitGaussians(await exampleAsset(model), {
    onStep: (step, loss) => step % 100 === 0 && console.log(`step ${step}: loss ${loss.toFixed(4)}`),
  });
  const { gaussians, psnrAtStart, psnrHeldOut, sheet } = result;
  const { means, scales, rotations, opacities, colorsDc: shDc } = gaussians;
  await mkdir(folder, { recursive: true });
  const splats = { means, scales, rotations, opacities, shDegree: 0, shDc, shRest: new Float32Array() } as const;
  await writeFile(join(folder, 'gaussians.ply'), writeSplatPly(splats));
  await writeFile(join(folder, 'held-out.png'), await encodePng(sheet));
  const minutes = (performance.now() - began) / 60_000;
  console.log(`${opacities.length} Gaussians, held-out PSNR ${psnrAtStart.toFixed(2)} → ${psnrHeldOut.toFixed(2)} dB`);
  console.log(`${minutes.toFixed(1)} minutes; gaussians.ply and held-out.png are in ${folder}.`);
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2], process.argv[3] ?? 'fit-gaussians');
