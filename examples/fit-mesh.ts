/**
 * Recovers a shape with FlexiCubes from masks, depths and normals of 60 sides, the way the mesh decoder is trained: features of
 * the cubes that no mask rules out start at zero, a block, and follow the gradients of the official loss.
 *
 *   npx tsx examples/fit-mesh.ts [model file] [folder for the result]
 *
 * A few minutes on two cores. Prints the distance to the truth before and after; writes mesh.glb, and views.png: start, fit, truth.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { surfaceDistance } from '../src/evaluation/index.ts';
import { meshOfScene } from '../src/finish/index.ts';
import { encodePng, type TriangleScene, writeGlb } from '../src/formats/index.ts';
import {
  type Camera,
  contactSheet,
  createMeshRasterizer,
  hammersleyDirection,
  type MeshPicture,
  meshView,
  orbitCamera,
  type Picture,
  projectPoints,
} from '../src/render/index.ts';
import {
  type CubeFeatures,
  fillInterior,
  surfaceOfFeatures,
  trainingSurface,
  trainingSurfaceGradient,
  vertexNormals,
  voxelCenters,
  voxelize,
} from '../src/representations/index.ts';
import { torchGenerator } from '../src/tensor/index.ts';
import {
  arrayAdam,
  depthLoss,
  facingNormals,
  GEOMETRY_WEIGHTS,
  maskLoss,
  normalLoss,
  tsdfLoss,
} from '../src/training/index.ts';
import { exampleAsset } from './example-asset.ts';

export const fitMeshDefaults = {
  resolution: 64, // R, cubes per side
  size: 256, // pixels per side of every picture
  steps: 400, // one picture each
};

export interface MeshScore {
  readonly chamfer: number; // in units of the asset's longest side
  readonly fScore: number; // at 0.01
  readonly iou: number; // of the solids, in cells of 1/64
}

export interface MeshFit {
  /** The mesh as FlexiCubes extracts it, object frame. */
  readonly mesh: Triangles;
  readonly start: MeshScore;
  readonly fit: MeshScore;
  /** start, fit and truth, a column each, from two sides */
  readonly sheet: Picture;
}

interface Triangles {
  readonly positions: Float32Array;
  readonly indices: Uint32Array;
}

export async function fitMesh(
  scene: TriangleScene,
  options: Partial<typeof fitMeshDefaults> & { onStep?: (step: number, loss: number) => void } = {},
): Promise<MeshFit> {
  const { resolution, size, steps, onStep } = { ...fitMeshDefaults, ...options };
  const truth = meshOfScene(scene);
  const frame = { width: size, height: size };

  // What is known of the shape: masks, depths and normals from 60 sides.
  const rasterizer = await createMeshRasterizer();
  const views: View[] = [];
  for (let n = 0; n < 60; n++) {
    const { yaw, pitch } = hammersleyDirection(n, 60, [0.5, 0.5], false);
    const camera = orbitCamera(yaw, pitch, 2, (40 * Math.PI) / 180);
    const picture = await rasterizer.render(truth, { camera, ...frame });
    views.push({ camera, picture, normal: facingNormals(picture.normal, camera, frame) });
  }

  // The features of the cubes that may hold matter; zeros put every corner just inside.
  const coords = carvedCubes(views, resolution, size);
  const features: CubeFeatures = { resolution, coords, feats: new Float32Array((coords.length / 3) * ROW) };
  const { feats } = features;
  const start = surfaceOfFeatures(features);
  const rates = ratesOf(resolution);
  const adam = arrayAdam({ feats }, { eps: 1e-15 }); // gradients of single distances are below the usual 1e-8
  const rng = torchGenerator(0);

  let order = new Int32Array();
  for (let step = 0; step < steps; step++) {
    if (step % views.length === 0) order = rng.permutation(views.length) as Int32Array<ArrayBuffer>;
    const { camera, picture: target, normal } = views[order[step % views.length]];
    const result = trainingSurface(features);
    const { surface, field } = result;
    const picture = await rasterizer.render(surface, { camera, ...frame });
    const mask = maskLoss(picture.mask, target.mask);
    const depth = depthLoss(picture.depth, target.depth, target.mask, resolution);
    const normals = await normalLoss(picture.normal, normal, target.mask, frame);
    const tsdf = tsdfLoss(field.sdf, field.positions, target.depth, camera, frame, resolution);
    const { positions } = await picture.backward({
      mask: mask.gradient,
      depth: depth.gradient.map((g) => GEOMETRY_WEIGHTS.depth * g),
      normal: normals.gradient,
    });
    const gradient = trainingSurfaceGradient(result, {
      positions,
      gridSdf: tsdf.gradient.map((g) => GEOMETRY_WEIGHTS.tsdf * g),
      regularization: 1,
    });
    const fine = 0.1 ** (step / steps); // rates fall to a tenth
    adam.step({ feats: gradient }, { feats: rates.map((r) => r * fine) });
    onStep?.(
      step + 1,
      mask.value +
        GEOMETRY_WEIGHTS.depth * depth.value +
        normals.value +
        GEOMETRY_WEIGHTS.tsdf * tsdf.value +
        result.regularization,
    );
  }
  await rasterizer.dispose();

  const { positions, indices } = surfaceOfFeatures(features);
  const mesh = { positions, indices };
  const columns = [start, mesh, truth].map(({ positions, indices }) => ({
    positions,
    indices,
    normals: vertexNormals(positions, indices),
  }));
  const pictures = [0.7, 3.8].flatMap((yaw) =>
    columns.map((shown) =>
      meshView(shown, { yaw, pitch: 0.35, fovRadians: 0.7 }, { size: 320, background: [255, 255, 255] }),
    ),
  );
  const sheet = contactSheet(pictures, { columns: 3, margin: 4, background: [255, 255, 255] });
  return { mesh, start: score(start, truth), fit: score(mesh, truth), sheet };
}

interface View {
  readonly camera: Camera;
  readonly picture: MeshPicture;
  readonly normal: Float32Array; // turned to the camera
}

const ROW = 53; // 8 distances, 24 deformations, 21 weights

/** Adam moves every number by about its rate a step: distances by a third of a cube, the others pass through tanh. */
const ratesOf = (resolution: number): number[] =>
  Array.from({ length: ROW }, (_, channel) => (channel < 8 ? 0.3 / resolution : 2e-2));

/** The cubes that may hold matter by every mask. */
function carvedCubes(views: readonly View[], resolution: number, size: number): Int32Array {
  const all = Int32Array.from(
    { length: 3 * resolution ** 3 },
    (_, i) => Math.floor(Math.floor(i / 3) / resolution ** (2 - (i % 3))) % resolution,
  );
  const centers = voxelCenters(all, resolution);
  // The outermost layer stays empty: a surface does not close beyond the grid.
  const mayBe = new Uint8Array(resolution ** 3).fill(1);
  for (let i = 0; i < all.length; i++) if (all[i] === 0 || all[i] === resolution - 1) mayBe[Math.floor(i / 3)] = 0;
  for (const { camera, picture } of views) {
    const { uv, depth } = projectPoints(camera, centers);
    const radius = (Math.sqrt(3) / 2 / resolution) * camera.intrinsics[0] * size; // pixels of a cube at distance 1
    for (let i = 0; i < mayBe.length; i++)
      if (mayBe[i] && !anyWithin(picture.mask, size, uv[2 * i] * size, uv[2 * i + 1] * size, radius / depth[i]))
        mayBe[i] = 0;
  }
  return all.filter((_, i) => mayBe[Math.floor(i / 3)]);
}

/** Does the mask show anything in the square around (x, y)? */
function anyWithin(mask: Float32Array, size: number, x: number, y: number, reach: number): boolean {
  for (let row = Math.max(0, Math.floor(y - reach)); row <= Math.min(size - 1, y + reach); row++)
    for (let column = Math.max(0, Math.floor(x - reach)); column <= Math.min(size - 1, x + reach); column++)
      if (mask[row * size + column] > 0) return true;
  return false;
}

function score(mesh: Triangles, truth: Triangles): MeshScore {
  const { chamfer, fScore } = surfaceDistance(mesh, truth, { rng: torchGenerator(0) });
  const [a, b] = [solid(mesh), solid(truth)];
  const both = a.reduce((n, v, i) => n + (v & b[i]), 0);
  const either = a.reduce((n, v, i) => n + (v | b[i]), 0);
  return { chamfer, fScore, iou: both / either };
}

/** The cells of 1/64 that the surface touches or encloses. */
function solid(surface: Triangles): Uint8Array {
  const cells = new Uint8Array(64 ** 3);
  const coords = voxelize({ primitives: [surface] }, 64);
  for (let i = 0; i < coords.length; i += 3) cells[(coords[i] * 64 + coords[i + 1]) * 64 + coords[i + 2]] = 1;
  return fillInterior(cells, 64);
}

/** Fits, prints, and writes the results into `folder`. */
export async function main(model: string | undefined, folder: string): Promise<MeshFit> {
  const began = performance.now();
  const result = await fitMesh(await exampleAsset(model), {
    onStep: (step, loss) => step % 50 === 0 && console.log(`step ${step}: loss ${loss.toFixed(4)}`),
  });
  const { mesh, start, fit, sheet } = result;
  await mkdir(folder, { recursive: true });
  const normals = vertexNormals(mesh.positions, mesh.indices);
  await writeFile(join(folder, 'mesh.glb'), await writeGlb({ ...mesh, normals }));
  await writeFile(join(folder, 'views.png'), await encodePng(sheet));
  for (const [name, { chamfer, fScore, iou }] of Object.entries({ start, fit }))
    console.log(`${name}: Chamfer ${chamfer.toFixed(4)}, F-score ${fScore.toFixed(3)} at 0.01, IoU ${iou.toFixed(3)}`);
  const minutes = (performance.now() - began) / 60_000;
  console.log(
    `${mesh.indices.length / 3} faces; ${minutes.toFixed(1)} minutes; mesh.glb and views.png are in ${folder}.`,
  );
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2], process.argv[3] ?? 'fit-mesh');
