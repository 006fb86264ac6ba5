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
  resolution: 64, // R, cubes per side; even
  size: 256, // pixels per side of every picture
  steps: 500, // one picture each
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
    const rate = 0.1 ** (step / steps);
    adam.step({ feats: gradient }, { feats: RATES.map((r) => r * rate) });
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

/** Adam moves every number by about its rate a step: distances are lengths, the others pass through tanh. */
const RATES = Array.from({ length: ROW }, (_, channel) => (channel < 8 ? 5e-3 : 2e-2));

/** All cubes of those blocks of 2³ that may hold matter by every mask, as the mesh decoder gets them from coarser voxels. */
function carvedCubes(views: readonly View[], resolution: number, size: number): Int32Array {
  const blocks = resolution / 2;
  const all = Int32Array.from(
    { length: 3 * blocks ** 3 },
    (_, i) => Math.floor(Math.floor(i / 3) / blocks ** (2 - (i % 3))) % blocks,
  );
  const centers = voxelCenters(all, blocks);
  const isOpen = new Uint8Array(blocks ** 3).fill(1);
  for (const { camera, picture } of views) {
    const { uv, depth } = projectPoints(camera, centers);
    for (let i = 0; i < isOpen.length; i++) {
      const reach = ((Math.sqrt(3) / 2 / blocks) * camera.intrinsics[0] * size) / depth[i]; // pixels
      if (isOpen[i] && !anyWithin(picture.mask, size, uv[2 * i] * size, uv[2 * i + 1] * size, reach)) isOpen[i] = 0;
    }
  }
  const coords: number[] = [];
  for (let i = 0; i < isOpen.length; i++) {
    if (!isOpen[i]) continue;
    for (let k = 0; k < 8; k++)
      coords.push(2 * all[3 * i] + (k >> 2), 2 * all[3 * i + 1] + ((k >> 1) & 1), 2 * all[3 * i + 2] + (k & 1));
  }
  return Int32Array.from(coords);
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [model, folder = 'fit-mesh'] = process.argv.slice(2);
  const began = performance.now();
  const { mesh, start, fit, sheet } = await fitMesh(await exampleAsset(model), {
    onStep: (step, loss) => step % 50 === 0 && console.log(`step ${step}: loss ${loss.toFixed(4)}`),
  });
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
}
