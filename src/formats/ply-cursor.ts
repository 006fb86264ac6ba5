/** The numbers of a PLY file's body, one after the other, in text and in binary of either byte order. */
import { PLY_BYTES, type PlyHeader, type PlyScalar } from './ply-header.ts';
import { ModelError } from './triangle-scene.ts';

/** Every read is checked against the end of the file. */
export interface PlyCursor {
  next(type: PlyScalar): number;
  skip(type: PlyScalar, count: number): void;
  /** Bytes left for the body; and how few a number of `type` can take. */
  remaining(): number;
  leastBytes(type: PlyScalar): number;
  where(): number;
  seek(at: number): void;
}

export const plyCursor = (bytes: Uint8Array, header: PlyHeader): PlyCursor =>
  header.format === 'ascii' ? textCursor(bytes, header) : binaryCursor(bytes, header);

function binaryCursor(bytes: Uint8Array, { format, bodyStart }: PlyHeader): PlyCursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = format === 'binary_little_endian';
  let at = bodyStart;
  const take = (size: number) => {
    if (at + size > bytes.length)
      throw new ModelError(
        `PLY: the file ends at byte ${bytes.length}, inside its data. It is cut off; copy it again.`,
      );
    at += size;
    return at - size;
  };
  return {
    next(type) {
      switch (type) {
        case 'int8':
          return view.getInt8(take(1));
        case 'uint8':
          return view.getUint8(take(1));
        case 'int16':
          return view.getInt16(take(2), little);
        case 'uint16':
          return view.getUint16(take(2), little);
        case 'int32':
          return view.getInt32(take(4), little);
        case 'uint32':
          return view.getUint32(take(4), little);
        case 'float32':
          return view.getFloat32(take(4), little);
        case 'float64':
          return view.getFloat64(take(8), little);
        default:
          return type satisfies never;
      }
    },
    skip: (type, count) => void take(PLY_BYTES[type] * count),
    remaining: () => bytes.length - at,
    leastBytes: (type) => PLY_BYTES[type],
    where: () => at,
    seek: (to) => {
      at = to;
    },
  };
}

/** Numbers between white space; the longest that is read has 64 characters. */
function textCursor(bytes: Uint8Array, { bodyStart }: PlyHeader): PlyCursor {
  let at = bodyStart;
  const word = (): string => {
    while (at < bytes.length && bytes[at] <= 32) at++;
    const start = at;
    while (at < bytes.length && bytes[at] > 32) at++;
    if (at === start)
      throw new ModelError(
        'PLY: the text ends before all numbers that the header promises. It is cut off; copy it again.',
      );
    if (at - start > 64) throw new ModelError(`PLY: expected a number at byte ${start}, got ${at - start} characters.`);
    let text = '';
    for (let i = start; i < at; i++) text += String.fromCharCode(bytes[i]);
    return text;
  };
  return {
    next() {
      const text = word();
      const value = Number(text);
      if (!Number.isNaN(value)) return value;
      if (/^[-+]?nan/i.test(text)) return Number.NaN;
      if (/^[-+]?inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
      throw new ModelError(`PLY: expected a number before byte ${at}, got "${text}". Export the model again.`);
    },
    skip(_, count) {
      for (let i = 0; i < count; i++) word();
    },
    remaining: () => bytes.length - at,
    leastBytes: () => 2, // a digit and what parts it from the next
    where: () => at,
    seek: (to) => {
      at = to;
    },
  };
}
