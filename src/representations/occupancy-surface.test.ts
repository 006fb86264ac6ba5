import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillInterior } from './fill-interior.ts';
import { measureMesh } from './mesh-measures.ts';
import { occupancySurface } from './occupancy-surface.ts';

/** Logits ±8 from a claim about voxel centers in the object frame. */
function grid(R: number, isMatter: (x: number, y: number, z: number) => boolean): Float32Array {
  const logits = new Float32Array(R ** 3);
  const center = (i: number) => (i + 0.5) / R - 0.5;
  for (let x = 0, i = 0; x < R; x++)
    for (let y = 0; y < R; y++)
      for (let z = 0; z < R; z++, i++) logits[i] = isMatter(center(x), center(y), center(z)) ? 8 : -8;
  return logits;
}

describe('occupancySurface', () => {
  it('wraps a ball in a sphere', () => {
    const r = 0.35;
    const mesh = occupancySurface(
      grid(32, (x, y, z) => Math.hypot(x, y, z) < r),
      32,
    );
    const measures = measureMesh(mesh);
    expect(measures).toMatchObject({ isClosed: true, isEdgeManifold: true, eulerCharacteristic: 2 });
    expect(Math.abs(measures.volume / ((4 / 3) * Math.PI * r ** 3) - 1)).toBeLessThan(0.03);
    expect(Math.abs(measures.area / (4 * Math.PI * r ** 2) - 1)).toBeLessThan(0.03);
    for (let v = 0; v < mesh.positions.length; v += 3) {
      const [p, n] = [mesh.positions.subarray(v, v + 3), mesh.normals.subarray(v, v + 3)];
      expect((p[0] * n[0] + p[1] * n[1] + p[2] * n[2]) / Math.hypot(...p)).toBeGreaterThan(0.9);
      expect(Math.hypot(...n)).toBeCloseTo(1, 5);
    }
  });

  it('fills a shell, or leaves its two sides when told so', () => {
    const shell = grid(32, (x, y, z) => Math.abs(Math.hypot(x, y, z) - 0.35) < 0.03);
    expect(measureMesh(occupancySurface(shell, 32)).eulerCharacteristic).toBe(2);
    const double = measureMesh(occupancySurface(shell, 32, { fillInterior: false }));
    expect(double).toMatchObject({ isEdgeManifold: true, eulerCharacteristic: 4 });
    expect(double.volume).toBeLessThan(0.1);
  });

  it('bridges a hole in the shell with sealGaps', () => {
    const R = 32;
    const leaky = grid(R, (x, y, z) => Math.abs(Math.hypot(x, y, z) - 0.35) < 0.03);
    for (let z = 16; z < R; z++) leaky[(16 * R + 16) * R + z] = -8;
    expect(measureMesh(occupancySurface(leaky, R)).volume).toBeLessThan(0.1);
    expect(measureMesh(occupancySurface(leaky, R, { sealGaps: 1 })).volume).toBeGreaterThan(0.17);
  });

  it('keeps the hole of a torus', () => {
    const torus = grid(40, (x, y, z) => Math.hypot(Math.hypot(x, y) - 0.3, z) < 0.12);
    expect(measureMesh(occupancySurface(torus, 40))).toMatchObject({ isEdgeManifold: true, eulerCharacteristic: 0 });
  });

  it('keeps a plate, a rod and a voxel that are one voxel thin', () => {
    const R = 16;
    const plate = measureMesh(
      occupancySurface(
        grid(R, (x, y, z) => z > 0 && z < 1 / R && Math.max(Math.abs(x), Math.abs(y)) < 0.4),
        R,
      ),
    );
    expect(plate).toMatchObject({ isEdgeManifold: true, eulerCharacteristic: 2 });
    expect(plate.volume / (0.75 * 0.75 * (1 / R))).toBeGreaterThan(0.5);
    const rod = measureMesh(
      occupancySurface(
        grid(R, (x, y, z) => x > 0 && x < 1 / R && y > 0 && y < 1 / R && Math.abs(z) < 0.4),
        R,
      ),
    );
    expect(rod).toMatchObject({ isEdgeManifold: true, eulerCharacteristic: 2 });
    const voxel = grid(R, () => false);
    voxel[(8 * R + 8) * R + 8] = 8;
    expect(measureMesh(occupancySurface(voxel, R)).volume).toBeGreaterThan(0);
  });

  it('puts the voxel (i, j, k) into the cube [i/R, (i+1)/R] − 0.5', () => {
    const R = 8;
    const logits = grid(R, () => false);
    logits[(1 * R + 4) * R + 6] = 8;
    const { positions } = occupancySurface(logits, R);
    const mean = [0, 0, 0];
    for (let i = 0; i < positions.length; i++) mean[i % 3] += positions[i] / (positions.length / 3);
    expect(mean[0]).toBeCloseTo(1.5 / R - 0.5, 5);
    expect(mean[1]).toBeCloseTo(4.5 / R - 0.5, 5);
    expect(mean[2]).toBeCloseTo(6.5 / R - 0.5, 5);
  });

  it('closes the surface where matter touches the border', () => {
    const full = measureMesh(
      occupancySurface(
        grid(8, () => true),
        8,
      ),
    );
    expect(full).toMatchObject({ isEdgeManifold: true, eulerCharacteristic: 2 });
    expect(full.volume).toBeGreaterThan(0.85);
    expect(full.volume).toBeLessThan(1.05);
  });

  it('drops crumbs and keeps main parts', () => {
    const parts = grid(32, (x, y, z) => Math.hypot(x - 0.25, y, z) < 0.2 || Math.hypot(x + 0.25, y, z) < 0.15);
    parts[0] = 8;
    expect(measureMesh(occupancySurface(parts, 32)).eulerCharacteristic).toBe(4);
    expect(measureMesh(occupancySurface(parts, 32, { minShare: 0 })).eulerCharacteristic).toBe(6);
  });

  it('says what to do when there is no matter or the size is wrong', () => {
    expect(() => occupancySurface(new Float32Array(64).fill(-1), 4)).toThrow(/no matter.*another seed/);
    expect(() => occupancySurface(new Float32Array(63), 4)).toThrow(/63 values, expected 4³/);
  });

  it('is closed and edge-manifold for any field', () => {
    const logits = fc.array(fc.float({ min: -6, max: 6, noNaN: true }), { minLength: 216, maxLength: 216 });
    fc.assert(
      fc.property(logits, fc.boolean(), fc.constantFrom(0, 0.6, 0.8), (values, fill, blur) => {
        fc.pre(values.some((v) => v > 0));
        const mesh = occupancySurface(Float32Array.from(values), 6, { fillInterior: fill, blur, minShare: 0 });
        const measures = measureMesh(mesh);
        expect(measures.isEdgeManifold).toBe(true);
        expect(measures.volume).toBeGreaterThan(0);
        expect(mesh.positions.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe('fillInterior', () => {
  it('fills only what air cannot reach through faces', () => {
    const box = Uint8Array.from({ length: 27 }, (_, i) => (i === 13 ? 0 : 1));
    expect(fillInterior(box, 3)[13]).toBe(1);
    box[4] = 0; // opens a face of the box
    expect(fillInterior(box, 3)).toEqual(box);
  });
});
