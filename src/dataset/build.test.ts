import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Document, WebIO } from '@gltf-transform/core';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readPointsPly } from '../formats/index.ts';
import { collect } from './1-collect.ts';
import { readVoxelsCond } from './4-voxelize-cond.ts';
import { type BuildEvent, buildDataset } from './build.ts';
import { mergeRecords, readMetadata } from './metadata.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-dataset-'));
  await mkdir(join(folder, 'models'));
  await writeFile(join(folder, 'models', 'tall.glb'), await triangleGlb(2));
  await writeFile(join(folder, 'models', 'flat.glb'), await triangleGlb(0.5));
  await writeFile(join(folder, 'models', 'broken.glb'), 'not a model');
  await writeFile(join(folder, 'assets.csv'), 'id,caption,source_pack\ntall,"a tall, thin flag",flags\n');
});
afterEach(() => rm(folder, { recursive: true }));

async function triangleGlb(height: number): Promise<Uint8Array> {
  const document = new Document();
  const array = new Float32Array([0, 0, 0, 1, 0, 0, 0, height, 0]);
  const position = document.createAccessor().setType('VEC3').setArray(array).setBuffer(document.createBuffer());
  const primitive = document.createPrimitive().setAttribute('POSITION', position);
  const node = document.createNode().setMesh(document.createMesh().addPrimitive(primitive));
  document.createScene().addChild(node);
  return new WebIO().writeBinary(document);
}

test('a folder becomes a root; a bad asset is skipped with its reason; a second run changes nothing', async () => {
  const root = join(folder, 'root');
  const events: BuildEvent[] = [];
  const options = { views: 2, size: 16, workers: 2, onEvent: (event: BuildEvent) => void events.push(event) };
  const summary = await buildDataset(join(folder, 'models'), root, options);
  expect(summary).toEqual({ assets: 3, voxelized: 2, condRendered: 2, skipped: 1 });
  const skipped = events.filter((event) => event.kind === 'skipped');
  expect(skipped).toEqual([
    { kind: 'skipped', stage: 'voxelize', asset: 'broken.glb', reason: expect.stringContaining('GLB') },
  ]);

  const { rows } = await readMetadata(root);
  const tall = rows.find((row) => row['file_identifier'] === 'tall.glb')!;
  expect(tall).toMatchObject({
    captions: '["a tall, thin flag"]',
    source_pack: 'flags',
    voxelized: 'True',
    cond_rendered: 'True',
  });
  const voxels = readPointsPly(await readFile(join(root, 'voxels', `${tall['sha256']}.ply`)));
  expect(String(voxels.length / 3)).toBe(tall['num_voxels']);
  const views = join(root, 'renders_cond', tall['sha256']);
  expect(await sharp(join(views, '001.png')).metadata()).toMatchObject({ width: 16, height: 16, channels: 4 });
  const { frames } = JSON.parse(await readFile(join(views, 'transforms.json'), 'utf8'));
  expect(frames).toHaveLength(2);
  expect(tall['cond_voxelized']).toBe('True');
  for (const frame of ['picture', 'view'] as const)
    expect(await readVoxelsCond(root, tall['sha256'], frame)).toHaveLength(2);
  expect((await readdir(root)).filter((name) => /_0\.csv$|\.tmp$/.test(name))).toEqual([]);

  const before = (await stat(join(views, '001.png'))).mtimeMs;
  const metadata = await readFile(join(root, 'metadata.csv'), 'utf8');
  expect((await buildDataset(join(folder, 'models'), root, options)).condRendered).toBe(2);
  expect((await stat(join(views, '001.png'))).mtimeMs).toBe(before);
  expect(await readFile(join(root, 'metadata.csv'), 'utf8')).toBe(metadata);
});

test('OBJ with its materials, STL and PLY are assets as GLB is; files of the root itself are not', async () => {
  const other = join(folder, 'other');
  await mkdir(other);
  const corners = 'v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\n';
  await writeFile(join(other, 'a.obj'), `mtllib a.mtl\n${corners}usemtl red\nf 1/1 2/1 3/1\n`);
  await writeFile(join(other, 'a.mtl'), 'newmtl red\nmap_Kd a.png\n');
  await sharp({ create: { width: 2, height: 2, channels: 3, background: '#f00' } }).toFile(join(other, 'a.png'));
  const facet = 'facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n';
  await writeFile(join(other, 'b.stl'), `solid b\n${facet}endsolid b\n`);
  const header = 'ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n';
  const face = 'element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0 1 0 0 0 1 0 3 0 1 2\n';
  await writeFile(join(other, 'c.ply'), header + face);
  const root = join(other, 'root'); // its voxels are PLY files below the folder of models
  const events: BuildEvent[] = [];
  const options = { views: 1, size: 8, workers: 1, onEvent: (event: BuildEvent) => void events.push(event) };
  for (let run = 0; run < 2; run++)
    expect(await buildDataset(other, root, options)).toEqual({ assets: 3, voxelized: 3, condRendered: 3, skipped: 0 });
  expect(events.flatMap((event) => (event.kind === 'warning' ? [event.message] : [])).join()).not.toMatch(
    /plain colour/,
  );
});

test('a run that is cancelled can be run again, and what was done stays done', async () => {
  const root = join(folder, 'root');
  const cancel = new AbortController();
  const onEvent = (event: BuildEvent) => {
    if (event.kind === 'step' && event.stage === 'voxelize') cancel.abort(new Error('enough'));
  };
  const options = { views: 1, size: 8, workers: 1 };
  await expect(
    buildDataset(join(folder, 'models'), root, { ...options, signal: cancel.signal, onEvent }),
  ).rejects.toThrow('enough');
  expect((await buildDataset(join(folder, 'models'), root, options)).condRendered).toBe(2);
});

test('a folder without models, and a folder that is none, are errors in words', async () => {
  await mkdir(join(folder, 'empty'));
  await expect(buildDataset(join(folder, 'empty'), join(folder, 'a'))).rejects.toThrow(/found none/);
  await expect(buildDataset(join(folder, 'nowhere'), join(folder, 'b'))).rejects.toThrow(/expected a folder/);
});

test('two processes with half of the work each make what one makes alone', async () => {
  const options = { views: 1, size: 8, workers: 1 };
  const alone = join(folder, 'alone');
  await buildDataset(join(folder, 'models'), alone, options);
  const shared = join(folder, 'shared');
  await mkdir(shared);
  await collect(join(folder, 'models'), shared);
  await mergeRecords(shared);
  for (const rank of [0, 1]) await buildDataset(join(folder, 'models'), shared, { ...options, rank, worldSize: 2 });
  await mergeRecords(shared);
  expect((await readMetadata(shared)).rows).toEqual((await readMetadata(alone)).rows);
});

test('full light and plain light make different views of the same asset, from the same cameras', async () => {
  const rendered = async (light: 'full' | 'plain') => {
    const root = join(folder, light);
    await buildDataset(join(folder, 'models'), root, { views: 2, size: 32, workers: 1, light });
    const { rows } = await readMetadata(root);
    const views = join(root, 'renders_cond', rows.find((row) => row['file_identifier'] === 'tall.glb')!['sha256']);
    const pixels = await sharp(join(views, '000.png')).raw().toBuffer();
    return { pixels, cameras: await readFile(join(views, 'transforms.json'), 'utf8') };
  };
  const [full, plain] = [await rendered('full'), await rendered('plain')];
  expect(full.cameras).toBe(plain.cameras);
  const alpha = (pixels: Buffer) => pixels.filter((_, i) => i % 4 === 3);
  expect(alpha(full.pixels)).toEqual(alpha(plain.pixels));
  expect(full.pixels.equals(plain.pixels)).toBe(false);
});
