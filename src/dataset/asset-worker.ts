/** The thread that works on one asset at a time; `asset-pool.ts` feeds it. */
import { parentPort } from 'node:worker_threads';
import sharp from 'sharp';
import { voxelizeAsset } from './2-voxelize.ts';
import { type RenderCondOptions, renderCondAsset } from './3-render-cond.ts';
import { type TurnedFrame, voxelizeCondAsset } from './4-voxelize-cond.ts';

export type AssetTask =
  | { kind: 'voxelize'; root: string; sha256: string; modelPath: string }
  | { kind: 'render-cond'; root: string; sha256: string; modelPath: string; options: RenderCondOptions }
  | { kind: 'voxelize-cond'; root: string; sha256: string; modelPath: string; frame: TurnedFrame };

export type AssetResult =
  | { ok: true; record: Record<string, string>; warnings: readonly string[] }
  | { ok: false; reason: string };

sharp.concurrency(1); // one thread per asset: the pool already fills the cores

parentPort?.on('message', async (task: AssetTask) => {
  parentPort?.postMessage(await work(task));
});

async function work(task: AssetTask): Promise<AssetResult> {
  const { root, sha256, modelPath } = task;
  try {
    switch (task.kind) {
      case 'voxelize': {
        const { numVoxels, warnings } = await voxelizeAsset(root, sha256, modelPath);
        return { ok: true, record: { voxelized: 'True', num_voxels: String(numVoxels) }, warnings };
      }
      case 'render-cond': {
        const { warnings } = await renderCondAsset(root, sha256, modelPath, task.options);
        return { ok: true, record: { cond_rendered: 'True' }, warnings };
      }
      case 'voxelize-cond': {
        const { warnings } = await voxelizeCondAsset(root, sha256, modelPath, task.frame);
        return {
          ok: true,
          record: { [task.frame === 'view' ? 'view_voxelized' : 'cond_voxelized']: 'True' },
          warnings,
        };
      }
    }
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  }
}
