/** 8-bit sRGB pixels, rows from the top. */
export interface Picture {
  width: number;
  height: number;
  channels: 3 | 4;
  /** [height, width, channels]; alpha is straight */
  data: Uint8Array;
}
