import type { Picture } from './picture.ts';

export interface ContactSheetOptions {
  columns: number;
  /** Pixels around and between the pictures. */
  margin?: number;
  /** sRGB of margins, empty places, and behind transparent pixels. */
  background?: [number, number, number] | 'transparent';
}

/**
 * Pictures side by side, row by row, each in the upper left of a cell as large as the largest. → RGB; RGBA on a
 * transparent background.
 */
export function contactSheet(pictures: readonly Picture[], options: ContactSheetOptions): Picture {
  const { columns, margin = 0, background = [0, 0, 0] } = options;
  if (pictures.length === 0 || !Number.isInteger(columns) || columns < 1) {
    throw new Error(
      `contactSheet: got ${pictures.length} pictures in ${columns} columns, expected at least one picture and a whole ` +
        'number of columns from 1. Leave the sheet out when there is nothing to show.',
    );
  }
  const cellWidth = Math.max(...pictures.map((p) => p.width));
  const cellHeight = Math.max(...pictures.map((p) => p.height));
  const width = columns * (cellWidth + margin) + margin;
  const height = Math.ceil(pictures.length / columns) * (cellHeight + margin) + margin;
  const isClear = background === 'transparent';
  const wide = isClear ? 4 : 3;
  const data = new Uint8Array(width * height * wide);
  if (!isClear) for (let i = 0; i < data.length; i++) data[i] = background[i % 3];

  pictures.forEach((picture, index) => {
    const { channels } = picture;
    expectPixels(picture, index);
    const left = margin + (index % columns) * (cellWidth + margin);
    const top = margin + Math.floor(index / columns) * (cellHeight + margin);
    for (let y = 0; y < picture.height; y++)
      for (let x = 0; x < picture.width; x++) {
        const src = (y * picture.width + x) * channels;
        const dst = ((top + y) * width + left + x) * wide;
        const alpha = channels === 4 ? picture.data[src + 3] / 255 : 1;
        if (isClear) {
          data.set(picture.data.subarray(src, src + 3), dst);
          data[dst + 3] = Math.round(255 * alpha);
          continue;
        }
        for (let c = 0; c < 3; c++) {
          data[dst + c] = Math.round(alpha * picture.data[src + c] + (1 - alpha) * background[c]);
        }
      }
  });
  return { width, height, channels: wide, data };
}

function expectPixels({ width, height, channels, data }: Picture, index: number): void {
  if (data.length === width * height * channels) return;
  throw new Error(
    `contactSheet: picture ${index} has ${data.length} bytes, expected ${width} × ${height} × ${channels} = ` +
      `${width * height * channels}. Set width, height and channels to those of the data.`,
  );
}
