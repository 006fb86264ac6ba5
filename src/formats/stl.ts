/**
 * STL in, text and binary: triangles without colours. Corners at the same place become one vertex; the file's normals
 * are not read, the order of the corners tells which side is out.
 *
 * Axes: STL comes from machines that print and mill, z is up: none are turned.
 */
import { checkedScene } from './checked-scene.ts';
import { textLines } from './text-lines.ts';
import { ModelError, NEUTRAL_MATERIAL, type TriangleScene } from './triangle-scene.ts';
import { usableTriangles } from './usable-triangles.ts';
import { weldExactly } from './vertex-table.ts';

const HEADER_BYTES = 84; // 80 of free text, the number of triangles
const TRIANGLE_BYTES = 50; // normal, three corners, two spare bytes

/** @throws ModelError when the bytes are no STL; NoSurfaceError when no triangle has an area */
export function readStl(bytes: Uint8Array): TriangleScene {
  if (bytes.length === 0) throw new ModelError('STL: the file is empty (0 bytes). Export the model again.');
  const warnings: string[] = [];
  const corners = isText(bytes) ? textCorners(bytes, warnings) : binaryCorners(bytes, warnings);
  const { positions, indices } = weldExactly(corners);
  const usable = usableTriangles(indices, positions, warnings, 'STL');
  return checkedScene('STL', [{ positions, indices: usable, material: NEUTRAL_MATERIAL }], warnings);
}

/** The size tells binary from text: binary headers may begin with "solid", too. */
function isText(bytes: Uint8Array): boolean {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 1024));
  if (!/^\s*solid/i.test(start)) return false;
  if (bytes.length < HEADER_BYTES) return true;
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(80, true);
  return bytes.length !== HEADER_BYTES + count * TRIANGLE_BYTES && /facet|endsolid/i.test(start);
}

function binaryCorners(bytes: Uint8Array, warnings: string[]): Float32Array {
  if (bytes.length < HEADER_BYTES) {
    throw new ModelError(
      `STL: expected "solid" or a binary header of ${HEADER_BYTES} bytes, got ${bytes.length} bytes. Is it an STL file?`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const promised = view.getUint32(80, true);
  const present = Math.floor((bytes.length - HEADER_BYTES) / TRIANGLE_BYTES);
  if (promised > present) {
    if (present === 0) {
      throw new ModelError(
        `STL: the header promises ${promised} triangles, no whole one follows. Is it an STL file? If so it was cut off; copy it again.`,
      );
    }
    warnings.push(`STL: the header promises ${promised} triangles, the file holds ${present}; those were read.`);
  }
  const count = Math.min(promised, present);
  const corners = new Float32Array(count * 9);
  for (let t = 0; t < count; t++) {
    const at = HEADER_BYTES + t * TRIANGLE_BYTES + 12;
    for (let k = 0; k < 9; k++) corners[t * 9 + k] = view.getFloat32(at + k * 4, true);
  }
  return corners;
}

function textCorners(bytes: Uint8Array, warnings: string[]): Float32Array {
  const corners: number[] = [];
  let facet: number[] = [];
  let isClosed = false;
  let broken = 0;
  let firstBroken = 0;
  let lineNumber = 0;
  try {
    for (const line of textLines(bytes)) {
      lineNumber++;
      const words = line.trim().toLowerCase().split(/\s+/);
      if (words[0] === 'vertex') for (let k = 1; k <= 3; k++) facet.push(Number(words[k] ?? Number.NaN));
      else if (words[0] === 'facet') facet = [];
      else if (words[0] === 'endfacet') {
        if (facet.length === 9 && !facet.some(Number.isNaN)) corners.push(...facet);
        else if (broken++ === 0) firstBroken = lineNumber;
        facet = [];
      } else if (words[0] === 'endsolid') isClosed = true;
      else if (words[0] === 'solid') isClosed = false;
    }
  } catch (error) {
    throw new ModelError(`STL: ${(error as Error).message}. Is it an STL file?`);
  }
  if (broken > 0)
    warnings.push(`STL: ${broken} facets without three corners are left out, the first before line ${firstBroken}.`);
  if (!isClosed) warnings.push(`STL: the text ends without "endsolid"; ${corners.length / 9} whole facets were read.`);
  return Float32Array.from(corners);
}
