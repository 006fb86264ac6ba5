import { EDGE_CORNERS, FACE_CORNERS, FACE_EDGES } from './cube.ts';

/**
 * Dual marching cubes: how the surface passes through a cube, for each of the 256 cases of corners inside and outside. The
 * case number has bit k set when corner k is inside.
 * Source: Nielson 2004, "Dual Marching Cubes"; the rule that gives the published table: reference/pipelines.md §12.3.
 */

/** Per case, groups of crossed edges; the surface has one vertex for each group. */
export const GROUPS: readonly (readonly (readonly number[])[])[] = Array.from({ length: 256 }, (_, code) =>
  groupsOf(code),
);

/**
 * Per case, the face (numbered as in `cube.ts`) across which it may take its complement's form: cases with a single
 * ambiguous face and a single group; −1 for all others. Source: reference/pipelines.md §12.4.
 */
export const AMBIGUOUS_FACE: Int8Array = Int8Array.from(GROUPS, (groups, code) => {
  const ambiguous = FACE_CORNERS.flatMap((_, face) => (crossedEdges(code, face).length === 4 ? [face] : []));
  return ambiguous.length === 1 && groups.length === 1 ? ambiguous[0] : -1;
});

/** The table in its published notation: edges as hexadecimal digits, groups joined by commas, cases by semicolons. */
export const tableText = (): string =>
  GROUPS.map((groups) => groups.map((edges) => edges.map((e) => e.toString(16)).join('')).join(',')).join(';');

/** Loops over many cubes read the table flat: group g of case c is EDGES[START[4c + g]] … EDGES[START[4c + g + 1] − 1]. */
export const GROUP_COUNT = Uint8Array.from(GROUPS, (groups) => groups.length);
export const EDGES = Uint8Array.from(GROUPS.flatMap((groups) => groups.flat()));
export const START = flatStarts();
/** The group of each edge: GROUP_OF[12c + e], 255 where the edge is not crossed. */
export const GROUP_OF = Uint8Array.from({ length: 256 * 12 }, (_, i) => {
  const group = GROUPS[Math.floor(i / 12)].findIndex((edges) => edges.includes(i % 12));
  return group < 0 ? 255 : group;
});

function isInside(code: number, corner: number): boolean {
  return ((code >> corner) & 1) === 1;
}

function crossedEdges(code: number, face: number): number[] {
  return FACE_EDGES[face].filter((edge) => {
    const [a, b] = EDGE_CORNERS[edge];
    return isInside(code, a) !== isInside(code, b);
  });
}

function groupsOf(code: number): number[][] {
  const links: [number, number][] = [];
  for (const [face, corners] of FACE_CORNERS.entries()) {
    const crossed = crossedEdges(code, face);
    if (crossed.length === 2) links.push([crossed[0], crossed[1]]);
    if (crossed.length !== 4) continue;
    // Two diagonal corners inside: each is cut off by itself.
    for (const corner of corners.filter((c) => isInside(code, c))) {
      const [a, b] = crossed.filter((edge) => EDGE_CORNERS[edge].includes(corner));
      links.push([a, b]);
    }
  }
  const groups: number[][] = [];
  for (const edge of new Set(links.flat())) {
    if (groups.some((group) => group.includes(edge))) continue;
    const group = [edge];
    for (const member of group)
      for (const link of links)
        if (link.includes(member)) for (const other of link) if (!group.includes(other)) group.push(other);
    groups.push(group.sort((a, b) => a - b));
  }
  const rank = (group: number[]) =>
    Math.min(...group.flatMap((edge) => EDGE_CORNERS[edge].filter((c) => isInside(code, c))));
  groups.sort((a, b) => rank(a) - rank(b) || compareLists(a, b));
  return code === 231 ? groups.reverse() : groups; // the published table has this one the other way round
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((v, i) => v !== b[i]);
  return at < 0 ? 0 : a[at] - (b[at] ?? -1);
}

function flatStarts(): Uint16Array {
  const starts = new Uint16Array(4 * 256 + 1);
  let at = 0;
  for (let i = 0; i < 1024; i++) {
    starts[i] = at;
    at += GROUPS[i >> 2][i & 3]?.length ?? 0;
  }
  starts[1024] = at;
  return starts;
}
