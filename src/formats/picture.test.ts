import sharp from 'sharp';
import { expect, test } from 'vitest';
import { decodePicture, encodePng, PictureError } from './picture.ts';

const noise = (n: number) => Uint8Array.from({ length: n }, (_, i) => (i * 7919 + (i >> 3) * 104729) % 256);

test('a PNG gives back its pixels, transparent ones included', async () => {
  const data = noise(6 * 4 * 4);
  expect(await decodePicture(await encodePng({ width: 6, height: 4, data }))).toEqual({
    width: 6,
    height: 4,
    data,
    hasAlpha: true,
  });
});

test('pictures without alpha, gray ones and those of 16 bit become opaque RGBA', async () => {
  const rgb = await decodePicture(await encodePng({ width: 1, height: 1, data: Uint8Array.of(9, 8, 7) }));
  expect([...rgb.data, rgb.hasAlpha]).toEqual([9, 8, 7, 255, false]);
  const gray = await decodePicture(await encodePng({ width: 1, height: 1, data: Uint8Array.of(77) }));
  expect([...gray.data]).toEqual([77, 77, 77, 255]);
  const deep = await sharp(Uint8Array.of(9, 8, 7), { raw: { width: 1, height: 1, channels: 3 } })
    .toColorspace('rgb16')
    .png()
    .toBuffer();
  expect([...(await decodePicture(deep)).data]).toEqual([9, 8, 7, 255]);
});

test('a photograph taken sideways stands upright', async () => {
  const sideways = await sharp({ create: { width: 40, height: 20, channels: 3, background: 'red' } })
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toBuffer();
  const { width, height } = await decodePicture(sideways);
  expect([width, height]).toEqual([20, 40]);
});

test('60000 × 60000 pixels are refused from the header alone', async () => {
  const file = await encodePng({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3) });
  const view = new DataView(file.buffer);
  view.setUint32(16, 60000);
  view.setUint32(20, 60000);
  view.setUint32(29, crc32(file.subarray(12, 29)));
  await expect(decodePicture(file)).rejects.toThrow(/60000 × 60000 pixels, the limit is 100 million/);
});

test.each(['png', 'jpeg', 'webp'] as const)('a truncated %s is refused, not half decoded', async (format) => {
  const file = await sharp(noise(64 * 64 * 3), { raw: { width: 64, height: 64, channels: 3 } })
    .toFormat(format)
    .toBuffer();
  await expect(decodePicture(file.subarray(0, file.length / 2))).rejects.toThrow(PictureError);
});

test('nothing, text and drawings are refused with the formats that work', async () => {
  await expect(decodePicture(new Uint8Array())).rejects.toThrow(/empty/);
  await expect(decodePicture(new TextEncoder().encode('hello, I am a text file'))).rejects.toThrow(
    /not a picture.*PNG/,
  );
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
  await expect(decodePicture(new TextEncoder().encode(svg))).rejects.toThrow(/got svg/);
});

test('pixels that do not fill the picture are refused', async () => {
  await expect(encodePng({ width: 2, height: 2, data: new Uint8Array(7) })).rejects.toThrow(/1, 3 or 4 bytes/);
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
