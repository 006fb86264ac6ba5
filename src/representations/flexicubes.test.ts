import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { expectClose, type Golden, golden } from '../../test/golden.ts';
import type { CubeField } from './cube-field.ts';
import { AMBIGUOUS_FACE, GROUPS, tableText } from './dual-marching-cubes.ts';
import { flexicubes } from './flexicubes.ts';
import { flexicubesGradient } from './flexicubes-gradient.ts';
import { emptyBits, mark, membersOf, rankedSet, rankOf } from './ranked-set.ts';

test('the table of dual marching cubes is the published one', () => {
  const text = tableText();
  expect(text.length).toBe(1895);
  expect(createHash('sha256').update(text).digest('hex')).toBe(
    'fea5830528345b3c2ebba08b5decd1e8af3d762bb99f1b684944c7b724061d63',
  );
  expect(GROUPS.filter((groups) => groups.length === 4).length).toBe(2);
});

test('36 cases may take the form of their complement, six towards each side', () => {
  const towards = (face: number) => [...AMBIGUOUS_FACE].flatMap((f, code) => (f === face ? [code] : []));
  expect([0, 1, 2, 3, 4, 5].map(towards)).toEqual([
    [62, 188, 190, 203, 227, 235],
    [61, 124, 125, 199, 211, 215],
    [94, 173, 218, 222, 229, 237],
    [91, 122, 123, 167, 181, 183],
    [118, 185, 217, 230, 246, 249],
    [103, 110, 111, 155, 157, 159],
  ]);
});

test('a ranked set counts its members, in every word', () => {
  const size = 200;
  const members = [0, 1, 30, 31, 32, 63, 64, 95, 96, 97, 127, 128, 199];
  const bits = emptyBits(size);
  for (const m of members) mark(bits, m);
  const set = rankedSet(bits, size);
  expect([...membersOf(set)]).toEqual(members);
  expect(set.count).toBe(members.length);
  for (let i = 0; i < size; i++) expect(rankOf(set, i)).toBe(members.indexOf(i));
  const all = emptyBits(64);
  for (let i = 0; i < 64; i++) mark(all, i);
  expect(membersOf(rankedSet(all, 64)).length).toBe(64);
});

/** All integers below n. */
function everything(n: number) {
  const bits = emptyBits(n);
  for (let i = 0; i < n; i++) mark(bits, i);
  return rankedSet(bits, n);
}

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

/** A golden grid, every vertex with values and every cube with weights. */
function denseField(file: Golden): CubeField {
  const R = file.config.resolution;
  const value = (name: string) => file.get(`in.${name}`).data;
  return {
    resolution: R,
    vertices: everything((R + 1) ** 3),
    sdf: value('scalar_field'),
    positions: value('voxelgrid_vertices'),
    attributes: value('voxelgrid_colors').map(sigmoid),
    attributeWidth: 6,
    cubes: everything(R ** 3),
    beta: value('beta').map((v) => 1 + 0.99 * Math.tanh(v)),
    alpha: value('alpha').map((v) => 1 + 0.99 * Math.tanh(v)),
    gamma: value('gamma_f').map((v) => 0.005 + 0.99 * sigmoid(v)),
  };
}

test.each(['smooth', 'random'])('a dense %s field gives the official surfaces, for use and for training', (name) => {
  const file = golden(`flexicubes_${name}`);
  const field = denseField(file);
  for (const [split, mode] of [
    ['diagonal', 'eval'],
    ['center', 'train'],
  ] as const) {
    const { positions, attributes, indices, deviations } = flexicubes(field, split);
    expect([...indices]).toEqual([...file.get(`out.${mode}.faces`).data]);
    expectClose(positions, file.get(`out.${mode}.vertices`).data, 1e-4, 'positions');
    expectClose(attributes, file.get(`out.${mode}.colors`).data, 1e-4, 'attributes');
    expectClose(deviations, file.get(`out.${mode}.L_dev`).data, 1e-4, 'deviations');
  }
});

test.each(['smooth', 'random'])(
  'the gradient of a %s surface in all that it comes from is the official one',
  (name) => {
    const file = golden(`flexicubes_${name}`);
    const field = denseField(file);
    const surface = flexicubes(field, 'center');
    const entries = surface.deviations.length;
    const g = flexicubesGradient(field, surface, {
      positions: file.get('in.grad_r').data,
      attributes: file.get('in.grad_rc').data,
      deviations: new Float32Array(entries).fill(1 / entries),
    });
    const tanhSlope = (v: number) => 0.99 * (1 - Math.tanh(v) ** 2);
    const sigmoidSlope = (v: number) => sigmoid(v) * (1 - sigmoid(v));
    const through = (values: Float32Array, input: string, slope: (v: number) => number) =>
      values.map((v, i) => v * slope(file.get(`in.${input}`).data[i]));
    const official = {
      scalar_field: g.sdf,
      voxelgrid_vertices: g.positions,
      voxelgrid_colors: through(g.attributes, 'voxelgrid_colors', sigmoidSlope),
      beta: through(g.beta, 'beta', tanhSlope),
      alpha: through(g.alpha, 'alpha', tanhSlope),
      gamma_f: through(g.gamma, 'gamma_f', (v) => 0.99 * sigmoidSlope(v)),
    };
    for (const [name, values] of Object.entries(official))
      expectClose(values, file.get(`grad.${name}`).data, 1e-3, name);
  },
);
