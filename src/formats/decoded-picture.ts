/** RGBA, sRGB, straight alpha, 8 bit, row 0 at the top: data [height, width, 4]. */
export interface DecodedPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<ArrayBuffer>;
  /** The file has an alpha channel; it may still be opaque everywhere. */
  readonly hasAlpha: boolean;
}

export interface DecodePictureOptions {
  /** Refuse more pixels than this; the default, 100 million, takes 400 MB. */
  readonly maxPixels?: number;
}

/** Bytes that cannot become a picture. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
}
