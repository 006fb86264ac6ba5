/**
 * Gaussian splatting, slow and readable, in double precision: what the kernel (kernels/gaussians.ts) is held to.
 * Source: reference/training.md §16.1 and §16.2.
 */
import { projectGaussian, projectGaussianBackward, type Splat, type SplatGradient } from './gaussian-projection.ts';
import {
  checkGaussians,
  checkUpstream,
  ENOUGH,
  FAINT,
  type GaussianGradients,
  type GaussianPicture,
  type GaussianRasterizer,
  type GaussianScene,
  type GaussianUpstream,
  type GaussianView,
  OPAQUE,
  TILE,
} from './gaussian-rasterizer.ts';

export function createGaussianTwin(): GaussianRasterizer {
  return {
    render: async (scene, view) => {
      checkGaussians(scene, view);
      return renderGaussians(scene, view);
    },
    dispose: async () => undefined,
  };
}

function renderGaussians(scene: GaussianScene, view: GaussianView): GaussianPicture {
  const { width, height, background = [0, 0, 0] } = view;
  const pixels = width * height;
  const picture = {
    color: new Float32Array(3 * pixels),
    alpha: new Float32Array(pixels),
    depth: new Float32Array(pixels),
  };
  const splats = visible(scene, view);
  const tiles = tileLists(splats, view);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const p = y * width + x;
      const { blended, transmittance } = blend(tiles(x, y), x, y);
      for (const { splat, alpha, before } of blended) {
        for (let c = 0; c < 3; c++) picture.color[c * pixels + p] += alpha * before * splat.color[c];
        picture.depth[p] += alpha * before * splat.depth;
      }
      for (let c = 0; c < 3; c++) picture.color[c * pixels + p] += transmittance * background[c];
      picture.alpha[p] = 1 - transmittance;
    }
  return {
    ...picture,
    backward: async (upstream) => {
      checkUpstream(upstream, width, height);
      return gradients(scene, view, splats, tiles, upstream);
    },
  };
}

/** What is drawn, near to far, as single precision sees the distance; ties keep their order. */
function visible(scene: GaussianScene, view: GaussianView): Splat[] {
  const splats: Splat[] = [];
  for (let i = 0; i < scene.opacities.length; i++) {
    const splat = projectGaussian(scene, i, view);
    if (splat) splats.push(splat);
  }
  return splats.sort((a, b) => Math.fround(a.depth) - Math.fround(b.depth));
}

/** The splats that touch a pixel's tile, in their order. */
function tileLists(
  splats: readonly Splat[],
  { width, height }: GaussianView,
): (x: number, y: number) => readonly Splat[] {
  const columns = Math.ceil(width / TILE);
  const lists: Splat[][] = Array.from({ length: columns * Math.ceil(height / TILE) }, () => []);
  for (const splat of splats) {
    const [x0, y0, x1, y1] = splat.tiles;
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) lists[y * columns + x].push(splat);
  }
  return (x, y) => lists[Math.floor(y / TILE) * columns + Math.floor(x / TILE)];
}

interface Blended {
  readonly splat: Splat;
  readonly alpha: number;
  readonly before: number; // transmittance in front of it
}

/** The splats that a pixel is mixed from, near to far, and the transmittance behind them. */
function blend(splats: readonly Splat[], x: number, y: number): { blended: Blended[]; transmittance: number } {
  const blended: Blended[] = [];
  let transmittance = 1;
  for (const splat of splats) {
    const power = powerAt(splat, x, y);
    if (power > 0) continue;
    const alpha = Math.min(OPAQUE, splat.opacity * Math.exp(power));
    if (!(alpha >= FAINT)) continue;
    const after = transmittance * (1 - alpha);
    if (after < ENOUGH) break;
    blended.push({ splat, alpha, before: transmittance });
    transmittance = after;
  }
  return { blended, transmittance };
}

function powerAt({ mean, conic: [A, B, C] }: Splat, x: number, y: number): number {
  const [dx, dy] = [mean[0] - x, mean[1] - y];
  return -0.5 * (A * dx * dx + C * dy * dy) - B * dx * dy;
}

function gradients(
  scene: GaussianScene,
  view: GaussianView,
  splats: readonly Splat[],
  tiles: (x: number, y: number) => readonly Splat[],
  upstream: GaussianUpstream,
): GaussianGradients {
  const { width, height, background = [0, 0, 0] } = view;
  const pixels = width * height;
  const ofSplat = new Map<Splat, SplatGradient>(
    splats.map((s) => [s, { mean: [0, 0], conic: [0, 0, 0], opacity: 0, color: [0, 0, 0], depth: 0 }]),
  );
  const ofBackground: [number, number, number] = [0, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const p = y * width + x;
      const g = [0, 1, 2].map((c) => upstream.color?.[c * pixels + p] ?? 0);
      const gDepth = upstream.depth?.[p] ?? 0;
      const gAlpha = upstream.alpha?.[p] ?? 0;
      /** What a unit of weight with that color and depth is worth to the loss. */
      const worth = (color: readonly number[], depth: number) =>
        color[0] * g[0] + color[1] * g[1] + color[2] * g[2] + depth * gDepth + gAlpha;
      const { blended, transmittance } = blend(tiles(x, y), x, y);
      for (let c = 0; c < 3; c++) ofBackground[c] += transmittance * g[c];
      let behind = background[0] * g[0] + background[1] * g[1] + background[2] * g[2];
      for (const { splat, alpha, before } of blended.reverse()) {
        const to = ofSplat.get(splat)!;
        for (let c = 0; c < 3; c++) to.color[c] += alpha * before * g[c];
        to.depth += alpha * before * gDepth;
        const own = worth(splat.color, splat.depth);
        const gOfAlpha = before * (own - behind);
        behind = alpha * own + (1 - alpha) * behind;
        const shape = Math.exp(powerAt(splat, x, y));
        if (splat.opacity * shape >= OPAQUE) continue; // α is constant here
        to.opacity += shape * gOfAlpha;
        const h = splat.opacity * shape * gOfAlpha; // ∂L/∂power
        const [A, B, C] = splat.conic;
        const [dx, dy] = [splat.mean[0] - x, splat.mean[1] - y];
        to.mean[0] -= h * (A * dx + B * dy);
        to.mean[1] -= h * (B * dx + C * dy);
        to.conic[0] -= 0.5 * dx * dx * h;
        to.conic[1] -= dx * dy * h;
        to.conic[2] -= 0.5 * dy * dy * h;
      }
    }
  const out = {
    means: new Float32Array(scene.means.length),
    scales: new Float32Array(scene.scales.length),
    rotations: new Float32Array(scene.rotations.length),
    opacities: new Float32Array(scene.opacities.length),
    colorsDc: new Float32Array(scene.colorsDc.length),
    colorsRest: scene.colorsRest && new Float32Array(scene.colorsRest.length),
    background: ofBackground,
  };
  for (const splat of splats) {
    const i = splat.index;
    const g = projectGaussianBackward(scene, splat, view, ofSplat.get(splat)!);
    out.means.set(g.mean, 3 * i);
    out.scales.set(g.scale, 3 * i);
    out.rotations.set(g.rotation, 4 * i);
    out.opacities[i] = g.opacity;
    out.colorsDc.set(g.harmonics[0], 3 * i);
    const rest = g.harmonics.slice(1).flat();
    out.colorsRest?.set(rest, rest.length * i);
  }
  return out;
}
