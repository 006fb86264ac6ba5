import { describe, expect, it } from 'vitest';
import { fourViews, voxelView } from './voxel-view.ts';

/** A grid of 4³ with the given voxels. */
function grid(...voxels: [number, number, number][]): Uint8Array {
  const occupancy = new Uint8Array(64);
  for (const [x, y, z] of voxels) occupancy[(x * 4 + y) * 4 + z] = 1;
  return occupancy;
}

/** Mean column and row of the pixels that are not background, in 0 … 1. */
function centerOfMatter({ width, data }: { width: number; data: Uint8Array }) {
  let [count, column, row] = [0, 0, 0];
  for (let i = 0; i < data.length; i += 3) {
    if (data[i] + data[i + 1] + data[i + 2] === 0) continue;
    count++;
    column += (((i / 3) % width) + 0.5) / width;
    row += (Math.floor(i / 3 / width) + 0.5) / width;
  }
  return { count, column: column / count, row: row / count };
}

describe('voxelView', () => {
  it('shows +z up, and +x left when seen from +y', () => {
    const high = centerOfMatter(voxelView(grid([0, 1, 3]), 4, { yaw: 0, pitch: 0 }, { size: 64 }));
    expect(high.row).toBeLessThan(0.5);
    expect(high.column).toBeGreaterThan(0.5);
    const fromX = centerOfMatter(voxelView(grid([1, 3, 0]), 4, { yaw: Math.PI / 2, pitch: 0 }, { size: 64 }));
    expect(fromX.row).toBeGreaterThan(0.5);
    expect(fromX.column).toBeGreaterThan(0.5); // +y is right when seen from +x
  });

  it('draws a full grid as large as the projected cube', () => {
    const size = 128;
    const { count } = centerOfMatter(voxelView(new Uint8Array(64).fill(1), 4, { yaw: 0, pitch: 0 }, { size }));
    const side = 0.5 / 1.5 / Math.tan(Math.PI / 12); // of the front face at distance 1.5, in half pictures
    expect(Math.abs(count / (size * Math.min(1, side)) / (size * Math.min(1, side)) - 1)).toBeLessThan(0.02);
  });

  it('hides what is behind', () => {
    const view = { yaw: 0, pitch: 0 };
    const front = voxelView(grid([1, 3, 1]), 4, view, { size: 64 });
    expect(voxelView(grid([1, 3, 1], [1, 2, 1]), 4, view, { size: 64 }).data).not.toEqual(front.data.fill(0));
    const both = voxelView(grid([1, 3, 1], [1, 0, 1]), 4, view, { size: 64 });
    const center = (Math.round(64 * 0.58) * 64 + Math.round(64 * 0.62)) * 3;
    expect(both.data[center + 1]).toBeGreaterThan(200); // green is y: the front voxel has the highest
  });

  it('colors by position in the grid, or all in grey', () => {
    const only = grid([3, 3, 3]);
    const grey = voxelView(only, 4, { yaw: 0.5, pitch: 0.5 }, { size: 32, coloring: 'grey' }).data;
    for (let i = 0; i < grey.length; i += 3) expect([grey[i + 1], grey[i + 2]]).toEqual([grey[i], grey[i]]);
    expect(Math.max(...voxelView(only, 4, { yaw: 0.5, pitch: 0.5 }, { size: 32 }).data)).toBe(255);
  });

  it('shows the background where there is nothing', () => {
    const { data } = voxelView(new Uint8Array(64), 4, { yaw: 1, pitch: 1 }, { size: 8, background: [1, 2, 3] });
    expect([...data]).toEqual(Array.from({ length: 64 }, () => [1, 2, 3]).flat());
  });

  it('is smooth with supersampling, and says when the size is wrong', () => {
    const view = { yaw: 0.3, pitch: 0.3 };
    const levels = (supersampling: number) => {
      const options = { size: 32, supersampling, coloring: 'grey' as const };
      return new Set(voxelView(grid([1, 1, 1]), 4, view, options).data).size;
    };
    expect(levels(4)).toBeGreaterThan(levels(1));
    expect(() => voxelView(new Uint8Array(63), 4, view)).toThrow(/63 voxels, expected 4³ = 64/);
  });
});

describe('fourViews', () => {
  it('tiles four turns of the grid', () => {
    const sheet = fourViews(grid([1, 1, 1]), 4, { size: 16 });
    expect([sheet.width, sheet.height, sheet.data.length]).toEqual([32, 32, 32 * 32 * 3]);
  });
});
