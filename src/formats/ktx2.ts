/** Textures for graphics cards: KTX 2.0 by the encoder of Basis Universal, as WebAssembly from the package ktx2-encoder (Node). */

const MOST_TEXELS = 12 * 2 ** 20; // the encoder's own limit

/** What we call of the package's module; its own types leave out half of it. */
interface BasisEncoder {
  setStatusOutput(prints: boolean): void;
  setCreateKTX2File(value: boolean): void;
  setUASTC(value: boolean): void;
  setPackUASTCFlags(effort: number): void;
  setKTX2UASTCSupercompression(value: boolean): void;
  setKTX2AndBasisSRGBTransferFunc(value: boolean): void;
  setPerceptual(value: boolean): void;
  setMipGen(value: boolean): void;
  setSliceSourceImage(slice: number, data: Uint8Array, width: number, height: number, kind: number): boolean;
  encode(out: Uint8Array): number;
  delete(): void;
}

const RAW_RGBA = 0;

/**
 * UASTC with mip levels, sRGB, under Zstandard.
 * @param picture  RGBA, [height, width, 4], row 0 at the top
 * @throws RangeError when glTF or the encoder cannot take the size
 */
export async function encodeKtx2({
  width,
  height,
  data,
}: {
  width: number;
  height: number;
  data: Uint8Array;
}): Promise<Uint8Array<ArrayBuffer>> {
  if (width % 4 !== 0 || height % 4 !== 0 || width * height > MOST_TEXELS)
    throw new RangeError(
      `encodeKtx2: sides must be multiples of 4, with at most ${MOST_TEXELS} texels in all, got ${width} × ${height}. ` +
        'Take another size, or PNG or WebP.',
    );
  const { NodeBasisEncoder } = await import('ktx2-encoder');
  const basis = (await new NodeBasisEncoder().init()) as unknown as { BasisEncoder: new () => BasisEncoder };
  const encoder = new basis.BasisEncoder();
  try {
    encoder.setStatusOutput(false); // standard output belongs to the program's results
    encoder.setCreateKTX2File(true);
    encoder.setUASTC(true);
    encoder.setPackUASTCFlags(1); // effort, of 0 … 4
    encoder.setKTX2UASTCSupercompression(true);
    encoder.setKTX2AndBasisSRGBTransferFunc(true);
    encoder.setPerceptual(true);
    encoder.setMipGen(true);
    encoder.setSliceSourceImage(0, data, width, height, RAW_RGBA);
    const out = new Uint8Array(6 * width * height + 65536); // never reached: 8 bits a texel, and a third for mips
    const length = encoder.encode(out);
    if (length === 0) throw new Error(`internal: the KTX2 encoder failed on ${width} × ${height} texels.`);
    return out.slice(0, length);
  } finally {
    encoder.delete();
  }
}
