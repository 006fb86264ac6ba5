/**
 * A folder of strange, broken and hostile models with a table of what a good importer does with each. The folder is not
 * part of the project: name it in ESPALIER_ODD_FILES. What it taught is also kept in small tests beside each reader.
 */
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readModelFile } from '../src/dataset/index.ts';
import { ModelError, NoSurfaceError, parseCsv, type TriangleScene } from '../src/formats/index.ts';

const folder = process.env['ESPALIER_ODD_FILES'];
const reason = 'ESPALIER_ODD_FILES names no folder of odd files with an odd.csv';
const rows = folder ? parseCsv(readFileSync(join(folder, 'odd.csv'), 'utf8')).rows : [];

test.skipIf(folder)(`skipped: ${reason}`, (context) => context.skip(reason));

describe.skipIf(!folder)('every odd file behaves as its row says', () => {
  test.each(rows.map((row) => [row['file'], row['expected_action'], row] as const))(
    '%s: %s',
    async (file, action, row) => {
      const outcome = await readModelFile(join(folder!, file)).catch((error: unknown) => {
        if (error instanceof ModelError) return error;
        throw error;
      });
      if (action === 'accept_empty') return expect(outcome).toBeInstanceOf(NoSurfaceError);
      if (action === 'reject') return expect(outcome).toBeInstanceOf(ModelError);
      if (outcome instanceof ModelError) {
        expect(action).toMatch(/reject/);
        return expect(outcome.message.length).toBeGreaterThan(40);
      }
      if (action === 'accept_with_warning') expect(outcome.warnings).not.toEqual([]);
      const { triangles, box } = measure(outcome, extname(file));
      if (row['expected_triangles']) expect(triangles).toBe(Number(row['expected_triangles']));
      expect(box.every(Number.isFinite)).toBe(true);
      if (!row['expected_bbox']) return;
      const expected = row['expected_bbox'].split(' ').map(Number);
      // quantised and compressed files keep 14 bits or so
      for (const [c, value] of expected.entries()) expect(Math.abs(box[c] - value)).toBeLessThan(1e-3);
    },
  );
});

/** Count and box in the axes of the file: glTF and OBJ are y up, (x, y, z) came from (x, z, −y). */
function measure({ primitives }: TriangleScene, extension: string): { triangles: number; box: number[] } {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  let triangles = 0;
  for (const { positions, indices } of primitives) {
    triangles += indices.length / 3;
    for (const vertex of indices) {
      const [x, y, z] = positions.subarray(vertex * 3, vertex * 3 + 3);
      const inFile = ['.stl', '.ply'].includes(extension) ? [x, y, z] : [x, z, -y];
      for (const [c, value] of inFile.entries()) {
        low[c] = Math.min(low[c], value);
        high[c] = Math.max(high[c], value);
      }
    }
  }
  return { triangles, box: [...low, ...high] };
}
