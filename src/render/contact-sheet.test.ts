import { describe, expect, it } from 'vitest';
import { contactSheet } from './contact-sheet.ts';
import type { Picture } from './picture.ts';

function plain(width: number, height: number, ...pixel: number[]): Picture {
  const data = Uint8Array.from({ length: width * height * pixel.length }, (_, i) => pixel[i % pixel.length]);
  return { width, height, channels: pixel.length as 3 | 4, data };
}

const pixel = ({ data, width }: Picture, x: number, y: number) => [
  ...data.subarray((y * width + x) * 3).subarray(0, 3),
];

describe('contactSheet', () => {
  it('places pictures row by row with margins around and between', () => {
    const pictures = [plain(2, 2, 10, 0, 0), plain(2, 2, 20, 0, 0), plain(2, 2, 30, 0, 0)];
    const sheet = contactSheet(pictures, { columns: 2, margin: 1, background: [9, 9, 9] });
    expect([sheet.width, sheet.height]).toEqual([7, 7]);
    expect(pixel(sheet, 0, 0)).toEqual([9, 9, 9]);
    expect(pixel(sheet, 1, 1)).toEqual([10, 0, 0]);
    expect(pixel(sheet, 3, 1)).toEqual([9, 9, 9]);
    expect(pixel(sheet, 5, 2)).toEqual([20, 0, 0]);
    expect(pixel(sheet, 2, 4)).toEqual([30, 0, 0]);
    expect(pixel(sheet, 5, 5)).toEqual([9, 9, 9]); // an empty place
  });

  it('lays transparent pixels over the background', () => {
    const sheet = contactSheet([plain(1, 1, 200, 100, 0, 51)], { columns: 1, background: [0, 0, 100] });
    expect(pixel(sheet, 0, 0)).toEqual([40, 20, 80]);
  });

  it('refuses nothing at all, and pictures whose data do not fit', () => {
    expect(() => contactSheet([], { columns: 1 })).toThrow(/0 pictures/);
    expect(() => contactSheet([{ ...plain(2, 2, 0, 0, 0), width: 3 }], { columns: 1 })).toThrow(
      /picture 0 has 12 bytes/,
    );
  });
});
