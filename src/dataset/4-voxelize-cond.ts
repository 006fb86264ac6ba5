/**
 * Step 4: a model → its surface cells at 64³ as each condition view sees it, moved into the unit cube anew. Turned about the vertical so
 * that the view's camera stands in front, on −y: `voxels_cond/{sha}.npz`; turned to its height, too, so that it looks along +y:
 * `voxels_view/{sha}.npz`. A recipe that learns shapes in such a frame (`frame: 'picture'`, `'view'`) need not guess which side of an
 * object is its front, nor, in the second, from how high it is seen.
 *
 * Arrays: `coords` u1 [N₀ + N₁ + …, 3], the views one after the other; `counts` i4 [views], the rows of each.
 * Not part of TRELLIS's own layout; official recipes do not read it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NpzError, readNpz, type TriangleScene, writeNpz } from '../formats/index.ts';
import { voxelize } from '../representations/index.ts';
import { turnedPoint, turnToFront, turnToView } from '../stages/1-structure/index.ts';
import { condViews } from './cond-views.ts';
import { writeWhole } from './metadata.ts';
import { readModelFile } from './model-file.ts';
import { toUnitCube } from './unit-cube.ts';

/** Frames that are turned to each view. */
export type TurnedFrame = 'picture' | 'view';

const folders = { picture: 'voxels_cond', view: 'voxels_view' };

export const voxelsCondPath = (root: string, sha256: string, frame: TurnedFrame): string =>
  join(root, folders[frame], `${sha256}.npz`);

/** A whole file with as many shapes as there are views is left alone. */
export async function voxelizeCondAsset(
  root: string,
  sha256: string,
  modelPath: string,
  frame: TurnedFrame,
): Promise<{ warnings: readonly string[] }> {
  const path = voxelsCondPath(root, sha256, frame);
  const views = await condViews(root, sha256);
  if ((await existingCount(path)) === views.length) return { warnings: [] };
  const { scene } = toUnitCube(await readModelFile(modelPath));
  const shapes = views.map(({ eye }) => voxelize(toUnitCube(turned(scene, eye, frame)).scene));
  const coords = new Uint8Array(shapes.reduce((n, shape) => n + shape.length, 0));
  let at = 0;
  for (const shape of shapes) {
    coords.set(shape, at);
    at += shape.length;
  }
  const counts = Int32Array.from(shapes, (shape) => shape.length / 3);
  await writeWhole(
    path,
    writeNpz({
      coords: { shape: [coords.length / 3, 3], data: coords },
      counts: { shape: [counts.length], data: counts },
    }),
  );
  return { warnings: scene.warnings };
}

/** The shapes of an asset in the order of its views, each coords [N, 3]. */
export async function readVoxelsCond(root: string, sha256: string, frame: TurnedFrame): Promise<Uint8Array[]> {
  const path = voxelsCondPath(root, sha256, frame);
  const arrays = readNpz(await readFile(path));
  const coords = arrays.get('coords');
  const counts = arrays.get('counts');
  const sum = counts ? Array.from(counts.data as Int32Array).reduce((a, b) => a + b, 0) : -1;
  if (!(coords?.data instanceof Uint8Array && counts?.data instanceof Int32Array && sum * 3 === coords.data.length))
    throw new Error(
      `${path}: expected "coords" u1 [N, 3] and "counts" i4 with the sum N, got ${[...arrays.keys()].join(', ') || 'nothing'}. Delete the file and run \`espalier dataset build\` again.`,
    );
  const shapes: Uint8Array[] = [];
  let at = 0;
  for (const count of counts.data) {
    shapes.push(coords.data.subarray(at, at + count * 3));
    at += count * 3;
  }
  return shapes;
}

function turned(scene: TriangleScene, eye: readonly number[], frame: TurnedFrame): TriangleScene {
  const turn = frame === 'view' ? turnToView(eye) : turnToFront(eye);
  const primitives = scene.primitives.map((primitive) => {
    const positions = primitive.positions.slice();
    for (let i = 0; i < positions.length; i += 3) positions.set(turnedPoint(turn, positions.subarray(i, i + 3)), i);
    return { ...primitive, positions };
  });
  return { ...scene, primitives };
}

/** Views that a file holds; 0 when it is absent or damaged, and so made again. */
async function existingCount(path: string): Promise<number> {
  try {
    return readNpz(await readFile(path)).get('counts')?.data.length ?? 0;
  } catch (error) {
    if (error instanceof NpzError || (error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
