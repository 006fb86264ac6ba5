import { WebIO } from '@gltf-transform/core';
// @ts-expect-error the package comes without types
import validator from 'gltf-validator';
import { describe, expect, it } from 'vitest';
import { occupancySurface } from '../representations/index.ts';
import { writeGlb } from './glb.ts';

/** A voxel near the top of the grid (high z), and one that is not symmetric in x and y. */
function sample() {
  const logits = new Float32Array(512).fill(-8);
  logits[(1 * 8 + 4) * 8 + 6] = 8;
  logits[(2 * 8 + 4) * 8 + 6] = 8;
  return occupancySurface(logits, 8);
}

describe('writeGlb', () => {
  it('passes the Khronos validator without errors and warnings, with and without colors', async () => {
    const mesh = sample();
    const colors = mesh.positions.map((v) => v + 0.5);
    for (const candidate of [mesh, { ...mesh, colors }]) {
      const report = await validator.validateBytes(await writeGlb(candidate, { baseColorFactor: [0.5, 0.4, 0.3, 1] }));
      expect(report.issues).toMatchObject({ numErrors: 0, numWarnings: 0, messages: [] });
      expect(report.info.generator).toBe('espalier');
    }
  });

  it('comes back through a reader, turned from z up to y up', async () => {
    const mesh = sample();
    const document = await new WebIO().readBinary(await writeGlb(mesh, { baseColorFactor: [0.5, 0.25, 1, 1] }));
    const root = document.getRoot();
    const [primitive] = root.listMeshes()[0].listPrimitives();
    const turned = primitive.getAttribute('POSITION')?.getArray() as Float32Array;
    expect(Array.from(primitive.getIndices()?.getArray() ?? [])).toEqual(Array.from(mesh.indices));
    for (let i = 0; i < turned.length; i += 3) {
      const [x, y, z] = mesh.positions.subarray(i, i + 3);
      expect([turned[i], turned[i + 1], turned[i + 2]]).toEqual([x, z, 0 - y]);
    }
    const [material] = root.listMaterials();
    expect(material.getAlphaMode()).toBe('OPAQUE');
    expect(material.getRoughnessFactor()).toBe(0.8);
    expect(material.getMetallicFactor()).toBe(0);
    expect(material.getBaseColorFactor()).toEqual([0.5, 0.25, 1, 1]);
  });

  it('refuses rows that do not fit the vertices, and an empty mesh', async () => {
    const mesh = sample();
    await expect(writeGlb({ ...mesh, normals: mesh.normals.subarray(3) })).rejects.toThrow(/normals have .* expected/);
    await expect(writeGlb({ ...mesh, indices: new Uint32Array() })).rejects.toThrow(/at least one triangle/);
  });
});
