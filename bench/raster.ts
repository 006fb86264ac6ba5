/**
 * Rasterisers, forward and forward with gradients, each against its readable twin in one run.
 * Aims: 100 k Gaussians at 512² in 80 ms, with gradients in 300 ms, on two cores; at least 8 times the twin. Twins take minutes.
 *   npx tsx bench/raster.ts [rounds] [share] [gaussians|mesh|field]
 * share 0.01 draws a hundredth of the primitives on a hundredth of the pixels; with a scene named, the others' figures stay.
 */

import { readFile } from 'node:fs/promises';
import { createFieldTwin } from '../src/render/field-twin.ts';
import { createGaussianTwin } from '../src/render/gaussian-twin.ts';
import {
  createFieldRasterizer,
  createGaussianRasterizer,
  createMeshRasterizer,
  type GaussianScene,
  type MeshScene,
  orbitCamera,
} from '../src/render/index.ts';
import { createMeshTwin } from '../src/render/mesh-twin.ts';
import type { RadianceField } from '../src/representations/index.ts';
import { torchGenerator } from '../src/tensor/index.ts';
import { median, record, rounds, seconds } from './measure.ts';

const share = Number(process.argv[3] ?? 1);
const camera = orbitCamera(0.6, 0.5, 2, (40 * Math.PI) / 180);
const only = process.argv[4];
if (only && !['gaussians', 'mesh', 'field'].includes(only))
  throw new Error(`bench/raster: the scene must be gaussians, mesh or field, got ${only}. Leave it out for all three.`);
const figures: Record<string, number> = only
  ? JSON.parse(await readFile(new URL('./results/raster.json', import.meta.url), 'utf8').catch(() => '{"figures":{}}'))
      .figures
  : {};

if (!only || only === 'gaussians') {
  const scene = torus(Math.round(100_000 * share));
  const side = Math.round(512 * Math.sqrt(share));
  const name = `${scene.opacities.length} Gaussians at ${side}²`;
  await compare(name, await createGaussianRasterizer(), createGaussianTwin(), {
    scene,
    view: { camera, width: side, height: side, background: [1, 1, 1] },
    upstreamOf: ({ color, alpha, depth }) => ({ color, alpha, depth }),
  });
}
if (!only || only === 'mesh') {
  const scene = torusMesh(Math.round(Math.sqrt(150_000 * share)));
  const side = Math.round(1024 * Math.sqrt(share));
  const name = `${scene.indices.length / 3} triangles at ${side}²`;
  await compare(name, await createMeshRasterizer(), createMeshTwin(), {
    scene,
    view: { camera, width: side, height: side },
    upstreamOf: ({ mask, depth, normal, attributes }) => ({ mask, depth, normal, attributes }),
  });
}
if (!only || only === 'field') {
  const scene = shell(64 * Math.cbrt(share));
  const side = Math.round(256 * Math.sqrt(share));
  const name = `${scene.positions.length / 3} cells at ${side}²`;
  await compare(name, await createFieldRasterizer(), createFieldTwin(), {
    scene,
    view: { camera, width: side, height: side, background: [1, 1, 1] },
    upstreamOf: ({ color }) => color,
  });
}

await record('raster', 'Rasterisers, kernel against twin', { ...figures, rounds: rounds(10) });

interface Picture<U> {
  backward(upstream: U): Promise<unknown>;
}

interface Rasterizer<S, V, P> {
  render(scene: S, view: V): Promise<P>;
  dispose(): Promise<void>;
}

/** The kernel's median; the twin, which takes seconds, once. */
async function compare<S, V, U, P extends Picture<U>>(
  name: string,
  kernel: Rasterizer<S, V, P>,
  twin: Rasterizer<S, V, P>,
  { scene, view, upstreamOf }: { scene: S; view: V; upstreamOf: (picture: P) => U },
): Promise<void> {
  const forward = (r: Rasterizer<S, V, P>) => seconds(() => r.render(scene, view));
  const both = (r: Rasterizer<S, V, P>) =>
    seconds(async () => {
      const picture = await r.render(scene, view);
      await picture.backward(upstreamOf(picture));
    });
  for (let i = 0; i < 3; i++) await both(kernel); // warm: the compiled code is improved while it runs
  const [forwards, boths]: number[][] = [[], []];
  for (let i = 0; i < rounds(10); i++) {
    forwards.push(await forward(kernel));
    boths.push(await both(kernel));
  }
  let picture!: P;
  const twinForward = await seconds(async () => {
    picture = await twin.render(scene, view);
  });
  const twinBoth = twinForward + (await seconds(() => picture.backward(upstreamOf(picture))));
  figures[`${name}: forward, ms`] = 1000 * median(forwards);
  figures[`${name}: forward, least, ms`] = 1000 * Math.min(...forwards);
  figures[`${name}: forward and gradients, ms`] = 1000 * median(boths);
  figures[`${name}: forward and gradients, least, ms`] = 1000 * Math.min(...boths);
  figures[`${name}: forward, times the twin`] = twinForward / median(forwards);
  figures[`${name}: forward and gradients, times the twin`] = twinBoth / median(boths);
  await kernel.dispose();
}

/** Flat splats on a ring, as wide as the decoder makes them at their beginning, larger where there are few. */
function torus(count: number): GaussianScene {
  const noise = torchGenerator(0).normal(2 * count);
  const scene = {
    means: new Float32Array(3 * count),
    scales: new Float32Array(3 * count),
    rotations: new Float32Array(4 * count),
    opacities: new Float32Array(count).fill(0.6),
    colorsDc: new Float32Array(3 * count),
  };
  const width = 0.004 * Math.sqrt(100_000 / count);
  for (let i = 0; i < count; i++) {
    const [turn, roll] = [20 * noise[2 * i], 20 * noise[2 * i + 1]];
    const normal = [Math.cos(turn) * Math.cos(roll), Math.sin(turn) * Math.cos(roll), Math.sin(roll)];
    scene.means.set(
      [Math.cos(turn) * 0.33 + 0.15 * normal[0], Math.sin(turn) * 0.33 + 0.15 * normal[1], 0.15 * normal[2]],
      3 * i,
    );
    scene.scales.set([width, width, width / 4], 3 * i);
    const length = Math.hypot(1 + normal[2], normal[0], normal[1]) || 1;
    scene.rotations.set([(1 + normal[2]) / length, -normal[1] / length, normal[0] / length, 0], 4 * i);
    scene.colorsDc.set(normal, 3 * i);
  }
  return scene;
}

/** A ring of 2·n² triangles with three attributes. */
function torusMesh(n: number): MeshScene {
  const positions = new Float32Array(3 * n * n);
  const indices = new Uint32Array(6 * n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const [turn, roll] = [(i * 2 * Math.PI) / n, (j * 2 * Math.PI) / n];
      const r = 0.33 + 0.15 * Math.cos(roll);
      positions.set([r * Math.cos(turn), r * Math.sin(turn), 0.15 * Math.sin(roll)], 3 * (i * n + j));
      const at = (x: number, y: number) => (x % n) * n + (y % n);
      const [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
      indices.set([a, b, c, a, c, d], 6 * (i * n + j));
    }
  return { positions, indices, attributes: positions.map((v) => 0.5 + v) };
}

/** The cells that a sphere passes, of rank 16 with 8 samples a line: 12 k of 64³. */
function shell(side: number): RadianceField {
  const [resolution, rank, dim] = [Math.max(4, Math.round(side)), 16, 8];
  const centers: number[] = [];
  for (let i = 0; i < resolution ** 3; i++) {
    const cell = [Math.floor(i / resolution ** 2), Math.floor(i / resolution) % resolution, i % resolution];
    const at = cell.map((c) => (c + 0.5) / resolution);
    if (Math.abs(Math.hypot(...at.map((v) => v - 0.5)) - 0.365) < 0.9 / resolution) centers.push(...at);
  }
  const count = centers.length / 3;
  const noise = torchGenerator(1);
  return {
    ...{ resolution, rank, dim, positions: Float32Array.from(centers) },
    trivec: noise.normal(count * rank * 3 * dim).map((v) => 1 + 0.2 * v),
    density: noise.normal(count * rank).map((v) => 3 + v),
    colorsDc: noise.normal(count * rank * 3),
  };
}
