/**
 * PLY point clouds as the dataset stores voxels: one `vertex` element, float32 x, y, z, binary little-endian.
 */

/** points [N, 3] → file bytes. */
export function writePointsPly(points: Float32Array): Uint8Array {
  const count = points.length / 3;
  const header = `ply\nformat binary_little_endian 1.0\nelement vertex ${count}\nproperty float x\nproperty float y\nproperty float z\nend_header\n`;
  const head = new TextEncoder().encode(header);
  const bytes = new Uint8Array(head.length + points.length * 4);
  bytes.set(head);
  const view = new DataView(bytes.buffer, head.length);
  for (let i = 0; i < points.length; i++) view.setFloat32(i * 4, points[i], true);
  return bytes;
}

const PROPERTY_BYTES: Record<string, number> = {
  char: 1,
  uchar: 1,
  int8: 1,
  uint8: 1,
  short: 2,
  ushort: 2,
  int16: 2,
  uint16: 2,
  int: 4,
  uint: 4,
  int32: 4,
  uint32: 4,
  float: 4,
  float32: 4,
  double: 8,
  float64: 8,
};

/**
 * Points [N, 3] of a binary little-endian PLY whose first element is `vertex`; other properties are skipped.
 * @throws SyntaxError when the header or the size of the file does not fit
 */
export function readPointsPly(bytes: Uint8Array): Float32Array {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 65536));
  const end = /(^|\n)end_header\r?\n/.exec(text);
  if (!text.startsWith('ply') || !end) {
    throw new SyntaxError('PLY: expected a header from "ply" to "end_header" in the first 64 KiB. Is it a PLY file?');
  }
  const lines = text
    .slice(0, end.index)
    .split(/\r?\n/)
    .map((line) => line.trim().split(/\s+/));
  const format = lines.find((words) => words[0] === 'format')?.[1];
  if (format !== 'binary_little_endian') {
    throw new SyntaxError(`PLY: expected format binary_little_endian, got ${format}. Convert the file.`);
  }
  const elements = lines.filter((words) => words[0] === 'element');
  const count = Number(elements[0]?.[2]);
  if (elements[0]?.[1] !== 'vertex' || !Number.isSafeInteger(count) || count < 0) {
    throw new SyntaxError(`PLY: expected "element vertex N" first, got "${elements[0]?.join(' ')}". Convert the file.`);
  }
  const first = lines.indexOf(elements[0]);
  const last = elements[1] ? lines.indexOf(elements[1]) : lines.length;
  const offsets = new Map<string, { at: number; type: string }>();
  let stride = 0;
  for (const words of lines.slice(first + 1, last)) {
    if (words[0] !== 'property') continue;
    const size = PROPERTY_BYTES[words[1]];
    if (!size)
      throw new SyntaxError(`PLY: vertex property "${words.slice(1).join(' ')}" is not a number. Convert the file.`);
    offsets.set(words[2], { at: stride, type: words[1] });
    stride += size;
  }
  const start = end.index + end[0].length;
  if (start + count * stride > bytes.length) {
    throw new SyntaxError(
      `PLY: the header promises ${count} vertices of ${stride} bytes, ${bytes.length - start} bytes follow. The file is cut off.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const points = new Float32Array(count * 3);
  for (const [c, name] of ['x', 'y', 'z'].entries()) {
    const property = offsets.get(name);
    if (!property || !/^(float|double)/.test(property.type)) {
      throw new SyntaxError(
        `PLY: expected a float property "${name}", got ${property?.type ?? 'none'}. Convert the file.`,
      );
    }
    const isDouble = PROPERTY_BYTES[property.type] === 8;
    for (let i = 0; i < count; i++) {
      const at = i * stride + property.at;
      points[i * 3 + c] = isDouble ? view.getFloat64(at, true) : view.getFloat32(at, true);
    }
  }
  return points;
}
