/**
 * One Zstandard frame, unpacked to a size that is known beforehand. The frame is walked before anything is allocated: its
 * blocks must end where the bytes do, and be able to hold what is expected of them.
 * Source: RFC 8878, §3.1.1.
 */
import { Decompress } from 'fzstd';

const MAGIC = 0xfd2fb528;
const MAX_BLOCK_BYTES = 1 << 17; // what a block may unpack to
const MAX_WINDOW_BYTES = 1 << 25; // how far back fzstd reaches

/** @throws Error saying what is wrong when the bytes are no such frame, or hold another number of bytes */
export function unzstd(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  walk(bytes, size);
  const out = new Uint8Array(size);
  let at = 0;
  const stream = new Decompress((chunk) => {
    if (at + chunk.length > size) throw new Error(`it holds more than the ${size} bytes promised`);
    out.set(chunk, at);
    at += chunk.length;
  });
  stream.push(bytes, true);
  if (at !== size) throw new Error(`it holds ${at} bytes, ${size} were promised`);
  return out;
}

function walk(bytes: Uint8Array, size: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getUint32(0, true) !== MAGIC) throw new Error('it is no Zstandard frame');
  const descriptor = bytes[4];
  const isSingleSegment = (descriptor & 32) !== 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6];
  let at = 5;
  let window = size;
  if (!isSingleSegment) {
    const base = 2 ** (10 + (bytes[at] >> 3));
    window = base + (base / 8) * (bytes[at] & 7);
    at++;
  }
  at += [0, 1, 2, 4][descriptor & 3]; // the number of a dictionary
  if (at + sizeBytes > bytes.length) throw new Error('its header is cut off');
  if (sizeBytes > 0) {
    const declared = declaredSize(view, at, sizeBytes);
    if (declared !== size) throw new Error(`it declares ${declared} bytes, ${size} were promised`);
  }
  if (!isSingleSegment && window > MAX_WINDOW_BYTES) {
    throw new Error(`its window has ${window} bytes, at most ${MAX_WINDOW_BYTES} are read`);
  }
  at += sizeBytes;
  let room = 0;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) throw new Error('it is cut off');
    const header = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    const kind = (header >> 1) & 3;
    const length = header >> 3;
    isLast = (header & 1) === 1;
    room += kind === 2 ? MAX_BLOCK_BYTES : Math.min(length, MAX_BLOCK_BYTES);
    at += 3 + (kind === 1 ? 1 : length); // one byte, repeated
    if (kind === 3) throw new Error('it has a block of an unknown kind');
  }
  if (at + (descriptor & 4 ? 4 : 0) !== bytes.length) throw new Error('its blocks do not end where it does');
  if (room < size) throw new Error(`its blocks hold at most ${room} bytes, ${size} were promised`);
}

function declaredSize(view: DataView, at: number, width: number): number {
  if (width === 1) return view.getUint8(at);
  if (width === 2) return view.getUint16(at, true) + 256;
  if (width === 4) return view.getUint32(at, true);
  return view.getUint32(at, true) + 2 ** 32 * view.getUint32(at + 4, true);
}
