/**
 * The raw mesh that fit-mesh found becomes a textured asset, in the colours of the Gaussians that fit-gaussians found.
 *
 *   npx tsx examples/finish-fit.ts fit-mesh/mesh.glb fit-gaussians/gaussians.ply [folder for the result]
 *
 * About a minute. Writes asset.glb, and eight-sides.png.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readModelFile } from '../src/dataset/index.ts';
import { type BakeView, type FinishedMesh, finishMesh, meshOfScene, type RawMesh } from '../src/finish/index.ts';
import { encodePng, type RgbaPicture, readSplatPly, sceneOfMesh, writeGlb } from '../src/formats/index.ts';
import {
  contactSheet,
  createGaussianRasterizer,
  createTriangleRenderer,
  hammersleyDirection,
  orbitCamera,
  type Picture,
  texturedMesh,
} from '../src/render/index.ts';
import type { Gaussians } from '../src/representations/index.ts';

export const finishFitDefaults = {
  faces: 12_000,
  texture: 1024,
  views: 60, // of the Gaussians, from all around
  size: 512, // pixels per side of each
};

const FIELD_OF_VIEW = (40 * Math.PI) / 180;

/** @returns the finished mesh, and how it looks from eight sides, in turn from above and from below */
export async function finishFit(
  raw: RawMesh,
  gaussians: Gaussians,
  options: Partial<typeof finishFitDefaults> = {},
): Promise<{ finished: FinishedMesh; sheet: Picture }> {
  const { faces, texture, views, size } = { ...finishFitDefaults, ...options };

  const rasterizer = await createGaussianRasterizer();
  const pictures: BakeView[] = [];
  for (let n = 0; n < views; n++) {
    const { yaw, pitch } = hammersleyDirection(n, views, [0.25, 0.25], false);
    const camera = orbitCamera(yaw, pitch, 2, FIELD_OF_VIEW);
    const { color, alpha } = await rasterizer.render(gaussians, { camera, width: size, height: size });
    pictures.push({ camera, picture: straightAlpha(color, alpha, size) });
  }
  await rasterizer.dispose();

  const source = { kind: 'views', views: pictures } as const;
  const finished = await finishMesh(
    { positions: raw.positions, indices: raw.indices },
    { target: { faces }, texture, source },
  );

  const shown = texturedMesh(sceneOfMesh(finished.mesh));
  const light = { position: [0, 0, 0], lamp: 0, sky: 0, ambient: 1 } as const; // the pictures' own is in the texture
  const renderer = createTriangleRenderer({ size: 256, light });
  const sides = Array.from({ length: 8 }, (_, i) => {
    const camera = orbitCamera((i * Math.PI) / 4, i % 2 === 0 ? 0.35 : -0.25, 2, FIELD_OF_VIEW);
    return { ...renderer.render(shown, camera), channels: 4 as const };
  });
  return { finished, sheet: contactSheet(sides, { columns: 4, margin: 4, background: [255, 255, 255] }) };
}

/** Planes of colour times alpha → 8 bits, colour for itself. */
function straightAlpha(color: Float32Array, alpha: Float32Array, size: number): RgbaPicture {
  const data = new Uint8Array(4 * size * size);
  for (let p = 0; p < size * size; p++) {
    for (let c = 0; c < 3; c++)
      data[4 * p + c] = Math.round(
        255 * Math.min(1, Math.max(0, color[c * size * size + p] / Math.max(alpha[p], 1e-6))),
      );
    data[4 * p + 3] = Math.round(255 * alpha[p]);
  }
  return { width: size, height: size, data };
}

/** Finishes, prints, and writes the results into `folder`. */
export async function main(mesh: string, splats: string, folder: string): Promise<void> {
  const { means, scales, rotations, opacities, shDc: colorsDc } = readSplatPly(await readFile(splats)).splats;
  const raw = meshOfScene(await readModelFile(mesh));
  const { finished, sheet } = await finishFit(raw, { means, scales, rotations, opacities, colorsDc });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'asset.glb'), await writeGlb(finished.mesh));
  await writeFile(join(folder, 'eight-sides.png'), await encodePng(sheet));
  const { simplify, bake } = finished.reports;
  console.log(
    `${simplify.facesBefore} → ${simplify.faces} faces; ${Math.round(100 * (bake?.unseenShare ?? 0))} % of the texture seen by no view`,
  );
  for (const { message } of finished.check.findings) console.log(message);
  console.log(`asset.glb and eight-sides.png are in ${folder}.`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mesh, splats, folder = 'finish-fit'] = process.argv.slice(2);
  if (!splats)
    throw new Error(
      'Usage: npx tsx examples/finish-fit.ts mesh.glb gaussians.ply [folder]. Run fit-mesh and fit-gaussians first.',
    );
  await main(mesh, splats, folder);
}
