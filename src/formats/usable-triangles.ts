/**
 * The triangles of a list that have a surface. Those that name missing or non-finite vertices are left out with a
 * warning, those without area silently: exporters make them by the thousand and nothing is lost.
 * @param list       [F, 3], row numbers of `positions`
 * @param positions  [V, 3]
 * @param where      what the triangles belong to, for the warnings, e.g. 'glTF: mesh "chair"'
 * @param shape      [V, 3], where areas are measured: positions before a node flattens the mesh to a plane, whose sides
 *                   are still sides. What a node shrinks to a point is left out.
 */
export function usableTriangles(
  list: Uint32Array,
  positions: Float32Array,
  warnings: string[],
  where: string,
  shape: ArrayLike<number> = positions,
): Uint32Array {
  const p = positions;
  const count = p.length / 3;
  const out = new Uint32Array(list.length);
  let kept = 0;
  let missing = 0;
  let infinite = 0;
  for (let i = 0; i + 2 < list.length; i += 3) {
    const a = list[i];
    const b = list[i + 1];
    const c = list[i + 2];
    if (a >= count || b >= count || c >= count) {
      missing++;
      continue;
    }
    const ux = p[3 * b] - p[3 * a];
    const uy = p[3 * b + 1] - p[3 * a + 1];
    const uz = p[3 * b + 2] - p[3 * a + 2];
    const vx = p[3 * c] - p[3 * a];
    const vy = p[3 * c + 1] - p[3 * a + 1];
    const vz = p[3 * c + 2] - p[3 * a + 2];
    if (!Number.isFinite(ux + uy + uz + vx + vy + vz)) {
      infinite++;
      continue;
    }
    const isPoint = ux === 0 && uy === 0 && uz === 0 && vx === 0 && vy === 0 && vz === 0;
    if (isPoint || !hasArea(shape, a, b, c)) continue;
    out[kept++] = a;
    out[kept++] = b;
    out[kept++] = c;
  }
  if (missing > 0) warnings.push(`${where}: ${missing} triangles name vertices beyond ${count}; left out.`);
  if (infinite > 0) warnings.push(`${where}: ${infinite} triangles have vertices that are not finite; left out.`);
  return out.slice(0, kept);
}

function hasArea(p: ArrayLike<number>, a: number, b: number, c: number): boolean {
  const ux = p[3 * b] - p[3 * a];
  const uy = p[3 * b + 1] - p[3 * a + 1];
  const uz = p[3 * b + 2] - p[3 * a + 2];
  const vx = p[3 * c] - p[3 * a];
  const vy = p[3 * c + 1] - p[3 * a + 1];
  const vz = p[3 * c + 2] - p[3 * a + 2];
  return uy * vz - uz * vy !== 0 || uz * vx - ux * vz !== 0 || ux * vy - uy * vx !== 0;
}
