import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mergeRecords, readMetadata, selectWork, writeMetadata, writeRecords } from './metadata.ts';

test('records overwrite what they know, leave what they lack, and are moved away', async () => {
  const root = await mkdtemp(join(tmpdir(), 'espalier-metadata-'));
  await writeMetadata(root, {
    columns: ['sha256', 'mine'],
    rows: [
      { sha256: 'a', mine: 'kept' },
      { sha256: 'b', mine: '' },
    ],
  });
  await writeRecords(root, 'voxelized', 0, [{ sha256: 'a', voxelized: 'True', num_voxels: '7' }]);
  await writeRecords(root, 'voxelized', 1, [{ sha256: 'unknown', voxelized: 'True', num_voxels: '9' }]);
  await writeFile(join(root, 'voxelized_notes.csv'), 'left alone\n');
  await mergeRecords(root, 42);
  const { rows } = await readMetadata(root);
  expect(rows).toEqual([
    {
      sha256: 'a',
      mine: 'kept',
      local_path: '',
      voxelized: 'True',
      num_voxels: '7',
      cond_rendered: 'False',
      cond_voxelized: 'False',
      view_voxelized: 'False',
      rendered: 'False',
    },
    {
      sha256: 'b',
      mine: '',
      local_path: '',
      voxelized: 'False',
      num_voxels: '0',
      cond_rendered: 'False',
      cond_voxelized: 'False',
      view_voxelized: 'False',
      rendered: 'False',
    },
  ]);
  expect(await readdir(join(root, 'merged_records'))).toEqual(['42_voxelized_0.csv', '42_voxelized_1.csv']);
  await rm(root, { recursive: true });
});

test('the shares of all ranks are the whole work, each row once', () => {
  const rows = Array.from({ length: 11 }, (_, i) => ({ sha256: String(i) }));
  const shares = [0, 1, 2, 3].map((rank) => selectWork(rows, (row) => row['sha256'] !== '5', rank, 4));
  expect(shares.flat().map((row) => row['sha256'])).toEqual(['0', '1', '2', '3', '4', '6', '7', '8', '9', '10']);
});
