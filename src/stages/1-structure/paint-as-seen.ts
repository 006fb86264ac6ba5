/**
 * The colors of a picture on a shape in the frame of its view: what the camera saw has the color of its pixel, and what it did not
 * see that of the nearest place along the surface that it saw. Light and shadows of the picture stay in the colors.
 */
import { linearOfDisplay, type RgbaPicture } from '../../formats/index.ts';
import { drawNearestFaces, emptyNearestFaces, type SurfaceMesh } from '../../representations/index.ts';
import type { ViewCamera } from './outline.ts';

/**
 * The mesh with vertex colors, linear RGB; as it is when the picture shows nothing of it.
 * @param mesh     in the frame `view`
 * @param picture  prepared and square, straight alpha
 * @param camera   from which it was taken
 * @throws RangeError when the picture is not square
 */
export function paintAsSeen(mesh: SurfaceMesh, picture: RgbaPicture, camera: ViewCamera): SurfaceMesh {
  const { width, height, data } = picture;
  if (width !== height || data.length !== 4 * width * height)
    throw new RangeError(
      `paintAsSeen: the picture must be square, RGBA, got ${width} × ${height} and ${data.length} bytes. Prepare it first.`,
    );
  const pixels = pixelsOf(mesh, picture, camera);
  if (!pixels.some((pixel) => pixel >= 0)) return mesh;
  const colors = new Float32Array(mesh.positions.length);
  for (const [v, pixel] of pixels.entries())
    if (pixel >= 0) for (let c = 0; c < 3; c++) colors[3 * v + c] = linearOfDisplay(data[4 * pixel + c] / 255);
  spread(
    mesh,
    colors,
    Uint8Array.from(pixels, (pixel) => Number(pixel >= 0)),
  );
  return { ...mesh, colors };
}

/** Cosine between a vertex's normal and its direction to the eye below which a pixel says little of it: edges blend with what is behind. */
const FACING = 0.2;
/** Depth, in sides of the cube, by which a vertex may lie behind what is drawn and still be it: a voxel and a half. */
const BEHIND = 1.5 / 64;
/** Alpha from which a pixel shows the object alone. */
const OPAQUE = 250;

/** For each vertex the pixel that shows it, or −1. */
function pixelsOf({ positions, normals, indices }: SurfaceMesh, picture: RgbaPicture, camera: ViewCamera): Int32Array {
  const { distance, span, center } = camera;
  const { width: size, data } = picture;
  const count = positions.length / 3;
  const screen = new Float64Array(3 * count).fill(NaN); // x, y in pixels, 1/depth
  for (let v = 0; v < 3 * count; v += 3) {
    const depth = positions[v + 1] + distance;
    if (!(depth > 0)) continue;
    screen[v] = ((positions[v] / depth - center[0]) / span + 0.5) * size;
    screen[v + 1] = ((-positions[v + 2] / depth - center[1]) / span + 0.5) * size;
    screen[v + 2] = 1 / depth;
  }
  const drawn = emptyNearestFaces(size);
  drawNearestFaces(screen, indices, drawn);
  return Int32Array.from({ length: count }, (_, v) => {
    const [px, py, nearness] = screen.subarray(3 * v, 3 * v + 3);
    const [column, row] = [Math.floor(px), Math.floor(py)];
    if (!(Math.min(column, row) >= 0 && Math.max(column, row) < size)) return -1;
    const pixel = row * size + column;
    if (data[4 * pixel + 3] < OPAQUE || 1 / nearness > 1 / drawn.nearness[pixel] + BEHIND) return -1;
    const toEye = [0, -distance, 0].map((at, c) => at - positions[3 * v + c]);
    const facing = toEye.reduce((sum, along, c) => sum + along * normals[3 * v + c], 0);
    return facing > FACING * Math.hypot(...toEye) ? pixel : -1;
  });
}

/** Vertices that share an edge, row by row: those of v are `rows[starts[v]]` … `rows[starts[v + 1] - 1]`. */
interface Neighbors {
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
}

/** Each edge of a closed mesh belongs to two triangles that go along it in opposite directions: once from either end. */
function neighborsOf({ positions, indices }: SurfaceMesh): Neighbors {
  const starts = new Uint32Array(positions.length / 3 + 1);
  for (const v of indices) starts[v + 1]++;
  for (let v = 1; v < starts.length; v++) starts[v] += starts[v - 1];
  const next = starts.slice();
  const rows = new Uint32Array(indices.length);
  for (let i = 0; i < indices.length; i++) rows[next[indices[i]]++] = indices[i % 3 === 2 ? i - 2 : i + 1];
  return { starts, rows };
}

/** Rounds by which colors that were spread are evened out. */
const EVENED = 30;

/** Colors of the vertices that have none: those of the nearest known one, evened out; of a part with none, the mean of all. */
function spread(mesh: SurfaceMesh, colors: Float32Array, isKnown: Uint8Array): void {
  const { starts, rows } = neighborsOf(mesh);
  const wanting = Uint32Array.from({ length: isKnown.length }, (_, v) => v).filter((v) => !isKnown[v]);
  const mean = meanColor(colors, isKnown);
  const nearest = nearestKnown(mesh.positions, isKnown, { starts, rows });
  for (const v of wanting)
    colors.set(nearest[v] < 0 ? mean : colors.subarray(3 * nearest[v], 3 * nearest[v] + 3), 3 * v);
  for (let round = 0; round < EVENED; round++) {
    const before = colors.slice();
    for (const v of wanting) {
      if (starts[v + 1] === starts[v]) continue; // of no triangle
      const each = 1 / (starts[v + 1] - starts[v]);
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let k = starts[v]; k < starts[v + 1]; k++) sum += before[3 * rows[k] + c];
        colors[3 * v + c] = sum * each;
      }
    }
  }
}

/** For each vertex the known one that is nearest along the edges of the mesh, −1 where none can be reached. */
function nearestKnown(positions: Float32Array, isKnown: Uint8Array, { starts, rows }: Neighbors): Int32Array {
  const nearest = Int32Array.from(isKnown, (known, v) => (known ? v : -1));
  const distances = Float32Array.from(isKnown, (known) => (known ? 0 : Infinity));
  let front = [...nearest.keys()].filter((v) => isKnown[v]);
  while (front.length > 0) {
    const next = new Set<number>();
    for (const v of front)
      for (let k = starts[v]; k < starts[v + 1]; k++) {
        const w = rows[k];
        const [x, y, z] = [0, 1, 2].map((c) => positions[3 * w + c] - positions[3 * v + c]);
        const distance = Math.fround(distances[v] + Math.hypot(x, y, z));
        if (!(distance < distances[w])) continue;
        distances[w] = distance;
        nearest[w] = nearest[v];
        next.add(w);
      }
    front = [...next];
  }
  return nearest;
}

function meanColor(colors: Float32Array, isKnown: Uint8Array): Float32Array {
  const sum = new Float64Array(3);
  let count = 0;
  for (let v = 0; v < isKnown.length; v++) {
    if (!isKnown[v]) continue;
    count++;
    for (let c = 0; c < 3; c++) sum[c] += colors[3 * v + c];
  }
  return Float32Array.from(sum, (s) => s / count);
}
