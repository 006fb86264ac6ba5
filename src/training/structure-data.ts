import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  coordsFromCenters,
  readMetadata,
  readVoxelsCond,
  rendersCondPath,
  splitOf,
  voxelPath,
} from '../dataset/index.ts';
import { readPointsPly } from '../formats/index.ts';

/** One asset as stage 1 learns from it. */
export interface StructureSample {
  sha256: string;
  split: 'train' | 'validation';
  root: string;
  /** occupied voxels of the 64³ grid, x y z one after the other */
  coords: Uint8Array;
  /** the same as turned to each condition view, when asked for */
  turned?: readonly Uint8Array[];
  /** folder of its condition views, when it has them */
  views?: string;
}

export interface StructureSampleOptions {
  /** only assets with condition views */
  cond: boolean;
  /** also the shapes turned to their views; assets without them are left out */
  turned?: boolean;
  /** leaves out assets whose score is lower; those without a score stay */
  minAestheticScore?: number;
}

/** The voxelized assets of dataset roots (several: comma-separated), in the order of their tables. */
export async function structureSamples(
  roots: string,
  { cond, turned = false, minAestheticScore = Number.NEGATIVE_INFINITY }: StructureSampleOptions,
): Promise<StructureSample[]> {
  const samples: StructureSample[] = [];
  for (const root of roots.split(',')) {
    const { rows } = await readMetadata(root);
    if (rows.length === 0)
      throw new Error(
        `${root}: is not a dataset root, or an empty one (no rows in its metadata.csv). Make one with \`espalier dataset build\`.`,
      );
    for (const row of rows) {
      if (row.voxelized !== 'True' || (cond && row.cond_rendered !== 'True')) continue;
      if (turned && row.cond_voxelized !== 'True') continue;
      if (row.aesthetic_score && Number(row.aesthetic_score) < minAestheticScore) continue;
      const coords = coordsFromCenters(readPointsPly(await readFile(voxelPath(root, row.sha256))));
      samples.push({
        sha256: row.sha256,
        split: splitOf(row),
        root,
        coords: Uint8Array.from(coords),
        turned: turned ? await readVoxelsCond(root, row.sha256) : undefined,
        views: row.cond_rendered === 'True' ? join(rendersCondPath(root, row.sha256)) : undefined,
      });
    }
  }
  return samples;
}
