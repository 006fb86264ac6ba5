import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  rendersCondPath,
  splitOf,
  voxelCenters,
  voxelPath,
  voxelsCondPath,
  writeMetadata,
} from '../src/dataset/index.ts';
import { writeWhole } from '../src/dataset/metadata.ts';
import { encodePng, writeNpz, writePointsPly } from '../src/formats/index.ts';

/** Whether the voxel at (x, y, z), each −31.5 … 31.5 from the middle, is inside. */
type Solid = (x: number, y: number, z: number) => boolean;

const solids: Record<string, Solid> = {
  cube: (x, y, z) => Math.max(Math.abs(x), Math.abs(y), Math.abs(z)) < 12,
  ball: (x, y, z) => Math.hypot(x, y, z) < 15,
  slab: (x, y, z) => Math.abs(x) < 20 && Math.abs(y) < 4 && Math.abs(z) < 9,
  pillar: (x, y, z) => Math.hypot(x, y) < 7 && Math.abs(z) < 22,
};

/** Cameras in front of the object, and to its left: the turn of a quarter brings the second to the front. */
const frames = [
  [0, -2, 0],
  [-2, 0, 0],
].map((eye, view) => ({
  file_path: `00${view}.png`,
  camera_angle_x: 0.8,
  transform_matrix: eye.map((at) => [0, 0, 0, at]),
}));

/** A dataset root of four small shapes, surfaces only, each with two condition views of 32² pixels. */
export async function toyDataset(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'toy-dataset-'));
  const rows = [];
  for (const [name, solid] of Object.entries(solids)) {
    const sha256 = Buffer.from(name).toString('hex').padEnd(64, '0');
    const coords = surfaceOf(solid);
    await writeWhole(voxelPath(root, sha256), writePointsPly(voxelCenters(coords)));
    for (const axis of [0, 1])
      await writeWhole(join(rendersCondPath(root, sha256), `00${axis}.png`), await encodePng(silhouette(coords, axis)));
    await writeWhole(join(rendersCondPath(root, sha256), 'transforms.json'), Buffer.from(JSON.stringify({ frames })));
    const counts = Int32Array.of(coords.length / 3, coords.length / 3);
    const turned = Uint8Array.from([...coords, ...turnedQuarter(coords)]);
    const archive = writeNpz({
      coords: { shape: [turned.length / 3, 3], data: turned },
      counts: { shape: [2], data: counts },
    });
    // The cameras stand as high as the object: both frames are the same.
    for (const frame of ['picture', 'view'] as const) await writeWhole(voxelsCondPath(root, sha256, frame), archive);
    const row = {
      sha256,
      source_path: `${name}.glb`,
      voxelized: 'True',
      cond_rendered: 'True',
      cond_voxelized: 'True',
      view_voxelized: 'True',
    };
    if (splitOf(row) !== 'train') throw new Error(`toyDataset: "${name}" is held out. Rename it.`);
    rows.push({ ...row, num_voxels: String(coords.length / 3) });
  }
  await writeMetadata(root, { columns: ['sha256'], rows });
  return root;
}

/** By 90° about z. */
function turnedQuarter(coords: Int32Array): Int32Array {
  return coords.map((_, i) => [63 - coords[i + 1], coords[i - 1], coords[i]][i % 3]);
}

function surfaceOf(solid: Solid): Int32Array {
  const at = (x: number, y: number, z: number) => solid(x - 31.5, y - 31.5, z - 31.5);
  const coords: number[] = [];
  for (let x = 0; x < 64; x++)
    for (let y = 0; y < 64; y++)
      for (let z = 0; z < 64; z++) {
        if (!at(x, y, z)) continue;
        const hidden =
          at(x - 1, y, z) &&
          at(x + 1, y, z) &&
          at(x, y - 1, z) &&
          at(x, y + 1, z) &&
          at(x, y, z - 1) &&
          at(x, y, z + 1);
        if (!hidden) coords.push(x, y, z);
      }
  return Int32Array.from(coords);
}

/** Seen along an axis: white where there is something, transparent elsewhere. */
function silhouette(coords: Int32Array, axis: number) {
  const data = new Uint8Array(32 * 32 * 4);
  for (let i = 0; i < coords.length; i += 3) {
    const [u, v] = [0, 1, 2].filter((a) => a !== axis).map((a) => coords[i + a] >> 1);
    data.fill(255, (v * 32 + u) * 4, (v * 32 + u) * 4 + 4);
  }
  return { width: 32, height: 32, data };
}
