/** The PNG writer of pages, in Node: a third party reads what it writes. Decoding is tested in a browser (test/browser.test.ts). */
import sharp from 'sharp';
import { expect, test } from 'vitest';
import * as inPages from './picture.browser.ts';
import * as inNode from './picture.ts';

test('the PNG files of pages hold the same pixels as those of Node', async () => {
  for (const channels of [1, 3, 4] as const) {
    const data = Uint8Array.from({ length: 7 * 5 * channels }, (_, i) => (i * 37) % 256);
    const [a, b] = [inPages, inNode].map(({ encodePng }) => encodePng({ width: 7, height: 5, data }));
    const pixels = async (png: Promise<Uint8Array>) =>
      sharp(await png)
        .raw()
        .toBuffer();
    expect(await pixels(a)).toEqual(await pixels(b));
  }
});

test('gray of 16 bits comes back as it went in, with its alpha', async () => {
  const gray = Float32Array.from({ length: 12 }, (_, i) => i / 11);
  const alpha = Float32Array.from({ length: 12 }, (_, i) => 1 - i / 22);
  const read = async (png: Uint8Array) => sharp(png).toColorspace('grey16').raw({ depth: 'ushort' }).toBuffer();
  for (const picture of [{ gray }, { gray, alpha }]) {
    const size = { width: 4, height: 3 };
    const pages = await inPages.encodeGray16({ ...size, ...picture });
    expect(await read(pages)).toEqual(await read(await inNode.encodeGray16({ ...size, ...picture })));
  }
});
