/** Step 2: a model → `voxels/{sha}.ply`, the centres of its surface cells at 64³. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPointsPly, writePointsPly } from '../formats/index.ts';
import { voxelCenters, voxelize } from '../representations/index.ts';
import { writeWhole } from './metadata.ts';
import { readModelFile } from './model-file.ts';
import { toUnitCube } from './unit-cube.ts';

export const voxelPath = (root: string, sha256: string): string => join(root, 'voxels', `${sha256}.ply`);

export interface VoxelizeResult {
  numVoxels: number;
  warnings: readonly string[];
}

/** Voxels that are there already are only counted. */
export async function voxelizeAsset(root: string, sha256: string, modelPath: string): Promise<VoxelizeResult> {
  const path = voxelPath(root, sha256);
  const existing = await readExisting(path);
  if (existing) return { numVoxels: existing.length / 3, warnings: [] };
  const { scene } = toUnitCube(await readModelFile(modelPath));
  const coords = voxelize(scene);
  await writeWhole(path, writePointsPly(voxelCenters(coords)));
  return { numVoxels: coords.length / 3, warnings: scene.warnings };
}

/** Absent or damaged files are made again. */
async function readExisting(path: string): Promise<Float32Array | undefined> {
  try {
    return readPointsPly(await readFile(path));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
