import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { crc32c, eventFile } from './tensorboard.ts';

test('CRC-32C has its published check value', () => {
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
});

test('an independent reader finds version, times, steps and scalars, with every checksum right', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'events-')), 'events.out.tfevents.1');
  let now = 1_700_000_000_000;
  const file = eventFile(path, () => (now += 500), 7);
  await file.scalars(7, { 'loss/mse': 0.25, lr: 1e-4 });
  await file.scalars(3_000_000_000, { ['x'.repeat(200)]: -1.5 });
  file.close();
  expect(readEvents(path)).toEqual([
    { time: 1_700_000_000.5, step: 0, version: 'brain.Event:2' },
    { time: 1_700_000_001, step: 7, session: 1 },
    { time: 1_700_000_001.5, step: 7, scalars: { 'loss/mse': 0.25, lr: Math.fround(1e-4) } },
    { time: 1_700_000_002, step: 3_000_000_000, scalars: { ['x'.repeat(200)]: -1.5 } },
  ]);
});

test('an event file is never overwritten', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'events-')), 'events.out.tfevents.1');
  eventFile(path, () => 0).close();
  expect(() => eventFile(path, () => 0)).toThrow('EEXIST');
});

// A reader that shares nothing with the writer: bitwise checksums, BigInt varints, a generic field walk.

function readEvents(path: string) {
  const file = readFileSync(path);
  const events: Record<string, unknown>[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(masked(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(masked(data));
    at += 16 + length;
    const event: Record<string, unknown> = {};
    for (const [field, value] of fieldsOf(data)) {
      if (field === 1) event.time = (value as Buffer).readDoubleLE();
      else if (field === 2) event.step = Number(value);
      else if (field === 3) event.version = String(value);
      else if (field === 7) event.session = Number(fieldsOf(value as Buffer)[0][1]);
      else if (field === 5)
        event.scalars = Object.fromEntries(
          fieldsOf(value as Buffer).map(([, entry]) => {
            const [[, tag], [, number]] = fieldsOf(entry as Buffer);
            return [String(tag), (number as Buffer).readFloatLE()];
          }),
        );
    }
    events.push(event);
  }
  return events;
}

function fieldsOf(data: Buffer): [number, bigint | Buffer][] {
  const fields: [number, bigint | Buffer][] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(data[at++]);
      value |= (byte & 127n) << shift;
      if (byte < 128n) return value;
    }
  };
  while (at < data.length) {
    const key = Number(varint());
    if (key % 8 === 0) fields.push([key >> 3, varint()]);
    else {
      const size = key % 8 === 1 ? 8 : key % 8 === 5 ? 4 : Number(varint());
      fields.push([key >> 3, data.subarray(at, at + size)]);
      at += size;
    }
  }
  return fields;
}

function masked(data: Buffer): number {
  let crc = 0xffffffffn;
  for (const byte of data) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = (crc >> 1n) ^ (crc & 1n ? 0x82f63b78n : 0n);
  }
  crc ^= 0xffffffffn;
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}
