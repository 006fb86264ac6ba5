/** The cameras of an asset's condition views, as its `transforms.json` tells them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { rendersCondPath } from './3-render-cond.ts';

export interface CondView {
  /** file name in the folder of views */
  file: string;
  /** where the camera stands; it looks at the origin */
  eye: readonly [number, number, number];
  fovRadians: number;
}

const transformsSchema = z.object({
  frames: z.array(
    z.object({
      file_path: z.string(),
      camera_angle_x: z.number(),
      transform_matrix: z.array(z.array(z.number()).length(4)).min(3),
    }),
  ),
});

/** The views in the order of their file names, which is the order of the pictures in their folder. */
export async function condViews(root: string, sha256: string): Promise<CondView[]> {
  const path = join(rendersCondPath(root, sha256), 'transforms.json');
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new Error(`${path}: cannot be read: ${(cause as Error).message}. Render the views again.`, { cause });
  }
  const { data, error } = transformsSchema.safeParse(json);
  if (!data) throw new Error(`${path}: is no table of cameras: ${error?.issues[0]?.message}. Render the views again.`);
  return data.frames
    .toSorted((a, b) => (a.file_path < b.file_path ? -1 : 1))
    .map(({ file_path, camera_angle_x, transform_matrix: m }) => ({
      file: file_path,
      eye: [m[0][3], m[1][3], m[2][3]],
      fovRadians: camera_angle_x,
    }));
}
