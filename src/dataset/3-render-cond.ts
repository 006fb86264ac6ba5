/**
 * Step 3: a model → `renders_cond/{sha}/NNN.png` and `transforms.json`, the pictures that stand for a user's photo.
 * Directions on an offset Hammersley sequence; field of view 10° … 70°, the distance such that the bounding sphere of
 * the unit cube fills the view. All random numbers come from the sha256, so a second run makes the same pictures.
 * The light is the toolkit's, in one bounce: `full` with shadows and highlights, as its path tracer has them, or `plain`, diffuse.
 * Source: microsoft/TRELLIS, `dataset_toolkits/render_cond.py`.
 */
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import {
  type Camera,
  cameraToWorldOpenGl,
  createTriangleRenderer,
  hammersleyDirection,
  orbitCamera,
  type Shading,
  texturedMesh,
} from '../render/index.ts';
import { writeWhole } from './metadata.ts';
import { readModelFile } from './model-file.ts';
import { toUnitCube } from './unit-cube.ts';

export interface RenderCondOptions {
  views: number;
  size: number; // pixels per side
  light: Shading; // 'plain' is what models/mini was trained on
}

/** The toolkit's own numbers. */
export const renderCondDefaults: RenderCondOptions = { views: 24, size: 1024, light: 'full' };

export const rendersCondPath = (root: string, sha256: string): string => join(root, 'renders_cond', sha256);

/** `transforms.json` is written last and marks the asset as done. */
export async function renderCondAsset(
  root: string,
  sha256: string,
  modelPath: string,
  options: RenderCondOptions,
): Promise<{ warnings: readonly string[] }> {
  const folder = rendersCondPath(root, sha256);
  if (await exists(join(folder, 'transforms.json'))) return { warnings: [] };
  const { scene, scale, offset } = toUnitCube(await readModelFile(modelPath));
  const mesh = texturedMesh(scene);
  const renderer = createTriangleRenderer({ size: options.size, shading: options.light });
  await mkdir(folder, { recursive: true });
  const frames = [];
  for (const [i, { camera, fovRadians }] of condCameras(sha256, options.views).entries()) {
    const { width, height, data } = renderer.render(mesh, camera);
    const name = `${String(i).padStart(3, '0')}.png`;
    const png = await sharp(data, { raw: { width, height, channels: 4 } })
      .png({ compressionLevel: 6 })
      .toBuffer();
    await writeWhole(join(folder, name), png);
    const m = [...cameraToWorldOpenGl(camera)];
    frames.push({
      file_path: name,
      camera_angle_x: fovRadians,
      transform_matrix: [m.slice(0, 4), m.slice(4, 8), m.slice(8, 12), m.slice(12)],
    });
  }
  const aabb = [
    [-0.5, -0.5, -0.5],
    [0.5, 0.5, 0.5],
  ];
  await writeWhole(join(folder, 'transforms.json'), JSON.stringify({ aabb, scale, offset, frames }, null, 4));
  return { warnings: scene.warnings };
}

/** The `views` cameras of an asset; the same for the same sha256. */
export function condCameras(sha256: string, views: number): { camera: Camera; fovRadians: number }[] {
  const random = randomFromSha(sha256);
  const offset = [random(), random()] as const;
  const sphere = Math.sqrt(3) / 2; // radius of the unit cube's bounding sphere
  const nearest = 1 / (sphere / Math.sin((35 * Math.PI) / 180)) ** 2;
  const farthest = 1 / (sphere / Math.sin((5 * Math.PI) / 180)) ** 2;
  return Array.from({ length: views }, (_, n) => {
    const { yaw, pitch } = hammersleyDirection(n, views, offset, true);
    const radius = 1 / Math.sqrt(farthest + (nearest - farthest) * random());
    const fovRadians = 2 * Math.asin(sphere / radius);
    // The toolkit measures yaw from +x towards +y, our orbit from +y towards +x.
    return { camera: orbitCamera(Math.PI / 2 - yaw, pitch, radius, fovRadians), fovRadians };
  });
}

/** Uniform numbers in [0, 1) from the hash. Source: Chris Doty-Humphrey's SFC32. */
function randomFromSha(sha256: string): () => number {
  let [a, b, c, counter] = [0, 8, 16, 24].map((at) => Number.parseInt(sha256.slice(at, at + 8), 16) | 0);
  return () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
