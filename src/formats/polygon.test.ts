import fc from 'fast-check';
import { expect, test } from 'vitest';
import { triangulatePolygon } from './polygon.ts';

function areas(corners: readonly number[], positions: readonly number[]): { signed: number; sizes: number[] } {
  const sizes: number[] = [];
  const normal = [0, 0, 0];
  triangulatePolygon(corners, positions, (...places) => {
    const [a, b, c] = places.map((place) => positions.slice(3 * corners[place], 3 * corners[place] + 3));
    const n = [1, 2, 0].map((j, i) => {
      const k = (i + 2) % 3;
      return (b[j] - a[j]) * (c[k] - a[k]) - (b[k] - a[k]) * (c[j] - a[j]);
    });
    for (let i = 0; i < 3; i++) normal[i] += n[i] / 2;
    sizes.push(Math.hypot(...n) / 2);
  });
  return { signed: Math.hypot(...normal), sizes };
}

/** A star around the origin in a tilted plane: simple, and concave nearly always. */
const star = fc.array(fc.double({ min: 0.2, max: 2, noNaN: true }), { minLength: 3, maxLength: 40 }).map((radii) =>
  radii.flatMap((r, i) => {
    const angle = (2 * Math.PI * i) / radii.length;
    const [u, v] = [r * Math.cos(angle), r * Math.sin(angle)];
    return [0.6 * u - 0.5 * v + 3, 0.8 * v, 0.4 * u + v - 7];
  }),
);

test('the triangles of a concave face do not overlap: their sizes add up to its own', () => {
  fc.assert(
    fc.property(star, fc.boolean(), (positions, isTurned) => {
      const order = Array.from({ length: positions.length / 3 }, (_, i) => i);
      const { signed, sizes } = areas(isTurned ? order.reverse() : order, positions);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      expect(Math.abs(total - signed)).toBeLessThan(1e-9 * total); // all turn the same way, so they cover without overlap
      expect(sizes.length).toBeLessThanOrEqual(order.length - 2);
      expect(total).toBeGreaterThan(0);
    }),
  );
});

test('two corners are no face, and numbers that are not finite end in some triangles, not in a hang', () => {
  expect(areas([0, 1], [0, 0, 0, 1, 0, 0]).sizes).toEqual([]);
  const broken = Array.from({ length: 30 }, (_, i) => (i === 7 ? Number.NaN : i * i));
  expect(
    areas(
      Array.from({ length: 10 }, (_, i) => i),
      broken,
    ).sizes,
  ).toHaveLength(8);
});
