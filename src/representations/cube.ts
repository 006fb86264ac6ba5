/**
 * One cube of the extraction grid. Corner k stands at (bit 0, bit 1, bit 2) of k along (x, y, z). Edges keep their direction
 * everywhere, so an edge of the grid runs the same way in all cubes that share it.
 * Source: reference/pipelines.md §12.1.
 */

/** First and second corner of each of the 12 edges. */
export const EDGE_CORNERS: readonly (readonly [number, number])[] = [
  [0, 1],
  [1, 5],
  [4, 5],
  [0, 4],
  [2, 3],
  [3, 7],
  [6, 7],
  [2, 6],
  [2, 0],
  [3, 1],
  [7, 5],
  [6, 4],
];

/** The same, flat, for loops over many cubes. */
export const EDGE_FIRST = Uint8Array.from(EDGE_CORNERS, ([first]) => first);
export const EDGE_SECOND = Uint8Array.from(EDGE_CORNERS, ([, second]) => second);

/** The 6 faces: the axis they are orthogonal to, and the side they lie on. */
export const FACES: readonly { readonly axis: number; readonly side: 0 | 1 }[] = [0, 1, 2].flatMap((axis) => [
  { axis, side: 0 as const },
  { axis, side: 1 as const },
]);

const onFace = (corner: number, { axis, side }: { axis: number; side: 0 | 1 }) => ((corner >> axis) & 1) === side;

/** The corners, and the edges, of each face. */
export const FACE_CORNERS = FACES.map((face) => [0, 1, 2, 3, 4, 5, 6, 7].filter((corner) => onFace(corner, face)));
export const FACE_EDGES = FACES.map((face) =>
  EDGE_CORNERS.flatMap(([a, b], edge) => (onFace(a, face) && onFace(b, face) ? [edge] : [])),
);
