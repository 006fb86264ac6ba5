import { describe, expect, it } from 'vitest';
import { occupancySurface } from '../representations/index.ts';
import { meshView } from './mesh-view.ts';
import { voxelView } from './voxel-view.ts';

const R = 48;
/** A ball off the center and a smaller one beside it. */
const logits = Float32Array.from({ length: R ** 3 }, (_, i) => {
  const [x, y, z] = [Math.floor(i / R / R), Math.floor(i / R) % R, i % R].map((k) => (k + 0.5) / R - 0.5);
  return Math.min(Math.hypot(x - 0.1, y, z - 0.1) - 0.25, Math.hypot(x + 0.3, y + 0.2, z) - 0.12) < 0 ? 8 : -8;
});
const mesh = occupancySurface(logits, R);
const isMatter = (data: Uint8Array) => Array.from({ length: data.length / 3 }, (_, i) => data[i * 3 + 1] > 0);

describe('meshView', () => {
  it('draws the same outline as the voxels it was made from', () => {
    const occupancy = Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0));
    for (const view of [
      { yaw: 0.4, pitch: 0.3 },
      { yaw: 3.5, pitch: -0.6 },
    ]) {
      const a = isMatter(meshView(mesh, view, { size: 96, supersampling: 1 }).data);
      const b = isMatter(voxelView(occupancy, R, view, { size: 96 }).data);
      const both = a.filter((value, i) => value && b[i]).length;
      const either = a.filter((value, i) => value || b[i]).length;
      expect(both / either).toBeGreaterThan(0.9);
    }
  });

  it('does not draw back sides', () => {
    const inside = { ...mesh, indices: mesh.indices.slice().reverse() };
    const front = meshView(mesh, { yaw: 0, pitch: 0 }, { size: 48 }).data;
    expect(meshView(inside, { yaw: 0, pitch: 0 }, { size: 48 }).data).not.toEqual(front);
  });

  it('uses vertex colors, and has no holes between triangles', () => {
    const colors = mesh.positions.map((_, i) => (i % 3 === 0 ? 1 : 0));
    const { data } = meshView({ ...mesh, colors }, { yaw: 0, pitch: 0 }, { size: 64, background: [0, 255, 0] });
    let left = -1;
    let right = -1;
    const row = 22; // through the large ball
    for (let x = 0; x < 64; x++) {
      if (data[(row * 64 + x) * 3 + 1] > 0) continue;
      if (left < 0) left = x;
      right = x;
    }
    expect(right - left).toBeGreaterThan(10);
    for (let x = left; x <= right; x++) {
      const at = (row * 64 + x) * 3;
      expect([data[at] > 0, data[at + 1], data[at + 2]]).toEqual([true, 0, 0]);
    }
  });
});
