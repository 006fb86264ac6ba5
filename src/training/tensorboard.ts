/**
 * Scalars in the event files that TensorBoard reads: TFRecord frames around `Event` messages of protocol buffers.
 *   frame = length u64 · maskedCrc(length) u32 · bytes · maskedCrc(bytes) u32, little-endian
 * Source: TensorFlow, `lib/io/record_writer.h` and `util/event.proto`.
 */
import { appendFileSync, closeSync, openSync } from 'node:fs';

/** Milliseconds since 1970, as `Date.now`. */
export type Clock = () => number;

export interface EventFile {
  /** Writes the values of one step, and hands them to the system before it resolves. */
  scalars(step: number, values: Readonly<Record<string, number>>): Promise<void>;
  close(): void;
}

/**
 * A new event file; whoever creates it closes it. TensorBoard finds it when its name contains `tfevents`.
 * @param restartAt  first step of a resumed run: TensorBoard forgets what earlier files say from there on
 * @throws when the file exists
 */
export function eventFile(path: string, clock: Clock, restartAt?: number): EventFile {
  const file = openSync(path, 'ax');
  const append = (step: number, content: Uint8Array[]) =>
    appendFileSync(file, frame(message(double(1, clock() / 1000), integer(2, step), ...content)));
  append(0, [text(3, 'brain.Event:2')]);
  if (restartAt !== undefined) append(restartAt, [bytes(7, integer(1, 1))]); // SessionLog { status: START }
  return {
    async scalars(step, values) {
      const entries = Object.entries(values).map(([tag, value]) => bytes(1, message(text(1, tag), float(2, value))));
      append(step, [bytes(5, message(...entries))]);
    },
    close: () => closeSync(file),
  };
}

function frame(data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(data.length + 16);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(framed.subarray(0, 8)), true);
  framed.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return framed;
}

function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

// Fields of protocol buffers: key = field · 8 + wire type (0 varint, 1 eight bytes, 2 counted bytes, 5 four bytes).

function message(...fields: Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

function varint(value: number): number[] {
  const out: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) out.push((value % 128) + 128);
  out.push(value);
  return out;
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([field * 8, ...varint(value)]);
}

function double(field: number, value: number): Uint8Array {
  const out = new Uint8Array(9);
  out[0] = field * 8 + 1;
  new DataView(out.buffer).setFloat64(1, value, true);
  return out;
}

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = field * 8 + 5;
  new DataView(out.buffer).setFloat32(1, value, true);
  return out;
}

function bytes(field: number, data: Uint8Array): Uint8Array {
  return message(Uint8Array.from([field * 8 + 2, ...varint(data.length)]), data);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}
