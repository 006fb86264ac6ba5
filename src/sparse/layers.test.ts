import { describe, expect, test } from 'vitest';
import { devices } from '../../test/devices.ts';
import { evaluate, expectClose, expectGolden, expectWeights, golden, voxelsOf } from '../../test/golden.ts';
import { headNorm, promptKeysValues } from '../nn/index.ts';
import { input, mul, reshape, type Scope, scope, sub, type Tensor, vectorJacobian } from '../tensor/index.ts';
import { attendAmongVoxels, sparseCrossAttention, sparseSelfAttention } from './attention.ts';
import { pointConvolution, sparseConvolution } from './convolution.ts';
import { sparseGroupNorm } from './norm.ts';
import { sparsePositions } from './positions.ts';
import { coarsened, subdivided } from './resample.ts';
import { downsample, subdivide, upsample } from './resolution.ts';
import { type SparseGrid, sparseGrid } from './sparse-grid.ts';
import { swinReach } from './transformer.ts';
import { type Voxels, voxelsOfObjects } from './voxels.ts';

/** Gradients of Σ y·r in x and every weight, as outputs `<prefix>x`, `<prefix><weight>`. */
function slopesOf(
  y: Tensor,
  r: Tensor,
  prefix: string,
  p: Scope,
  inputs: Record<string, Tensor>,
): Record<string, Tensor> {
  const wrt: [string, Tensor][] = [...Object.entries(inputs), ...p.parameters];
  const slopes = vectorJacobian(
    [y],
    [r],
    wrt.map(([, t]) => t),
  );
  return Object.fromEntries(wrt.map(([name], i) => [prefix + name, slopes[i] as Tensor]));
}

/** An input of rows on a grid. */
const rows = (name: string, grid: SparseGrid, width: number): Tensor => input(name, [grid.rows, width]);

describe.each(devices)('layers over voxels on $device', ({ device, present }) => {
  const on = test.skipIf(!present);
  const run = (
    outputs: Record<string, Tensor>,
    weights: Parameters<typeof evaluate>[1],
    feeds: Parameters<typeof evaluate>[2],
    grid: SparseGrid,
    voxels: Voxels,
  ) => evaluate(outputs, weights, feeds, { device, plan: grid.plan(voxels) });

  on.each([1, 3])('convolution of kernel %i, and its gradients', async (k) => {
    const file = golden('sparse_conv');
    const voxels = voxelsOf(file, 'in.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const [x, r] = [rows('x', grid, 12), rows('r', grid, 20)];
    const y = k === 3 ? sparseConvolution(p, grid, x, 20) : pointConvolution(p, x, 20);
    const weights = file.below(`model.k${k}.`);
    expectWeights(p, weights);
    const feeds = { x: file.get(`in.k${k}`), r: file.get(`in.grad_k${k}_r`) };
    const outputs = { [`out.k${k}`]: y, ...slopesOf(y, r, `grad_k${k}.`, p, { x }) };
    expectGolden(await run(outputs, weights, feeds, grid, voxels), file);
  });

  on('group norm of each object, and its gradients', async () => {
    const file = golden('norms');
    const voxels = voxelsOf(file, 'in.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const [x, r] = [rows('x', grid, 64), rows('r', grid, 64)];
    const y = sparseGroupNorm(p, grid, x);
    const weights = file.below('model.sgn.');
    expectWeights(p, weights);
    const outputs = { 'out.sgn': y, ...slopesOf(y, r, 'grad_sgn.', p, { x }) };
    const feeds = { x: file.get('in.sgn'), r: file.get('in.grad_sgn_r') };
    expectGolden(await run(outputs, weights, feeds, grid, voxels), file);
  });

  on.each(['sself', 'sself_qk'])('attention %s of whole objects, and its gradients', async (tag) => {
    const file = golden('attention');
    const voxels = voxelsOf(file, 'in.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const [x, r] = [rows('x', grid, 32), rows('r', grid, 32)];
    const config = { heads: 4, qkRmsNorm: tag.endsWith('qk') };
    const y = sparseSelfAttention(p, grid, x, { kind: 'full' }, config);
    const weights = file.below(`model.${tag}.`);
    expectWeights(p, weights);
    const outputs = { [`out.${tag}`]: y, ...slopesOf(y, r, `grad_${tag}.`, p, { x }) };
    const feeds = { x: file.get('in.sparse'), r: file.get(`in.grad_${tag}_r`) };
    expectGolden(await run(outputs, weights, feeds, grid, voxels), file);
  });

  on('attention of objects to their prompts, and its gradients', async () => {
    const file = golden('attention');
    const voxels = voxelsOf(file, 'in.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const [x, r, ctx] = [rows('x', grid, 32), rows('r', grid, 32), input('ctx', [2, 7, 24])];
    const y = sparseCrossAttention(p, grid, x, promptKeysValues(p, ctx, 32, { heads: 4 }), { heads: 4 });
    const weights = file.below('model.scross.');
    expectWeights(p, weights);
    const outputs = { 'out.scross': y, ...slopesOf(y, r, 'grad_scross.', p, { x, ctx }) };
    const feeds = { x: file.get('in.sparse'), r: file.get('in.grad_scross_r'), ctx: file.get('in.ctx') };
    expectGolden(await run(outputs, weights, feeds, grid, voxels), file);
  });

  on('RMS norm of the heads of voxels', async () => {
    const file = golden('norms');
    const voxels = voxelsOf(file, 'in.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const x = input('x', [grid.rows, 4, 16]);
    const y = reshape(headNorm(p, reshape(x, [1, grid.rows, 64]), 4), x.shape);
    const got = await evaluate(
      { 'out.sparse_rms': y },
      file.below('model.sparse_rms.'),
      { x: file.get('in.sparse_rms') },
      { device },
    );
    expectGolden(got, file);
  });

  on.each([64, 96, 1024])('positions of voxels in %i channels', async (width) => {
    const file = golden('embeddings');
    const coords = Int32Array.from(file.get('in.coords').data);
    const grid = sparseGrid();
    const resolution = Math.max(...coords) + 1;
    const name = `out.pos_${width}`;
    const got = await run(
      { [name]: sparsePositions(grid, width, resolution) },
      {},
      {},
      grid,
      voxelsOfObjects([coords]),
    );
    expectClose(got[name].data, file.get(name).data, 1e-5, name);
  });

  on.each([0, 2])('attention in windows moved by %i', async (shift) => {
    const file = golden('windowed_attention');
    const voxels = voxelsOf(file, 'in.coords');
    const [grid, p] = [sparseGrid(voxels.objects), scope()];
    const [x, r] = [rows('x', grid, 24), rows('r', grid, 24)];
    const reach = swinReach(4, shift / 2);
    expect(reach).toEqual({ kind: 'window', size: 4, shift });
    const qkv = input('qkv', [grid.rows, 3, 3, 8]);
    const y = sparseSelfAttention(p, grid, x, reach, { heads: 3 });
    const weights = file.below('model.');
    expectWeights(p, weights);
    const alone = attendAmongVoxels(grid, reshape(qkv, [grid.rows, 72]), reach, 3);
    const outputs: Record<string, Tensor> = {
      [`out.mha_s${shift}`]: y,
      [`out.attn_s${shift}`]: reshape(alone, [grid.rows, 3, 8]),
      ...(shift === 2 ? slopesOf(y, r, 'grad.', p, { x }) : {}),
    };
    const feeds = {
      x: file.get('in.x'),
      qkv: file.get('in.qkv'),
      ...(shift === 2 ? { r: file.get('in.grad_r') } : {}),
    };
    expectGolden(await run(outputs, weights, feeds, grid, voxels), file);
  });

  on('resolution halves to sum/(n + 1), doubles to the parents, and subdivides to copies', async () => {
    const file = golden('spatial_ops');
    const voxels = voxelsOf(file, 'in.sparse.coords');
    const { coarse, parent } = coarsened(voxels);
    expect([...coarse.coords]).toEqual([...file.get('out.down.coords').data]);
    expect([...parent]).toEqual([...file.get('out.down_idx').data]);
    expect([...subdivided(voxels).coords]).toEqual([...file.get('out.subdivide.coords').data]);
    const grid = sparseGrid(voxels.objects);
    const x = rows('x', grid, 6);
    const down = downsample(grid, x);
    const r = rows('r', grid.coarser().grid, 6);
    const outputs = {
      'out.down.feats': down,
      'out.up.feats': upsample(grid, sub(mul(down, 2), 1)),
      'out.subdivide.feats': subdivide(x),
      ...slopesOf(down, r, 'grad_down.', scope(), { x }),
    };
    const feeds = { x: file.get('in.sparse.feats'), r: file.get('in.grad_down_r') };
    const got = await run(outputs, {}, feeds, grid, voxels);
    for (const [name, t] of Object.entries(got)) expectClose(t.data, file.get(name).data, 1e-6, name);
  });
});
