import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  condViews,
  coordsFromCenters,
  readMetadata,
  readVoxelsCond,
  rendersCondPath,
  splitOf,
  voxelPath,
} from '../dataset/index.ts';
import { readPointsPly } from '../formats/index.ts';
import { type Frame, quarterTurnedCoords, quarterTurnsToFront } from '../stages/1-structure/index.ts';

/** One asset as stage 1 learns from it. */
export interface StructureSample {
  sha256: string;
  split: 'train' | 'validation';
  root: string;
  /** occupied voxels of the 64³ grid, x y z one after the other */
  coords: Uint8Array;
  /** the same as turned to each condition view, where the frame is not the object's own; views may share an array */
  turned?: readonly Uint8Array[];
  /** folder of its condition views, when it has them */
  views?: string;
}

export interface StructureSampleOptions {
  /** only assets with condition views */
  cond: boolean;
  /** in which shapes are wanted besides their own; assets that lack what it takes are left out */
  frame?: Frame;
  /** leaves out assets whose score is lower; those without a score stay */
  minAestheticScore?: number;
}

/** The voxelized assets of dataset roots (several: comma-separated), in the order of their tables. */
export async function structureSamples(
  roots: string,
  { cond, frame = 'canonical', minAestheticScore = Number.NEGATIVE_INFINITY }: StructureSampleOptions,
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
      if (frame === 'picture' && row.cond_voxelized !== 'True') continue;
      if (frame === 'view' && row.view_voxelized !== 'True') continue;
      if (frame === 'quadrant' && row.cond_rendered !== 'True') continue;
      if (row.aesthetic_score && Number(row.aesthetic_score) < minAestheticScore) continue;
      const coords = Uint8Array.from(coordsFromCenters(readPointsPly(await readFile(voxelPath(root, row.sha256)))));
      samples.push({
        sha256: row.sha256,
        split: splitOf(row),
        root,
        coords,
        turned: await turnedToViews(root, row.sha256, coords, frame),
        views: row.cond_rendered === 'True' ? join(rendersCondPath(root, row.sha256)) : undefined,
      });
    }
  }
  return samples;
}

/** The shape in the frame of each condition view; undefined where that is its own. */
async function turnedToViews(
  root: string,
  sha256: string,
  coords: Uint8Array,
  frame: Frame,
): Promise<readonly Uint8Array[] | undefined> {
  switch (frame) {
    case 'canonical':
      return undefined;
    case 'picture':
    case 'view':
      return readVoxelsCond(root, sha256, frame);
    case 'quadrant': {
      const shapes = [0, 1, 2, 3].map((turns) => quarterTurnedCoords(coords, turns, 64));
      return (await condViews(root, sha256)).map(({ eye }) => shapes[quarterTurnsToFront(eye)]);
    }
  }
}
